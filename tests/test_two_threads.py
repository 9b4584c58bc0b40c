"""Layers that two cores share, on two threads of this machine under ThreadSanitizer.

What runs is the C that a board gets, over firmware/port/two_cores/freertos.c; threads stand for
tasks (tests/support/stand_ins/esp_idf/threads.c). A half that touched what the other one writes
would be a race.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import Case, Vector, batched, case_paths, load_batch, names_of
from tests.support.running.esp_idf import STAND_INS
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.halves import all_in_halves, shared_calls
from tinyml import api
from tinyml.backends.toolchains import host_compiler
from tinyml.base import process, resources
from tinyml.base.errors import ToolError
from tinyml.base.process import Command
from tinyml.codegen.generate import generate
from tinyml.plan.values import Plan
from tinyml.target.board import Board

pytestmark = [pytest.mark.host_cc, pytest.mark.slow]

SDKCONFIG = "#define CONFIG_FREERTOS_HZ 1000\n#define CONFIG_SOC_CPU_CORES_NUM 2\n"
MODELS = Path(__file__).parent / "models"


@cache
def compiler() -> tuple[str, ...]:
    """Skips the test where the compiler brings no ThreadSanitizer."""
    found = host_compiler()
    words = (*found, "-fsanitize=thread", "-x", "c", "-", "-o", os.devnull)
    made = subprocess.run(words, input="int main(void) { return 0; }", text=True, check=False)
    if made.returncode != 0:
        pytest.skip("the compiler of this machine has no ThreadSanitizer")
    return found


def board() -> Board:
    """Without the vector unit, whose instructions this machine does not have."""
    found = api.load_board("esp32s3")
    return replace(found, cores=2, chip=replace(found.chip, isa=("fpu_sp", "xtensa")))


def on_threads(plan: Plan, vectors: Sequence[Vector], folder: Path) -> list[Vector]:
    """What the plan's C gives; ThreadSanitizer ends it at the first race."""
    sources, firmware = generate(plan, None), resources.path("firmware")
    for name, text in sources.files:
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "sdkconfig.h").write_text(SDKCONFIG)
    (folder / "tml_config.h").write_text("#define TML_STACK_BYTES 4096\n")
    files = [folder / name for name in sources.compiled]
    files += [firmware / "port" / "bare" / "records.c", STAND_INS / "threads.c"]
    files += [firmware / "port" / "two_cores" / "freertos.c"]
    includes = (folder, firmware, firmware / "include", STAND_INS)
    start = ("-include", "tml_both.h", "-DTML_START=tml_both_start()")
    program = folder / "program"
    process.run(
        Command(
            (
                *(*compiler(), "-fsanitize=thread", "-O1", "-g1", "-w"),
                *("-std=gnu11", "-fno-strict-aliasing", f"-DTML_MODEL={sources.name}_model"),
                *start,
                *(f"-I{path}" for path in includes),
                *("-o", str(program), *map(str, files), "-lpthread", "-lm"),
            )
        )
    )
    data = b"".join(np.ascontiguousarray(value).tobytes() for item in vectors for value in item)
    answer = process.feed(Command((str(program),)), data)
    tensors, at, made = [plan.graph.tensors[i] for i in plan.graph.outputs], 0, []
    for _ in vectors:
        row = []
        for tensor in tensors:
            flat = np.frombuffer(answer, tensor.dtype.numpy, tensor.elements, at)
            row.append(flat.reshape(tensor.shape))
            at += tensor.nbytes
        made.append(tuple(row))
    assert at == len(answer)
    return made


@pytest.mark.parametrize("batch", batched(case_paths()), ids=names_of)
def test_rows(batch: tuple[Path, ...], tmp_path: Path) -> None:
    case = load_batch(batch)
    plan = all_in_halves(case.graph, board())
    if plan is None:
        pytest.skip("no kernel of these can be cut in two")
    vectors = case.vectors[:2]
    assert_equal(
        case.graph, run_reference(case.graph, vectors), on_threads(plan, vectors, tmp_path)
    )


@pytest.mark.parametrize("name", ["kws_ref_model", "str_ww_ref_model"])
def test_models(name: str, tmp_path: Path) -> None:
    limits = api.Limits(cores=2)
    settings = api.Settings("speed", limits=limits)
    plan = api.plan(MODELS / f"{name}.tflite", board(), settings).plan
    assert len(shared_calls(plan)) > 4
    vectors = api.samples_of(plan.graph).inputs[:2]
    wanted = run_reference(plan.reference_graph, vectors)
    assert_equal(plan.graph, wanted, on_threads(plan, vectors, tmp_path))


def test_a_race_is_found(tmp_path: Path) -> None:
    """The second half begins a row too early: both write it."""
    case = _one("average_pool_2d")
    plan = all_in_halves(case.graph, board())
    assert plan is not None
    steps = list(plan.steps)
    for number in shared_calls(plan):
        call = steps[number].call
        assert call is not None
        moved = tuple(
            offset - (argument.kind == "output")
            for argument, offset in zip(call.arguments, call.halves[1].offsets, strict=True)
        )
        halves = (call.halves[0], replace(call.halves[1], offsets=moved))
        steps[number] = replace(steps[number], call=replace(call, halves=halves))
    with pytest.raises(ToolError, match="exit code 66"):  # a race, as ThreadSanitizer says it
        on_threads(replace(plan, steps=tuple(steps)), case.vectors[:1], tmp_path)


def _one(name: str) -> Case:
    return load_batch([path for path in case_paths() if path.stem == name])
