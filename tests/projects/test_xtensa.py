"""ESP32-S3 projects on an emulated Xtensa core: outputs equal to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.models.cases import Vector, batched, case_paths, load_batch, names_of
from tests.support.nets.float_layers import float_layers
from tests.support.running.esp_nn import STAND_IN
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.laid_out import first_layout
from tests.support.running.xtensa import ProgramLink, build_project
from tests.support.values.plans import planned_on
from tinyml import api
from tinyml.bare.run import run_bare
from tinyml.codegen.generate import generate
from tinyml.device.agent import AgentClient
from tinyml.device.profile import profile
from tinyml.evaluate.samples import Samples
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
    with first_layout():
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


@pytest.mark.parametrize("batch", batched(case_paths()), ids=names_of)
def test_rows(batch: tuple[Path, ...], tmp_path: Path) -> None:
    """Every row, with the vector unit's kernels where there are: the model's functions alone.

    Through the agent every byte passes as characters; what it does does not depend on the layers.
    """
    case, board = load_batch(batch), api.load_board("esp32s3")
    with first_layout(singly=True):
        plan = api.plan(expand_ops(case.graph), board).plan
    found = run_bare(plan, board, Samples(tuple(case.vectors)), tmp_path).outputs
    assert_equal(case.graph, run_reference(case.graph, case.vectors), list(found))


@pytest.mark.parametrize("name", ["concatenation", "quantize", "relu"])
def test_rows_by_agent(name: str, tmp_path: Path) -> None:
    """Many inputs, floats and int16 through the project's agent."""
    case = load_batch([path for path in case_paths() if path.stem == name])
    check_on_xtensa(case.graph, case.vectors, api.load_board("esp32s3"), tmp_path)


def test_float_layers(tmp_path: Path) -> None:
    """A compiler's code for scales that are powers of two was wrong on another core."""
    case = float_layers()
    check_on_xtensa(case.graph, case.vectors, api.load_board("esp32s3"), tmp_path)
