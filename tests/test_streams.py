"""Layers computed row by row give the bytes of the whole layers: on the host and on a board."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest

from tests.support.models.chains import random_chain, vectors_of
from tests.support.models.streamed import streamed_plan, streamed_steps
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import compile_plan, run_program
from tinyml import api
from tinyml.conformance.targets import host_board
from tinyml.evaluate.samples import random_samples
from tinyml.ir.graph import Graph
from tinyml.plan.fit import fit
from tinyml.plan.segments import segments
from tinyml.plan.stages import Banding
from tinyml.plan.values import Plan
from tinyml.plan.verify import verify
from tinyml.project.pipeline import build_plan
from tinyml.target.board import Board

FORMS = [Banding(band, is_wide) for band in (1, 2, 3, 8) for is_wide in (False, True)]
SEEDS = range(16)
ROOT = Path(__file__).parent.parent
FILES = {
    path.stem: path
    for path in (
        ROOT / "examples" / "digits" / "digits.tflite",
        *sorted((ROOT / "tests" / "models").glob("*.tflite")),
    )
}
LEAST_RAM = {"kws_ref_model": 6_300, "pretrainedResnet_quant": 20_000}


@cache
def board_of(name: str) -> Board:
    return host_board() if name == "host" else api.load_board(name)


def any_streamed_plan(graph: Graph, board: Board, seed: int, optimize: str) -> Plan:
    """The graph with some segment streamed in some form."""
    chance = random.Random(seed)
    ways = [
        step
        for segment in chance.sample(segments(graph, 16), k=1)
        for form in FORMS
        for step in streamed_steps(graph, segment, form, board.chip.isa)
    ]
    made = streamed_plan(graph, board, chance.choice(ways), optimize)
    verify(made, board)
    return made


@pytest.mark.host_cc
@pytest.mark.parametrize("is_wide", [False, True], ids=["int8", "int16"])
@pytest.mark.parametrize("seed", SEEDS)
def test_host_c_equals_reference(seed: int, is_wide: bool, tmp_path: Path) -> None:
    """With sanitizers."""
    graph = random_chain(seed, is_wide=is_wide)
    made = any_streamed_plan(graph, board_of("host"), seed, "size")
    vectors = vectors_of(graph, 3)
    found = run_program(compile_plan(made, tmp_path), graph, vectors)
    assert_equal(graph, run_reference(graph, vectors), found)


@pytest.mark.sim
@pytest.mark.parametrize(
    ("name", "is_wide"),
    [("nucleo_l4r5zi", False), ("nucleo_g0b1re", False), ("nucleo_l4r5zi", True)],
)
@pytest.mark.parametrize("seed", SEEDS[:6])
def test_board_equals_reference(name: str, is_wide: bool, seed: int, tmp_path: Path) -> None:
    """The kernels for the core at hand, which meet rows at any address."""
    graph, board = random_chain(100 + seed, is_wide=is_wide), board_of(name)
    made = any_streamed_plan(graph, board, seed, "ram")
    vectors = vectors_of(graph, 2)
    built = build_plan(made, board, api.Settings("ram", directory=tmp_path))
    found = list(api.simulate(built, vectors).outputs)
    assert_equal(graph, run_reference(graph, vectors), found)


@pytest.mark.sim
@pytest.mark.parametrize("board", ["nucleo_l4r5zi", "nucleo_g0b1re"])
@pytest.mark.parametrize("name", sorted(FILES))
def test_model_with_little_ram_equals_reference(name: str, board: str, tmp_path: Path) -> None:
    graph, target = api.load(FILES[name]), board_of(board)
    vectors = random_samples(graph, 2, seed=3).inputs
    made = api.plan(graph, target, api.Settings("ram")).plan
    if not fit(made, target).is_ok:
        pytest.skip(f"{name} does not fit {board}")
    built = build_plan(made, target, api.Settings("ram", directory=tmp_path))
    found = list(api.simulate(built, vectors).outputs)
    assert_equal(graph, run_reference(graph, vectors), found)


@pytest.mark.parametrize("name", sorted(LEAST_RAM))
def test_little_ram_is_enough(name: str) -> None:
    """Activations with the windows of streamed layers; the kernels' scratch comes on top."""
    made = api.plan(api.load(FILES[name]), board_of("nucleo_l4r5zi"), api.Settings("ram")).plan
    assert made.activation_bytes <= LEAST_RAM[name]
