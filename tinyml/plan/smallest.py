"""The kernels that take the least flash: what ``--optimize size`` is for.

Code is not the sum of what each op needs, as ops that run on one kernel have much of it in common.
So a choice for all ops is improved, by one op or by all ops of one kernel at a time, until nothing
of that kind makes the predicted flash smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from tinyml.plan.code_size import code_bytes
from tinyml.plan.values import Step
from tinyml.target.cores import Core

_Price: TypeAlias = Callable[[tuple[Step, ...]], tuple[int, int]]


def smallest_steps(ways: Sequence[Sequence[Step]], core: Core) -> tuple[Step, ...]:
    """One of the ``ways`` to compute each op; among equally small programs the fastest."""

    def price(steps: tuple[Step, ...]) -> tuple[int, int]:
        calls = [step.call for step in steps if step.call is not None]
        flash = sum(call.constant_bytes() for call in calls) + code_bytes(calls, core, "size")
        return flash, sum(call.cost.instructions for call in calls)

    starts = (
        tuple(min(found, key=_constant_bytes) for found in ways),
        tuple(min(found, key=_instructions) for found in ways),
    )
    return min((_improved(start, ways, price) for start in starts), key=price)


def _improved(
    steps: tuple[Step, ...], ways: Sequence[Sequence[Step]], price: _Price
) -> tuple[Step, ...]:
    best = price(steps)
    while True:
        for other in _neighbours(steps, ways):
            if (found := price(other)) < best:
                steps, best = other, found
                break
        else:
            return steps


def _neighbours(
    steps: tuple[Step, ...], ways: Sequence[Sequence[Step]]
) -> Iterator[tuple[Step, ...]]:
    """All ops that can on one kernel, then one op on another kernel."""
    kernels = [{_function(step): step for step in reversed(found)} for found in ways]
    for function in dict.fromkeys(name for known in kernels for name in known):
        yield tuple(known.get(function, step) for step, known in zip(steps, kernels, strict=True))
    for index, found in enumerate(ways):
        for step in found:
            if step is not steps[index]:
                yield (*steps[:index], step, *steps[index + 1 :])


def _function(step: Step) -> str:
    return step.call.function if step.call is not None else ""


def _constant_bytes(step: Step) -> int:
    return step.call.constant_bytes() if step.call is not None else 0


def _instructions(step: Step) -> int:
    return step.call.cost.instructions if step.call is not None else 0
