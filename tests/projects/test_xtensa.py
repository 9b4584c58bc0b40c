"""ESP32-S3 projects on an emulated Xtensa core: outputs equal to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.models.cases import Vector, case_paths, load_cases, merge
from tests.support.nets.float_layers import float_layers
from tests.support.running.esp_nn import STAND_IN
from tests.support.running.xtensa import ProgramLink, build_project
from tests.support.values.plans import planned_on
from tinyml import api
from tinyml.codegen.generate import generate
from tinyml.device.agent import AgentClient
from tinyml.device.profile import profile
from tinyml.evaluate.verification import verify
from tinyml.ir.graph import Graph
from tinyml.passes.expand import expand_ops
from tinyml.project.create import create
from tinyml.target.board import Board
from tinyml.target.libraries import with_libraries

DIGITS = Path(__file__).parents[2] / "examples" / "digits"

pytestmark = [pytest.mark.xtensa, pytest.mark.sim]


def check_on_xtensa(
    graph: Graph, vectors: Sequence[Vector], board: Board, folder: Path, *libraries: Path
) -> None:
    """Makes the project, runs it on the emulated core, compares every output."""
    plan = api.plan(expand_ops(graph), board).plan
    project = create(planned_on(plan, board, "esp_idf"), generate(plan, board), folder / "project")
    objects = folder / "objects"
    objects.mkdir()
    program = build_project(project, objects, libraries)
    client = AgentClient(ProgramLink(program))
    run = profile(client, board.name, tuple(vectors), in_sequence=graph.is_streaming)
    verify(graph, vectors, run.outputs)
    assert len(run.layers) == len(plan.steps)


@pytest.mark.parametrize("kernels", [(), ("esp_nn",)], ids=["own", "esp_nn"])
def test_the_digits(kernels: tuple[str, ...], tmp_path: Path) -> None:
    board = with_libraries(api.load_board("esp32s3"), kernels)
    graph = api.load(DIGITS / "digits.tflite")
    samples = api.samples_of(graph, DIGITS / "test.npz", 5).inputs
    libraries = [STAND_IN / "esp_nn.c"] if kernels else []
    check_on_xtensa(graph, samples, board, tmp_path, *libraries)


@pytest.mark.parametrize("path", case_paths(), ids=lambda path: path.stem)
def test_rows(path: Path, tmp_path: Path) -> None:
    if path.stem == "floor_div":
        pytest.skip("it divides in double, and the runtime library of these tests has none")
    case = merge(load_cases(path).cases, path.stem)
    check_on_xtensa(case.graph, case.vectors, api.load_board("esp32s3"), tmp_path)


def test_float_layers(tmp_path: Path) -> None:
    """A compiler's code for scales that are powers of two was wrong on another core."""
    case = float_layers()
    check_on_xtensa(case.graph, case.vectors, api.load_board("esp32s3"), tmp_path)
