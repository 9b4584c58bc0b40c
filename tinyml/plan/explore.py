"""What a model could cost on a board: the plans of all goals, and those in between."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tinyml.ir.graph import Graph
from tinyml.plan.fit import fit
from tinyml.plan.goals import OPTIMIZE, Candidates, chosen, cycles
from tinyml.plan.planner import candidates
from tinyml.plan.values import Plan
from tinyml.plan.ways import programs_of
from tinyml.target.board import Board
from tinyml.values.goal import Goal

_NEAR = 1.04  # plans whose RAM differs by less are shown as one


@dataclass(frozen=True, slots=True)
class Alternative:
    """One plan in a few numbers; all predicted."""

    goals: tuple[str, ...]  # of --optimize that lead to it; () when only a tight board does
    arena_bytes: int
    ram_bytes: int  # with stack and runtime
    instructions: int
    cycles: int  # with what waiting for memory costs
    flash_bytes: int
    fits: bool
    is_best: bool  # no other needs less in one respect without needing more in another


def explore(graph: Graph, board: Board) -> tuple[Alternative, ...]:
    """Alternatives from the one with the most RAM to the one with the least."""
    tried = programs_of(graph, board)

    @cache
    def of(optimize: str) -> Candidates:
        return candidates(graph, tried, board, Goal(optimize))

    def planned(goal: str) -> Candidates:
        return of("size" if goal == "size" else "balanced")  # nothing else changes a prediction

    found = [_alternative(goal, chosen(planned, goal), board) for goal in OPTIMIZE]
    kept = [item.ram_bytes for item in found]
    for made, _ in (*of("balanced").light(), *of("balanced").front()):
        item = _alternative("", made, board)
        if all(max(item.ram_bytes, n) >= _NEAR * min(item.ram_bytes, n) for n in kept):
            found.append(item)
            kept.append(item.ram_bytes)
    merged: dict[tuple[int, int, int], Alternative] = {}
    for item in found:
        before = merged.get(_costs(item))
        goals = (*before.goals, *item.goals) if before else item.goals
        merged[_costs(item)] = _with(item, goals, found)
    return tuple(sorted(merged.values(), key=lambda item: (-item.ram_bytes, item.cycles)))


def _alternative(goal: str, made: Plan, board: Board) -> Alternative:
    regions = {budget.region for budget in board.ram}
    ram = sum(use.nbytes for use in made.uses if use.region in regions)
    return Alternative(
        goals=(goal,) if goal else (),
        arena_bytes=sum(nbytes for _, nbytes in made.arena_bytes),
        ram_bytes=ram,
        instructions=sum(step.call.instructions for step in made.steps if step.call),
        cycles=cycles(made),
        flash_bytes=sum(use.nbytes for use in made.uses if use.region not in regions),
        fits=fit(made, board).is_ok,
        is_best=False,
    )


def _with(item: Alternative, goals: tuple[str, ...], others: list[Alternative]) -> Alternative:
    mine = _costs(item)
    is_best = not any(
        _costs(other) != mine and all(a <= b for a, b in zip(_costs(other), mine, strict=True))
        for other in others
    )
    return Alternative(
        goals,
        item.arena_bytes,
        item.ram_bytes,
        item.instructions,
        item.cycles,
        item.flash_bytes,
        item.fits,
        is_best,
    )


def _costs(item: Alternative) -> tuple[int, int, int]:
    return item.ram_bytes, item.cycles, item.flash_bytes
