"""Graph → Plan: a kernel for each op, a place for each value.

Kernels are chosen by cost among the plain one, which is always right, and the variants for the
chip's instruction set that prove themselves valid for the op; for size, by ``smallest_steps``.
When the fastest choice does not fit in the board's memory, or waits for a slow region of it, the
fastest one that fits is taken, in which several ops may be one step, computed row by row
(``tinyml.plan.partition``). A plan is made even when nothing fits: ``tinyml.plan.fit`` says by how
much it does not.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinyml.board import Board
from tinyml.errors import PlanError, did_you_mean
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.plan.arena import arrange
from tinyml.plan.code_size import shared_functions
from tinyml.plan.offers import Offer, offers_of
from tinyml.plan.partition import programs
from tinyml.plan.predict import predict
from tinyml.plan.regions import Room, stall_cycles
from tinyml.plan.smallest import smallest_steps
from tinyml.plan.values import Plan, Step

OPTIMIZE = ("speed", "balanced", "ram", "size")

# How many percent more time one percent less memory is worth: (RAM of the arena, flash).
FLASH_PURPOSES = ("weights", "code")
TRADED = {"balanced": (0.5, 0.5), "ram": (4.0, 0.0)}


def plan(
    graph: Graph,
    board: Board,
    *,
    runtime: str = "aot",
    optimize: str = "balanced",
    agent: bool = True,
) -> Plan:
    """Kernels, memory layout and predicted budget of a graph on a board.

    Raises PlanError if the graph cannot be planned at all; a plan that is too large for the board
    is returned, with its arena in the largest region. ``agent`` is whether the firmware will hold
    the serial agent, which takes RAM and flash of its own.
    """
    if optimize not in OPTIMIZE:
        raise PlanError(f"cannot optimize for '{optimize}'", hint=did_you_mean(optimize, OPTIMIZE))
    isa = board.chip.isa
    singles = _singles(graph, isa)

    def made(steps: tuple[Step, ...]) -> tuple[Plan, bool]:
        return plan_steps(graph, steps, board, runtime=runtime, optimize=optimize, agent=agent)

    if optimize in TRADED and graph.ops:
        return preferred([made(steps) for steps in programs(graph, singles, isa)], optimize)
    if optimize == "size":
        small, is_fitting = made(smallest_steps(singles, board.chip.core))
        if is_fitting:
            return small
    fast, is_fitting = made(tuple(steps[0] for steps in singles))
    if is_fitting and not fast.stall_cycles:
        return fast
    fitting = [fast] if is_fitting else []
    smallest = fast
    for steps in programs(graph, singles, isa):
        small, is_fitting = made(steps)
        smallest = min(smallest, small, key=_arena_bytes)
        if is_fitting:
            fitting.append(small)
            if not small.stall_cycles:  # those that follow need more instructions
                break
    return min(fitting, key=_cycles, default=smallest)


def front(graph: Graph, board: Board) -> tuple[tuple[Plan, bool], ...]:
    """Plans from the fastest to the one with the least RAM, and whether each fits.

    Each is the fastest that needs less RAM than the one before.
    """
    isa = board.chip.isa
    steps = programs(graph, _singles(graph, isa), isa)
    return tuple(plan_steps(graph, item, board) for item in steps)


def preferred(plans: Sequence[tuple[Plan, bool]], optimize: str) -> Plan:
    """The plan of a front with the best price for "balanced" or "ram"; one that fits, if any does.

    RAM, flash and time are multiplied, so that what counts are their proportions.
    """
    ram_worth, flash_worth = TRADED[optimize]

    def price(item: Plan) -> float:
        flash = sum(use.nbytes for use in item.uses if use.purpose in FLASH_PURPOSES)
        ram = _arena_bytes(item) ** ram_worth
        return float(ram * max(1, flash) ** flash_worth * max(1, _cycles(item)))

    fitting = [item for item, is_fitting in plans if is_fitting]
    if fitting:
        return min(fitting, key=price)
    return min((item for item, _ in plans), key=_arena_bytes)


def _arena_bytes(plan: Plan) -> int:
    return sum(nbytes for _, nbytes in plan.arena_bytes)


def _cycles(plan: Plan) -> int:
    """Predicted time: one cycle per instruction, and the waiting for slow memory."""
    return plan.stall_cycles + sum(s.call.cost.instructions for s in plan.steps if s.call)


def plan_steps(
    graph: Graph,
    steps: tuple[Step, ...],
    board: Board,
    *,
    runtime: str = "aot",
    optimize: str = "balanced",
    agent: bool = True,
) -> tuple[Plan, bool]:
    """The plan that runs the steps, and whether it fits."""
    if not board.ram:
        raise PlanError(f"board '{board.name}' names no memory region for the arena")
    rest = predict(graph, steps, board, optimize, agent)
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
        runtime=runtime,
        optimize=optimize,
        steps=placed,
        tensors=tensors,
        arena_bytes=arena.spread.arena_bytes,
        activation_bytes=sum(nbytes for _, nbytes in arena.activation_bytes),
        lower_bound_bytes=arena.lower_bound_bytes,
        uses=(*arena.uses(), *rest),
        shared=shared_functions(calls, board.chip.core, optimize),
        stall_cycles=stall_cycles(graph, placed, tensors, board),
    )
    return made, is_fitting


def _singles(graph: Graph, isa: tuple[str, ...]) -> list[tuple[Step, ...]]:
    """The ways to compute each op alone."""
    offers = [offers_of(op, graph, isa) for op in graph.ops]
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
    for chosen in sorted(offers, key=lambda offer: _price(op, graph, offer.call)):
        others = tuple(
            (offer.name, offer.call.cost.instructions) for offer in offers if offer is not chosen
        )
        steps.append(Step((number,), chosen.call, alternatives=others, rejected=rejected))
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
