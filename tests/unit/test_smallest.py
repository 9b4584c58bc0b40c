"""The kernels chosen for size, and which of them their layers share."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from tests.support.values.plans import sine_graph
from tests.support.values.small_boards import small_board
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct
from tinyml.plan import code_size
from tinyml.plan.code_size import code_bytes, code_parts, shared_functions
from tinyml.plan.planner import plan
from tinyml.plan.smallest import smallest_steps
from tinyml.plan.values import Step

SIZES = {
    "big": (900, 10),
    "small": (300, 200),
    "small-shared": (500, 20),
    "lone": (0, 250),
    "block": (700, 0),
}


@pytest.fixture(autouse=True)
def _sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_size, "kernel_sizes", lambda *_: SIZES)


def call(
    function: str, instructions: int = 0, helpers: tuple[str, ...] = (), size: int = 1
) -> KernelCall:
    return KernelCall(
        function,
        "k.h",
        Struct("p", (("size", size),)),
        (Arg("input"), Arg("output")),
        cost=Cost(instructions),
        helpers=helpers,
    )


def ways(count: int, *calls: KernelCall) -> list[tuple[Step, ...]]:
    """As many ops as given, each of another size and on any of the kernels."""
    params = [Struct("p", (("size", i),)) for i in range(count)]
    return [
        tuple(Step((i,), replace(item, params=own)) for item in calls)
        for i, own in enumerate(params)
    ]


def functions(steps: tuple[Step, ...]) -> set[str]:
    return {step.call.function for step in steps if step.call is not None}


def test_what_kernels_have_in_common_counts_once() -> None:
    calls = [call("big", helpers=("block",)), call("lone", helpers=("block",))]
    assert code_parts(calls) == {"big": 1, "lone": 1, "block": 1}
    assert code_bytes(calls, "any", "speed") == 900 + 10 + 250 + 700


def test_a_kernel_is_shared_where_that_is_smaller() -> None:
    calls = [call("small", size=i) for i in range(3)]
    assert shared_functions(calls[:2], "any", "size") == {"small"}
    assert code_bytes(calls, "any", "size") == 500 + 3 * 20
    assert shared_functions(calls, "any", "balanced") == frozenset()
    assert shared_functions(calls[:1], "any", "size") == frozenset()


def test_layers_with_equal_params_need_no_instance_that_reads_them() -> None:
    calls = [call("small")] * 3
    assert shared_functions(calls, "any", "size") == frozenset()
    assert code_parts(calls) == {"small": 1}


def test_a_kernel_never_measured_as_one_instance_is_not_shared() -> None:
    calls = [call("lone", size=i) for i in range(9)]
    assert shared_functions(calls, "any", "size") == frozenset()


@pytest.mark.parametrize(("count", "best"), [(1, "lone"), (2, "lone"), (3, "small"), (30, "small")])
def test_all_ops_move_to_one_kernel_when_only_that_pays(count: int, best: str) -> None:
    found = smallest_steps(ways(count, call("big"), call("lone"), call("small")), "any")
    assert functions(found) == {best}


def test_no_other_choice_is_smaller() -> None:
    choices = ways(3, call("big", 9, ("block",)), call("small", 5), call("lone", 7))
    choices += ways(2, call("big", 9), call("lone", 7))

    def nbytes(steps: tuple[Step, ...]) -> int:
        return code_bytes([step.call for step in steps if step.call], "any", "size")

    found = smallest_steps(choices, "any")
    assert nbytes(found) == min(map(nbytes, itertools.product(*choices)))


def test_among_equals_the_fastest() -> None:
    (step,) = smallest_steps(ways(1, call("lone", 9), call("lone", 3)), "any")
    assert step.call is not None
    assert step.call.cost.instructions == 3


def test_a_plan_for_size_knows_what_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"tml_fully_connected_s8": (400, 300), "tml_fully_connected_s8-shared": (450, 20)}
    monkeypatch.setattr(code_size, "kernel_sizes", lambda *_: sizes)
    graph, board = sine_graph(), small_board(sram=65_536)
    assert plan(graph, board, optimize="size").shared == {"tml_fully_connected_s8"}
    assert plan(graph, board, optimize="speed").shared == frozenset()
