"""Graph → Plan: a kernel for each op, a place for each value.

Kernels are chosen by cost among the plain one, which is always right, and the variants for the
chip's instruction set that prove themselves valid for the op. Several ops may be one step, computed
row by row (``tinyml.plan.partition``). All programs that come about that way are laid out in the
board's memory, and the goal takes one (``tinyml.plan.goals``). A plan is made even when nothing
fits: ``tinyml.plan.fit`` says by how much it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from tinyml.base.errors import PlanError, did_you_mean
from tinyml.ir.graph import Graph
from tinyml.plan.arena import arrange
from tinyml.plan.code_size import shared_functions
from tinyml.plan.copies import constant_waits, with_copies
from tinyml.plan.goals import OPTIMIZE, Candidates, Tried, chosen, ram_bytes
from tinyml.plan.halves import shared_out
from tinyml.plan.predict import predict
from tinyml.plan.regions import Room, stall_cycles
from tinyml.plan.values import Plan
from tinyml.plan.ways import Program, Programs, programs_of
from tinyml.target.board import Board
from tinyml.values.goal import Goal

RUNTIME = "aot"  # that these plans are for


def plan(graph: Graph, board: Board, *, optimize: str = "balanced", agent: bool = True) -> Plan:
    """Kernels, memory layout and predicted budget of a graph on a board.

    Raises PlanError if the graph cannot be planned at all; a plan that is too large for the board
    is returned, with its arena in the largest region. ``agent`` is whether the firmware will hold
    the serial agent, which takes RAM and flash of its own.
    """
    if optimize not in OPTIMIZE:
        raise PlanError(f"cannot optimize for '{optimize}'", hint=did_you_mean(optimize, OPTIMIZE))
    tried = programs_of(graph, board)

    def planned(goal: str) -> Candidates:
        return candidates(graph, tried, board, Goal(goal, agent))

    return chosen(planned, optimize)


def candidates(graph: Graph, tried: Programs, board: Board, goal: Goal) -> Candidates:
    """The plans of all programs, and whether each fits in RAM, predicted for a goal."""

    def made(programs: Iterable[Program]) -> Iterator[tuple[Plan, bool]]:
        for steps in programs:
            layouts = tuple(_layouts(graph, steps, board, goal))
            shared = (item for made, _ in layouts[:1] for item in shared_out(made, board))
            both = (layout for item in shared for layout in _layouts(graph, item, board, goal))
            for plain, is_fitting in (*layouts, *both):
                yield plain, is_fitting
                if is_fitting:
                    copied = with_copies(plain, board, _spare(plain, board))
                    yield from ((plan, True) for plan in copied)

    @cache
    def front() -> Tried:
        return tuple(made(tried.front()))

    @cache
    def light() -> Tried:
        return front() if tried.light() is tried.front() else tuple(made(tried.light()))

    @cache
    def others() -> Tried:
        return tuple(made(tried.others()))

    return Candidates(front, light, others, board.flash.max_bytes, board.ram[0].max_bytes)


def _spare(plan: Plan, board: Board) -> int:
    """What a plan leaves of the first RAM region, where initialised data lies."""
    return board.ram[0].max_bytes - plan.needed_bytes(board.ram[0].region)


def _layouts(graph: Graph, steps: Program, board: Board, goal: Goal) -> Iterator[tuple[Plan, bool]]:
    """The plan that runs the steps, and one in larger regions where that takes less RAM.

    An output lies over its input only where both are in one region.
    """
    made = plan_steps(graph, steps, board, goal)
    yield made
    if len(made[0].arena_bytes) > 1:
        dense = plan_steps(graph, steps, board, goal, is_dense=True)
        if ram_bytes(dense[0]) < ram_bytes(made[0]):
            yield dense


def plan_steps(
    graph: Graph, steps: Program, board: Board, goal: Goal, *, is_dense: bool = False
) -> tuple[Plan, bool]:
    """The plan that runs the steps, and whether it fits in RAM.

    With ``is_dense`` regions are filled from the largest to the smallest, not as the board lists
    them, so that more of what may lie on top of each other is in one.
    """
    if not board.ram:
        raise PlanError(f"board '{board.name}' names no memory region for the arena")
    rest = predict(graph, steps, board, goal.optimize, goal.agent)
    rooms = tuple(
        Room(item.region, item.max_bytes - sum(u.nbytes for u in rest if u.region == item.region))
        for item in board.ram
    )
    if is_dense:
        rooms = tuple(sorted(rooms, key=lambda room: -room.nbytes))
    arena, is_fitting = arrange(graph, steps, rooms)
    tensors, placed = arena.placements(), arena.with_scratch()
    calls = [step.call for step in placed if step.call is not None]
    made = Plan(
        graph=graph,
        board=board.name,
        runtime=RUNTIME,
        optimize=goal.optimize,
        steps=placed,
        tensors=tensors,
        arena_bytes=arena.spread.arena_bytes,
        activation_bytes=sum(nbytes for _, nbytes in arena.activation_bytes),
        lower_bound_bytes=arena.lower_bound_bytes,
        uses=(*arena.uses(), *rest),
        shared=shared_functions(calls, board.chip.core, goal.optimize),
        stall_cycles=stall_cycles(graph, placed, tensors, board),
        state_bytes=arena.state_bytes(),
        wait_cycles=sum(constant_waits(graph, placed, board)),
    )
    return made, is_fitting
