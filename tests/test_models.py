"""Whole models: reference = TFLM = C on the host = images on emulated boards; prediction = linker.

The digits model and models made here always run; the MLPerf Tiny models run when their folder
lies beside the checkout.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from benchmarks.models import large_kernels, many_channels, residuals
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import run_on_host
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml import api
from tinyml.evaluate.samples import random_samples
from tinyml.ir.graph import Array, Graph
from tinyml.passes import run_passes
from tinyml.plan.code_size import helpers_of
from tinyml.plan.fit import fit
from tinyml.project.pipeline import build_plan
from tinyml.project.selftest import outputs_of_image

ROOT = Path(__file__).parent.parent
REAL = ROOT / "tests" / "models"
FILES = [ROOT / "examples" / "digits" / "digits.tflite", *sorted(REAL.glob("*.tflite"))]
MADE = {"large_kernels": large_kernels, "residuals": residuals, "many_channels": many_channels}
NAMES = [*(path.stem for path in FILES), *MADE]
BOARDS = ("nucleo_l4r5zi", "nucleo_h743zi2", "nucleo_u575zi_q", "nucleo_g0b1re")
VECTORS = 20
INSTRUCTIONS = 30_000_000  # about, of all inferences of an image
WATCHED = (
    5_000_000  # of an inference: longer ones are watched for unaligned accesses once per board
)
HELPER = re.compile(
    r"tml_dsp_(gemm|row|tail_[12]|winograd|winograd_row)_(direct|linear|rounding|sums|uniform|wide)\w*"
    r"|tml_dsp_rescale_sums|tml_dsp_depthwise_pixel|tml_dsp_dot_(single|pair)|tml_plane_load"
)

Vectors = tuple[tuple[Array, ...], ...]


@cache
def model(name: str) -> Graph:
    if name in MADE:
        return MADE[name]()
    return api.load(next(path for path in FILES if path.stem == name))


@cache
def vectors(name: str) -> Vectors:
    return random_samples(model(name), VECTORS, seed=20).inputs


@cache
def expected(name: str) -> list[tuple[Array, ...]]:
    return run_reference(model(name), vectors(name))


@needs_tflm
@pytest.mark.parametrize("name", NAMES)
def test_tflm_equals_reference(name: str) -> None:
    assert_equal(model(name), expected(name), run_in_tflm(model(name), vectors(name)))


@pytest.mark.host_cc
@pytest.mark.parametrize("name", NAMES)
def test_host_c_equals_reference(name: str, tmp_path: Path) -> None:
    found = run_on_host(run_passes(model(name)), vectors(name), tmp_path, optimize="speed")
    assert_equal(model(name), expected(name), found)


@pytest.mark.sim
@pytest.mark.parametrize("optimize", ["speed", "size"])
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", NAMES)
def test_image_is_exact_and_as_large_as_predicted(
    name: str, board: str, optimize: str, tmp_path: Path
) -> None:
    """Before compiling against after linking: RAM within 2 %, flash within 5 %."""
    target = api.load_board(board)
    plan = api.plan(model(name), target, api.Settings(optimize)).plan
    if not fit(plan, target).is_ok:
        pytest.skip(f"{name} does not fit {board}")
    is_fast = optimize == "speed"
    settings = api.Settings(optimize, directory=tmp_path, self_test=is_fast)
    built = build_plan(plan, target, settings)
    inference = sum(step.call.cost.instructions for step in plan.steps if step.call)
    count = max(2, min(VECTORS, INSTRUCTIONS // inference)) if is_fast else 2
    image = (built.plan, target, built.linked())
    is_watched = is_fast or inference <= WATCHED  # which takes five times as long
    found = outputs_of_image(*image, vectors(name)[:count], is_watched=is_watched)
    assert_equal(model(name), expected(name)[:count], found)
    for memory in built.report.memory:
        if memory.linked_bytes:
            limit = 0.05 if memory.kind == "flash" else 0.02
            error = abs(memory.predicted_bytes - memory.linked_bytes) / memory.linked_bytes
            assert error <= limit, (memory.region, memory.predicted_bytes, memory.linked_bytes)


@pytest.mark.sim
@pytest.mark.parametrize("board", ["nucleo_l4r5zi", "nucleo_g0b1re"])
@pytest.mark.parametrize("name", ["digits", "large_kernels"])
def test_no_other_goal_needs_less_flash_than_size(name: str, board: str, tmp_path: Path) -> None:
    target = api.load_board(board)

    def flash_bytes(goal: str) -> int:
        plan = api.plan(model(name), target, api.Settings(goal)).plan
        settings = api.Settings(goal, directory=tmp_path / goal, self_test=False)
        built = build_plan(plan, target, settings)
        return built.linked().flash_bytes

    assert flash_bytes("size") <= min(flash_bytes("balanced"), flash_bytes("ram"))


@pytest.mark.sim
@pytest.mark.parametrize("goal", ["speed", "balanced"])
@pytest.mark.parametrize("name", NAMES)
def test_helpers_are_what_the_linker_keeps(name: str, goal: str, tmp_path: Path) -> None:
    """What the prediction counts once is in the image, and nothing of that kind besides."""
    target = api.load_board("nucleo_l4r5zi")
    plan = api.plan(model(name), target, api.Settings(goal)).plan
    built = build_plan(plan, target, api.Settings(goal, directory=tmp_path, self_test=False))
    found = {symbol for symbol, _, _ in built.linked().symbols if HELPER.fullmatch(symbol)}
    assert found == helpers_of([step.call for step in plan.steps if step.call is not None])
