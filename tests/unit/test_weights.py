"""Weights grow by a quarter at most, or by a sixteenth of the flash, where that saves most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.models import residuals
from tests.support.values.small_boards import FLASH, board_with
from tinyml.ir.dtype import INT8
from tinyml.ir.kernel import Constant, Cost, KernelCall, Struct
from tinyml.plan.goals import cycles, flash_bytes
from tinyml.plan.planner import plan
from tinyml.plan.values import Plan, Step
from tinyml.plan.weights import GROWTH, SHARE, allowed_bytes, is_allowed
from tinyml.target.board import Board
from tinyml.target.chip import Region

MANY = 1 << 20  # RAM that is never short


def _ways(op: int, *costs: tuple[int, int]) -> tuple[Step, ...]:
    """Kernels of an op by bytes of constants and instructions, the fastest first."""
    return tuple(
        Step(
            (op,),
            KernelCall(
                "kernel",
                "kernel.h",
                Struct("params", ()),
                (),
                (Constant("weights", np.zeros(nbytes, INT8.numpy), ""),),
                cost=Cost(instructions),
            ),
        )
        for nbytes, instructions in sorted(costs, key=lambda cost: cost[1])
    )


@pytest.mark.parametrize(
    ("share_bytes", "allowed"),
    [
        (0, (100, 200)),  # a quarter of 240 is 60, and op 1 saves 8.3 per byte up to 200
        (100, (100, 200)),
        (160, (200, 200)),  # then op 0 saves 1.0
        (260, (200, 300)),  # then op 1 saves 0.1
        (360, (200, 400)),
    ],
)
def test_what_saves_most_per_byte_goes_first(share_bytes: int, allowed: tuple[int, ...]) -> None:
    ways = [
        _ways(0, (100, 1000), (200, 900)),
        _ways(1, (200, 9000), (140, 9500), (300, 8990), (400, 8981), (250, 9600)),
    ]
    assert allowed_bytes(ways, SHARE * share_bytes) == allowed


def test_a_kernel_that_is_heavier_and_slower_is_no_step() -> None:
    ways = [_ways(0, (100, 50), (130, 60))]
    assert allowed_bytes(ways, MANY) == (100,)
    assert [is_allowed(step, (100,)) for step in ways[0]] == [True, False]


def test_an_op_without_a_kernel_has_no_constants() -> None:
    assert allowed_bytes([(Step((0,), None),)], MANY) == (0,)
    assert is_allowed(Step((0,), None), (0,))


def _weights(made: Plan) -> int:
    return sum(use.nbytes for use in made.uses if use.purpose == "weights")


def _board(flash: int) -> Board:
    ram = Region("sram", "ram", 0x20000000, MANY)
    return board_with(replace(FLASH, nbytes=flash), ram, isa=("dsp",))


def _planned(board: Board, goal: str) -> Plan:
    return plan(residuals(), board, optimize=goal)


@pytest.mark.parametrize("goal", ["balanced", "ram"])
def test_a_small_flash_keeps_weights_small(goal: str) -> None:
    """`balanced` tripled the weights of residual networks for Winograd."""
    board = _board(1 << 18)
    plain = sum(t.data.nbytes for t in residuals().tensors if t.data is not None)
    made, fast = _planned(board, goal), _planned(board, "speed")
    # Beside the weights there are factors of the output channels.
    assert _weights(made) <= plain * (1 + 1 / GROWTH) + 2000
    assert _weights(fast) > 3 * plain
    assert cycles(fast) < cycles(made)


def test_where_flash_is_plentiful_balanced_takes_winograd() -> None:
    board = _board(1 << 22)
    made = _planned(board, "balanced")
    assert any("winograd" in step.call.function for step in made.steps if step.call)
    assert flash_bytes(made) <= board.flash.max_bytes
