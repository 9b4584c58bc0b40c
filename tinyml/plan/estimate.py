"""How long an inference takes, predicted before anything is compiled: for ``check`` and ``build``.

Instructions come from the kernels' cost formulas, cycles from what our kernels take of the core per
instruction, and from the weights that pass through a cache which cannot hold them. Caches are taken
as they are after the first inference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinyml.plan.planner import RUNTIME
from tinyml.plan.values import Plan
from tinyml.target.board import Board

LEFT_OUT = "interrupts and other users of memory"  # of all times: docs/timing.md


@dataclass(frozen=True, slots=True)
class Estimate:
    """The predicted work of one inference."""

    instructions: int
    cycles: int | None  # None: nothing is known of the core
    clock_hz: int
    error_percent: int | None  # of the time, against silicon; None: never compared
    left_out: str = LEFT_OUT

    @property
    def time_us(self) -> float | None:
        """How long it takes at that clock."""
        return None if self.cycles is None else self.cycles * 1e6 / self.clock_hz


def estimate(plan: Plan, board: Board) -> Estimate | None:
    """What an inference of a plan takes on a board; None where kernels are not ours."""
    if plan.runtime != RUNTIME:
        return None
    calls = [step.call for step in plan.steps if step.call]
    instructions = sum(call.instructions for call in calls)
    core = board.chip.core.estimation
    if core is None:
        return Estimate(instructions, None, board.chip.clock_hz, None)
    awaited = sum(call.cost.instructions for call in calls)
    work = round(awaited * core.cycles_per_instruction)
    cycles = work + plan.stall_cycles + plan.wait_cycles
    error = core.error_percent
    if error is not None:
        predicted = max(core.predicted_percent, board.chip.predicted_percent)
        error = math.ceil(math.hypot(error, predicted))
    return Estimate(instructions, cycles, board.chip.clock_hz, error)
