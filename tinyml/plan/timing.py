"""How long a plan takes, roughly, before anything ran: for watchdogs, not for reports."""

from __future__ import annotations

from tinyml.base.errors import DeviceError
from tinyml.plan.values import Plan

MAX_CYCLES = 2**32 - 1
CYCLES_PER_INSTRUCTION = 2  # on the safe side: weights come from serial flash through a cache


def inference_ms(plan: Plan, clock_hz: int) -> int:
    """Upper estimate of one inference, in milliseconds, rounded up."""
    return _ms(sum(step.call.cost.instructions for step in plan.steps if step.call), clock_hz)


def longest_step_ms(plan: Plan, clock_hz: int) -> int:
    """Upper estimate of the longest layer, in milliseconds, rounded up."""
    counts = (step.call.cost.instructions for step in plan.steps if step.call)
    return _ms(max(counts, default=0), clock_hz)


def check_countable(plan: Plan) -> None:
    """Raises DeviceError when a layer may take more cycles than a board's counter can tell."""
    for number, step in enumerate(plan.steps):
        cycles = step.call.cost.instructions * CYCLES_PER_INSTRUCTION if step.call else 0
        if cycles > MAX_CYCLES:
            raise DeviceError(
                f"layer {number} may take {cycles:,} cycles; counters of cycles have 32 bits, and "
                f"a layer must take less than {MAX_CYCLES + 1:,} for its time to be right",
                hint="'verify' compares its results without times; to measure, take a smaller "
                "input or fewer channels",
            )


def _ms(instructions: int, clock_hz: int) -> int:
    return -(-instructions * CYCLES_PER_INSTRUCTION * 1000 // clock_hz)
