"""Whether all values of a plan lie in memory that is there, of which the budget knows."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.base.errors import PlanError
from tinyml.plan.values import COPIED, Placement, Plan
from tinyml.target.board import Board

_ALIGNMENT = 16  # bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim on memory, with a name for messages."""

    label: str
    at: Placement
    tensor: int = -1  # -1 for scratch

    def __str__(self) -> str:
        end = self.at.offset + self.at.nbytes
        return (
            f"{self.label} at [{self.at.offset}, {end}) of {self.at.region}, "
            f"steps {self.at.first_use} to {self.at.last_use}"
        )


def check_bounds(plan: Plan, board: Board, claims: list[Claim]) -> None:
    """Raises PlanError where values reach beyond their memory, or the budget has other sums."""
    known = {budget.region for budget in board.ram}
    ends: dict[tuple[str, bool], int] = {}
    for claim in claims:
        if claim.at.region not in known:
            raise PlanError(f"{claim}: board '{board.name}' keeps no arena in that region")
        if claim.at.offset < 0 or claim.at.offset % _ALIGNMENT:
            raise PlanError(f"{claim}, is not aligned to {_ALIGNMENT} bytes")
        end = claim.at.offset + claim.at.nbytes
        key = (claim.at.region, claim.at.is_state)
        ends[key] = max(ends.get(key, 0), end)
    memories = {(region, False): nbytes for region, nbytes in plan.arena_bytes}
    memories |= {(region, True): nbytes for region, nbytes in plan.state_bytes}
    for key, end in ends.items():
        if end > memories.get(key, 0):
            raise PlanError(
                f"{_memory(*key)} has {memories.get(key, 0)} bytes, values reach to {end}"
            )
    for (region, is_state), nbytes in memories.items():
        purposes = ("state",) if is_state else ("activations", "scratch")
        lines = (u for u in plan.uses if u.region == region and u.purpose in purposes)
        budgeted = sum(use.nbytes for use in lines)
        if budgeted != nbytes:
            raise PlanError(
                f"{_memory(region, is_state)} has {nbytes} bytes, the budget {budgeted}"
            )
    copies = sum(use.nbytes for use in plan.uses if use.purpose == COPIED)
    if copies != plan.copied_bytes or bool(copies) != bool(plan.copied_steps):
        steps = len(plan.copied_steps)
        raise PlanError(
            f"constants of {steps} steps take {plan.copied_bytes} bytes of RAM, the budget {copies}"
        )
    if plan.lower_bound_bytes > sum(nbytes for _, nbytes in plan.arena_bytes):
        raise PlanError(f"the arena is below its lower bound of {plan.lower_bound_bytes} bytes")


def _memory(region: str, is_state: bool) -> str:
    return f"the {'memory of variables' if is_state else 'arena'} in {region}"
