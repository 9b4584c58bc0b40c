"""Unrolled recurrent layers become loops: equal in every element, and only where that is so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models import recurrent
from tests.support.models.cases import Vector
from tests.support.running.emulated import run_on_board
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import run_on_host
from tinyml.base.errors import PlanError
from tinyml.codegen.generate import generate
from tinyml.conformance.targets import host_board
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Control, Inner, Spot
from tinyml.ops import trait_of
from tinyml.ops.traits import Runs
from tinyml.passes import run_passes
from tinyml.plan.planner import plan
from tinyml.plan.values import Plan
from tinyml.plan.verify import verify
from tinyml.target.boards import load_board

MODELS: dict[str, tuple[Callable[[], Graph], tuple[int, ...]]] = {  # and the rounds of its loops
    "last_only": (recurrent.last_only, (8,)),
    "sequences": (recurrent.sequences, (8,)),
    "first_is_another": (recurrent.first_is_another, (8,)),
    "given_state": (recurrent.given_state, (7,)),
    "two_layers": (recurrent.two_layers, (8,)),
    "bidirectional": (recurrent.bidirectional, (8, 8)),
}
by_model = pytest.mark.parametrize("name", MODELS)


def vectors_of(graph: Graph) -> list[Vector]:
    rng = np.random.default_rng(5)
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    return [tuple(rng.integers(-128, 128, s).astype(np.int8) for s in shapes) for _ in range(4)]


def loops_of(graph: Graph) -> list[Op]:
    return [op for op in graph.ops if trait_of(op.kind, Runs) is not None]


@by_model
def test_unrolled_layers_become_loops(name: str) -> None:
    make, rounds = MODELS[name]
    graph = make()
    made = run_passes(graph)
    assert sorted(op.attrs.rounds for op in loops_of(made)) == sorted(rounds)
    vectors = vectors_of(graph)
    assert_equal(graph, run_reference(graph, vectors), run_reference(made, vectors))


@by_model
def test_nothing_is_left_of_the_copies(name: str) -> None:
    """A loop, what cuts or joins, and the ops around the layer."""
    made = run_passes(MODELS[name][0]())
    assert len(made.ops) <= 12


@pytest.mark.host_cc
@by_model
@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_host_c_computes_the_same(name: str, optimize: str, tmp_path: Path) -> None:
    graph = MODELS[name][0]()
    vectors = vectors_of(graph)
    found = run_on_host(run_passes(graph), vectors, tmp_path, optimize=optimize)
    assert_equal(graph, run_reference(graph, vectors), found)


@pytest.mark.parametrize(
    "make", [recurrent.one_other_weight, recurrent.uneven, recurrent.other_scale]
)
def test_what_is_not_alike_stays(make: Callable[[], Graph]) -> None:
    """Whatever is rolled of it, no loop spans the place where a step differs."""
    graph = make()
    made = run_passes(graph)
    assert all(op.attrs.rounds < 6 for op in loops_of(made))
    vectors = vectors_of(graph)
    assert_equal(graph, run_reference(graph, vectors), run_reference(made, vectors))


def test_too_few_steps_stay() -> None:
    assert not loops_of(run_passes(recurrent.last_only(count=2)))


def planned(optimize: str = "speed") -> Plan:
    made = plan(run_passes(recurrent.sequences()), host_board(), optimize=optimize)
    verify(made, host_board())
    return made


def with_control(made: Plan, change: Callable[[Control], Control]) -> Plan:
    def changed(step):  # type: ignore[no-untyped-def]
        if step.call is None or step.call.control is None:
            return step
        return replace(step, call=replace(step.call, control=change(step.call.control)))

    return replace(made, steps=tuple(changed(step) for step in made.steps))


def moved(control: Control, tensor: str, offset: int) -> Control:
    """One tensor of the body at another place."""
    (body,) = control.routines
    offsets = tuple(
        offset if item.name == tensor and held >= 0 else held
        for item, held in zip(body.graph.tensors, body.offsets, strict=True)
    )
    return replace(control, routines=(replace(body, offsets=offsets),))


def without_copies(control: Control, phase: int) -> Control:
    copies = tuple(() if i == phase else items for i, items in enumerate(control.copies))
    return replace(control, copies=copies)


def in_reverse(control: Control) -> Control:
    (before, each, made, after) = control.copies
    far = tuple(replace(item, made=replace(item.made, step=-item.made.step)) for item in made)
    return replace(control, copies=(before, each, far, after))


def with_scratch_at(control: Control, offset: int) -> Control:
    (body,) = control.routines

    def put(inner: Inner) -> Inner:
        return replace(inner, scratch_offset=offset)

    return replace(control, routines=(replace(body, calls=tuple(map(put, body.calls))),))


WRONG: dict[str, tuple[Callable[[Control], Control], str]] = {
    "no_first_state": (lambda c: without_copies(c, 0), "late"),
    "no_input": (lambda c: without_copies(c, 1), "late"),
    "no_result": (lambda c: without_copies(c, 2), "does not make its part"),
    "backwards": (in_reverse, "copies"),
    "on_one_another": (lambda c: moved(c, "dense", 0), "late|overwrite|lies|is not handed on"),
    "beyond": (lambda c: moved(c, "total", 1 << 20), "beyond"),
    "input_elsewhere": (lambda c: moved(c, "x0", 1 << 20), "beyond"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_verifier_finds_what_is_wrong(name: str) -> None:
    change, words = WRONG[name]
    with pytest.raises(PlanError, match=words):
        verify(with_control(planned(), change), host_board())


def test_scratch_on_values_is_found() -> None:
    """Kernels with scratch of their own: those of a core with DSP instructions."""
    board = load_board("nucleo_l4r5zi")
    made = plan(run_passes(recurrent.sequences()), board, optimize="speed")
    verify(made, board)
    with pytest.raises(PlanError, match=r"scratch|late"):
        verify(with_control(made, lambda c: with_scratch_at(c, 0)), board)


def test_spots_are_in_the_scratch() -> None:
    (step,) = [step for step in planned().steps if step.call and step.call.control]
    assert step.call is not None
    assert step.call.control is not None
    (body,) = step.call.control.routines
    assert body.spot(body.graph.inputs[0]) == Spot("scratch", 0, body.offsets[body.graph.inputs[0]])


def test_code_does_not_grow_with_the_steps() -> None:
    """All that differs in 40 more steps is how often the loop runs, and what depends on it."""
    short, long = (
        generate(plan(run_passes(recurrent.last_only(count=n)), host_board()), None)
        for n in (8, 48)
    )
    texts = [sources.text("small.c").count("\n") for sources in (short, long)]
    assert texts[0] == texts[1]


@pytest.mark.sim
@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_an_emulated_core_computes_the_same(optimize: str, tmp_path: Path) -> None:
    graph = recurrent.bidirectional()
    vectors = vectors_of(graph)[:2]
    found = run_on_board(run_passes(graph), vectors, tmp_path, optimize=optimize)
    assert_equal(graph, run_reference(graph, vectors), found)
