"""Layers that two cores share, on emulated cores: in any order outputs are those of one core.

Halves run one after the other, the other way round, a few cycles each in turn, and each alone while
all that is the other's keeps changing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import Case, batched, case_paths, load_batch, merge, names_of
from tests.support.models.random_layers import layers_for, preferred
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.halves import all_in_halves, shared_calls
from tests.support.running.two_cores import (
    Runner,
    Schedule,
    first_then_second,
    interleaved,
    second_then_first,
)
from tinyml import api, variants
from tinyml.base.errors import PlanError
from tinyml.plan.values import Plan
from tinyml.plan.verify import verify
from tinyml.target.board import Board
from tinyml.variants import Variant

pytestmark = [pytest.mark.xtensa, pytest.mark.sim]

MODELS = Path(__file__).parents[1] / "models"
VARIANTS = [
    item
    for item in variants.all_variants()
    if item.isa in ("pie", "xtensa") and item.form == "s8"  # int16: rows
]


def board() -> Board:
    return replace(api.load_board("esp32s3"), cores=2)


def schedules(plan: Plan) -> list[tuple[str, Callable[[int], Schedule]]]:
    return [
        ("in order", lambda _: first_then_second),
        ("the other way round", lambda _: second_then_first),
        ("in turn", lambda number: interleaved(number)),
    ]


def check(case: Case, plan: Plan, folder: Path) -> None:
    """The whole of a program by each schedule; then each half alone."""
    assert shared_calls(plan)
    runner = Runner(plan, board(), folder)
    vectors = case.vectors[:2]
    wanted = run_reference(case.graph, vectors)
    for _, schedule in schedules(plan):
        assert_equal(case.graph, wanted, runner.outputs(vectors, schedule))
    steps = shared_calls(plan)
    rng = np.random.default_rng(3)
    for number in range(2):

        def alone(layer: int, number: int = number) -> Schedule:
            return runner.watched(steps[layer % len(steps)], number, rng)

        assert_equal(case.graph, wanted[:1], runner.outputs(vectors[:1], alone))


@pytest.mark.parametrize("batch", batched(case_paths()), ids=names_of)
def test_rows(batch: tuple[Path, ...], tmp_path: Path) -> None:
    case = load_batch(batch)
    plan = all_in_halves(case.graph, board())
    if plan is None:
        pytest.skip("no kernel of these can be cut in two")
    check(case, plan, tmp_path)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_layers(variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = merge(layers_for(variant, np.random.default_rng(5), 24), "random")
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    plan = all_in_halves(whole.graph, board())
    if plan is None:
        pytest.skip("no kernel of its can be cut in two")
    check(whole, plan, tmp_path)


@pytest.mark.parametrize("name", ["kws_ref_model", "pretrainedResnet_quant", "str_ww_ref_model"])
def test_models(name: str, tmp_path: Path) -> None:
    """As a user builds them: layers that gain are shared, and outputs are those of one core."""
    file = MODELS / f"{name}.tflite"
    limits = api.Limits(cores=2)
    made = api.plan(file, api.load_board("esp32s3"), api.Settings("speed", limits=limits)).plan
    assert len(shared_calls(made)) > 4
    vectors = api.samples_of(made.graph).inputs[:1]
    wanted = run_reference(made.reference_graph, vectors)
    runner = Runner(made, board(), tmp_path)
    for _, schedule in schedules(made):
        assert_equal(made.graph, wanted, runner.outputs(vectors, schedule))


def test_a_half_that_writes_what_is_not_its_own_is_found(tmp_path: Path) -> None:
    """The second half of a sum begins where the first one ends, here a pixel earlier."""
    case = load_batch([path for path in case_paths() if path.stem == "average_pool_2d"])
    plan = all_in_halves(case.graph, board())
    assert plan is not None
    step = shared_calls(plan)[0]
    call = plan.steps[step].call
    assert call is not None
    runner = Runner(plan, board(), tmp_path)
    moved = tuple(
        offset - (argument.kind == "output")
        for argument, offset in zip(call.arguments, call.halves[1].offsets, strict=True)
    )
    wrong = replace(call, halves=(call.halves[0], replace(call.halves[1], offsets=moved)))
    steps = list(plan.steps)
    steps[step] = replace(plan.steps[step], call=wrong)
    with pytest.raises(PlanError, match="halves write the bytes"):
        verify(replace(plan, steps=tuple(steps)), board())
    runner.elf = Runner(replace(plan, steps=tuple(steps)), board(), tmp_path).elf
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match="writes what is not its own"):
        runner.outputs(case.vectors[:1], lambda _: runner.watched(step, 1, rng))
