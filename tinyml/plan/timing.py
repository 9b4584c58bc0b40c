"""How long a plan takes, roughly, before anything ran: for watchdogs, not for reports."""

from __future__ import annotations

from tinyml.plan.values import Plan

CYCLES_PER_INSTRUCTION = 2  # on the safe side: weights come from serial flash through a cache


def inference_ms(plan: Plan, clock_hz: int) -> int:
    """Upper estimate of one inference, in milliseconds, rounded up."""
    return _ms(sum(step.call.cost.instructions for step in plan.steps if step.call), clock_hz)


def longest_step_ms(plan: Plan, clock_hz: int) -> int:
    """Upper estimate of the longest layer, in milliseconds, rounded up."""
    counts = (step.call.cost.instructions for step in plan.steps if step.call)
    return _ms(max(counts, default=0), clock_hz)


def _ms(instructions: int, clock_hz: int) -> int:
    return -(-instructions * CYCLES_PER_INSTRUCTION * 1000 // clock_hz)
