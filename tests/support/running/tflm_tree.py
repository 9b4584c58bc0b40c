"""A stand-in for TFLM's sources: headers of its API, an interpreter that copies, empty files else.

The headers are written from the documentation of the API; nothing here is TFLM's own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.values.plans import planned_on, sine_graph
from tinyml.model.file import ModelFile, model_file
from tinyml.model.writer import write
from tinyml.project.create import create
from tinyml.runtimes import runtime_of
from tinyml.target.boards import load_board
from tinyml.tflm.table import op_facts, sources
from tinyml.values.goal import Goal
from tinyml.values.project import Project

API = Path(__file__).parents[1] / "stand_ins" / "tflm_api"
TEMPLATE = "cmake_tflm"
COMPANIONS = {
    "CMSIS_NN": ("CMSIS-NN", "Include/arm_nnfunctions.h"),
    "FLATBUFFERS": ("flatbuffers", "include/flatbuffers/flatbuffers.h"),
    "GEMMLOWP": ("gemmlowp", "fixedpoint/fixedpoint.h"),
    "RUY": ("ruy", "ruy/profiler/instrumentation.h"),
}


def sine_file() -> ModelFile:
    """The sine model as a .tflite file."""
    return model_file("sine.tflite", write(sine_graph()))


def tflm_project(
    dest: Path, *, board: str = "nucleo_f446re", agent: bool = True, template: str = TEMPLATE
) -> Project:
    """The project of the sine model with TFLM."""
    runtime, target, goal = runtime_of("tflm"), load_board(board), Goal(agent=agent)
    model = sine_file()
    plan = runtime.plan(model, runtime.load(model), target, goal)
    made = runtime.generate(model, plan, target, goal)
    return create(planned_on(plan, target, template, agent=agent), made, dest)


def stand_in_tree(folder: Path) -> Path:
    """What TFLM_DIR may name: every file that the sine model's firmware compiles."""
    tree = folder / "tflite-micro"
    shutil.copytree(API / "tensorflow", tree / "tensorflow")
    kernels = ("cmsis_nn/fully_connected.cc", "fully_connected_common.cc")
    for name in (
        *sources()["core"],
        *(f"tensorflow/lite/micro/kernels/{kernel}" for kernel in kernels),
    ):
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    shutil.copy(API / "interpreter.cc", tree / "tensorflow/lite/micro/micro_interpreter.cc")
    for name, marker in COMPANIONS.values():
        path = folder / name / marker
        path.parent.mkdir(parents=True)
        path.touch()
    for name in op_facts()["FULLY_CONNECTED"].folders:
        source = folder / "CMSIS-NN" / "Source" / name / "nothing.c"
        source.parent.mkdir(parents=True)
        source.write_text("typedef int nothing;\n")
    return tree
