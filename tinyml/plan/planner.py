"""Graph → Plan: a kernel for each op, a place for each value.

Kernels are chosen by cost among the plain one, which is always right, and the variants for the
chip's instruction set that prove themselves valid for the op. Several ops may be one step, computed
row by row (``tinyml.plan.partition``). All programs that come about that way are laid out in the
board's memory, and the goal takes one (``tinyml.plan.goals``). A plan is made even when nothing
fits: ``tinyml.plan.fit`` says by how much it does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.base.errors import PlanError, did_you_mean
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops import layer_of
from tinyml.ops.forms import Layer
from tinyml.plan.arena import arrange
from tinyml.plan.code_size import shared_functions
from tinyml.plan.goals import OPTIMIZE, Candidates, chosen
from tinyml.plan.offers import Offer, offers_of
from tinyml.plan.partition import programs
from tinyml.plan.predict import predict
from tinyml.plan.regions import Room, stall_cycles
from tinyml.plan.smallest import smallest_steps
from tinyml.plan.values import Plan, Step
from tinyml.target.board import Board
from tinyml.values.goal import Goal

Program = tuple[Step, ...]

RUNTIME = "aot"  # that these plans are for


@dataclass(frozen=True, slots=True)
class Programs:
    """The ways to compute a graph that are looked at, whatever the goal."""

    front: tuple[Program, ...]  # from the fastest to the one with the least RAM
    others: tuple[Program, ...]  # the fastest kernels op by op, and those of the least flash


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


def programs_of(graph: Graph, board: Board) -> Programs:
    """Ways to compute a graph on a board."""
    isa = board.chip.isa
    layers = tuple(layer_of(op, graph) for op in graph.ops)
    singles = _singles(graph, layers, isa)
    fast = tuple(steps[0] for steps in singles)
    others = (fast, smallest_steps(singles, board.chip.core)) if singles else (fast,)
    return Programs(tuple(programs(graph, singles, layers, isa)), others)


def candidates(graph: Graph, tried: Programs, board: Board, goal: Goal) -> Candidates:
    """The plans of all programs, and whether each fits in RAM, predicted for a goal."""

    def made(steps: Program) -> tuple[Plan, bool]:
        return plan_steps(graph, steps, board, goal)

    front, others = tuple(map(made, tried.front)), tuple(map(made, tried.others))
    return Candidates(front, others, board.flash.max_bytes)


def plan_steps(
    graph: Graph, steps: tuple[Step, ...], board: Board, goal: Goal
) -> tuple[Plan, bool]:
    """The plan that runs the steps, and whether it fits in RAM."""
    if not board.ram:
        raise PlanError(f"board '{board.name}' names no memory region for the arena")
    rest = predict(graph, steps, board, goal.optimize, goal.agent)
    rooms = tuple(
        Room(item.region, item.max_bytes - sum(u.nbytes for u in rest if u.region == item.region))
        for item in board.ram
    )
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
    )
    return made, is_fitting


def _singles(
    graph: Graph, layers: tuple[Layer, ...], isa: tuple[str, ...]
) -> list[tuple[Step, ...]]:
    """The ways to compute each op alone."""
    pairs = zip(graph.ops, layers, strict=True)
    offers = [offers_of(op, graph, isa, layer) for op, layer in pairs]
    return [_steps(i, graph, *found) for i, found in enumerate(offers)]


def _steps(
    number: int,
    graph: Graph,
    offers: tuple[Offer, ...],
    rejected: tuple[tuple[str, str], ...],
) -> tuple[Step, ...]:
    """The op alone, on each of its kernels, the fastest one first."""
    if not offers:
        return (Step((number,), None),)
    op = graph.ops[number]
    steps = []
    for best in sorted(offers, key=lambda offer: _price(op, graph, offer.call)):
        others = tuple(
            (offer.name, offer.call.cost.instructions) for offer in offers if offer is not best
        )
        steps.append(Step((number,), best.call, alternatives=others, rejected=rejected))
    return tuple(steps)


def _price(op: Op, graph: Graph, call: KernelCall) -> tuple[int, ...]:
    """What to minimise: time, then RAM, then flash; ties go to the first offer."""
    flash = call.cost.code_bytes + call.constant_bytes()
    return call.cost.instructions, _local_bytes(op, graph, call), flash


def _local_bytes(op: Op, graph: Graph, call: KernelCall) -> int:
    """RAM that one call needs for its own tensors and scratch, overlap taken into account."""
    written = graph.tensors[op.outputs[0]].nbytes
    common = [
        min(graph.tensors[op.inputs[item.input]].nbytes, written - max(0, item.distance_bytes))
        for item in call.overlaps
    ]
    return written - max((0, *common)) + call.scratch_bytes
