"""Which of several plans a goal of ``--optimize`` takes: all goals look at the same ones.

So no goal is beaten in its own field: ``speed`` has the least time of all that fit, ``size`` the
least flash, and ``ram`` no more RAM than any other goal. ``balanced`` and ``ram`` trade time
for RAM, among plans whose kernels keep the weights about as small as they are (``plan.weights``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tinyml.plan.values import Plan

OPTIMIZE = ("speed", "balanced", "ram", "size")
FLASH_PURPOSES = ("weights", "code")

# How many percent more time one percent less RAM is worth.
TRADED = {"balanced": 0.5, "ram": 4.0}
LEFT_WORTH = 0.5  # and one percent more of the RAM that is left, where constants would take it

Tried: TypeAlias = Sequence[tuple[Plan, bool]]  # and whether it fits in RAM


@dataclass(frozen=True, slots=True)
class Candidates:
    """The plans of one model on one board, planned for one goal; made when they are asked for."""

    front: Callable[[], Tried]  # each the fastest that needs less RAM than the one before
    light: Callable[[], Tried]  # the same, of kernels whose weights do not outgrow their allowance
    others: Callable[[], Tried]  # the fastest kernels op by op, and those of the least flash
    flash_limit_bytes: int
    copies_limit_bytes: int  # of the RAM region that constants are copied to

    def fitting(self) -> list[Plan]:
        """Those that fit, the fronts' first; where flash is too small for all, those in RAM."""
        return self.of(self.every())

    def every(self) -> list[tuple[Plan, bool]]:
        """All of them, each once."""
        front, light = self.front(), self.light()
        return [*front, *(() if light is front else light), *self.others()]

    def light_ones(self) -> list[Plan]:
        """Of the light ones those that fit, in the flash that is there too."""
        flash = self.flash_limit_bytes
        return [made for made, fits in self.light() if fits and flash_bytes(made) <= flash]

    def of(self, tried: Tried) -> list[Plan]:
        """Those of ``tried`` that fit."""
        in_ram = [made for made, is_fitting in self.every() if is_fitting]
        limit_bytes = max(self.flash_limit_bytes, min(map(flash_bytes, in_ram), default=0))
        return [made for made, fits in tried if fits and flash_bytes(made) <= limit_bytes]


def chosen(planned: Callable[[str], Candidates], optimize: str) -> Plan:
    """The plan for a goal; the one with the least RAM when none fits."""
    held = planned(optimize)
    if optimize == "balanced" and (light := held.light_ones()):  # no need to look at the others
        return _cheapest(light, optimize, held.copies_limit_bytes)
    fitting = held.fitting()
    if not fitting:
        return min((made for made, _ in held.every()), key=ram_bytes)
    if optimize != "ram":
        return _best(held, optimize)
    rivals = [_best(held, "speed"), _best(held, "balanced")]
    for_size = planned("size")
    rivals += [_best(for_size, "size")] if for_size.fitting() else []
    least = min(ram_bytes(plan) for plan in (*rivals, *fitting))
    limit_bytes = max(least, min(map(ram_bytes, rivals)))
    small = [
        [plan for plan in plans if ram_bytes(plan) <= limit_bytes]
        for plans in (held.of(held.light()), fitting)
    ]
    return _cheapest(small[0] or small[1], "ram", held.copies_limit_bytes)


def ram_bytes(plan: Plan) -> int:
    """Predicted RAM, in all regions."""
    return sum(use.nbytes for use in plan.uses if use.purpose not in FLASH_PURPOSES)


def flash_bytes(plan: Plan) -> int:
    """Predicted flash of weights and code."""
    return sum(use.nbytes for use in plan.uses if use.purpose in FLASH_PURPOSES)


def cycles(plan: Plan) -> int:
    """Predicted time: one cycle per instruction, and the waiting for slow memory."""
    waits = plan.stall_cycles + plan.wait_cycles
    return waits + sum(s.call.cost.instructions for s in plan.steps if s.call)


def _best(held: Candidates, optimize: str) -> Plan:
    """The best plan that fits, in the goal's own field."""
    fitting = held.fitting()
    if optimize == "speed":
        # Of equal ones the first: where buffers are in fast regions as far as these reach.
        return min(fitting, key=lambda plan: (cycles(plan), plan.copied_bytes))
    if optimize == "size":
        return min(
            fitting,
            key=lambda plan: (
                flash_bytes(plan),
                plan.copied_bytes,
                cycles(plan),
                ram_bytes(plan),
            ),
        )
    return _cheapest(held.of(held.light()) or fitting, optimize, held.copies_limit_bytes)


def _cheapest(plans: Sequence[Plan], optimize: str, copies_limit_bytes: int) -> Plan:
    """RAM and time are multiplied, so that what counts are their proportions.

    Copies of constants need not be in RAM. Their price is the part of what would be left that they
    take: half of it is worth 1.4 times the speed, nine tenths are worth 3 times.
    """

    def price(plan: Plan) -> tuple[float, int]:
        needed = ram_bytes(plan) - plan.copied_bytes
        memory = float(needed ** TRADED[optimize])
        if plan.copied_bytes:
            left = max(1, copies_limit_bytes - needed)
            memory *= (left / max(1, left - plan.copied_bytes)) ** LEFT_WORTH
        return memory * max(1, cycles(plan)), flash_bytes(plan)

    return min(plans, key=price)
