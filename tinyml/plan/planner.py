"""Graph → Plan: a kernel for each op, a place for each value.

Kernels are chosen by cost among the plain one, which is always right, and the variants for the
chip's instruction set that prove themselves valid for the op. When the fastest choice fits in no
memory region of the board, the choice that needs the least memory is tried. A plan is made even
when nothing fits: ``tinyml.plan.fit`` says by how much it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from tinyml import ops, variants
from tinyml.board import Board
from tinyml.errors import PlanError, did_you_mean
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.plan.allocate import Layout, Range, Sharing, allocate
from tinyml.plan.liveness import Buffer, buffers_of, live_ranges
from tinyml.plan.predict import predict
from tinyml.plan.values import Placement, Plan, Step, Use

PLAIN = "plain"  # name of an op's own kernel among the alternatives
OPTIMIZE = ("speed", "size")

_Goal: TypeAlias = Literal["speed", "size", "ram"]


@dataclass(frozen=True, slots=True)
class _Offer:
    """A valid kernel for an op."""

    name: str
    call: KernelCall


@dataclass(frozen=True, slots=True)
class _Memory:
    """Where everything lies, before a region is chosen."""

    buffers: tuple[Buffer, ...]
    layout: Layout  # buffers in order, then scratches in order of steps
    activation_bytes: int


def plan(
    graph: Graph,
    board: Board,
    *,
    runtime: str = "aot",
    optimize: str = "speed",
    agent: bool = True,
) -> Plan:
    """Kernels, memory layout and predicted budget of a graph on a board.

    Raises PlanError if the graph cannot be planned at all; a plan that is too large for the board
    is returned, with its arena in the largest region. ``agent`` is whether the firmware will hold
    the serial agent, which takes RAM and flash of its own.
    """
    if optimize not in OPTIMIZE:
        raise PlanError(f"cannot optimize for '{optimize}'", hint=did_you_mean(optimize, OPTIMIZE))
    offers = tuple(_offers(op, graph, board.chip.isa) for op in graph.ops)
    goals: tuple[_Goal, ...] = ("size" if optimize == "size" else "speed", "ram")
    best: Plan | None = None
    for goal in goals:
        steps = tuple(_step(i, graph, *offers[i], goal) for i in range(len(graph.ops)))
        memory = _memory(graph, steps)
        region, uses, is_fitting = _region(graph, steps, memory, board, optimize, agent)
        made = Plan(
            graph=graph,
            board=board.name,
            runtime=runtime,
            optimize=optimize,
            steps=_with_scratch(steps, memory, region),
            tensors=_placements(graph, steps, memory, region),
            arena_bytes=((region, memory.layout.arena_bytes),),
            activation_bytes=memory.activation_bytes,
            lower_bound_bytes=memory.layout.lower_bound_bytes,
            uses=uses,
        )
        if is_fitting:
            return made
        if best is None or memory.layout.arena_bytes < best.arena_bytes[0][1]:
            best = made
    assert best is not None
    return best


def _offers(
    op: Op, graph: Graph, isa: Sequence[str]
) -> tuple[tuple[_Offer, ...], tuple[tuple[str, str], ...]]:
    """Valid kernels of an op, the plain one first, and why other variants are not valid."""
    plain = ops.spec_of(op.kind).lower(op, graph)
    if plain is None:
        return (), ()
    offers = [_Offer(PLAIN, plain)]
    rejected = []
    for variant in variants.all_variants():
        if variant.kind != op.kind or variant.isa not in isa:
            continue
        call = variant.lower(op, graph)
        if isinstance(call, str):
            rejected.append((variant.name, call))
        else:
            offers.append(_Offer(variant.name, call))
    return tuple(offers), tuple(rejected)


def _step(
    number: int,
    graph: Graph,
    offers: tuple[_Offer, ...],
    rejected: tuple[tuple[str, str], ...],
    goal: _Goal,
) -> Step:
    if not offers:
        return Step((number,), None)
    key = _cost_key(graph.ops[number], graph, goal)
    chosen = min(offers, key=lambda offer: key(offer.call))
    alternatives = tuple(
        (offer.name, offer.call.cost.instructions) for offer in offers if offer is not chosen
    )
    return Step((number,), chosen.call, alternatives=alternatives, rejected=rejected)


def _cost_key(op: Op, graph: Graph, goal: _Goal) -> Callable[[KernelCall], tuple[int, ...]]:
    """What to minimise; ties go to the next number, then to the first offer."""

    def key(call: KernelCall) -> tuple[int, ...]:
        time = call.cost.instructions
        flash = call.cost.code_bytes + call.constant_bytes()
        ram = _local_bytes(op, graph, call)
        return {"speed": (time, ram, flash), "size": (flash, time, ram), "ram": (ram, time, flash)}[
            goal
        ]

    return key


def _local_bytes(op: Op, graph: Graph, call: KernelCall) -> int:
    """RAM that one call needs for its own tensors and scratch, overlap taken into account."""
    written = graph.tensors[op.outputs[0]].nbytes
    common = [
        min(graph.tensors[op.inputs[item.input]].nbytes, written - max(0, item.distance_bytes))
        for item in call.overlaps
    ]
    return written - max((0, *common)) + call.scratch_bytes


def _memory(graph: Graph, steps: tuple[Step, ...]) -> _Memory:
    buffers = buffers_of(graph, steps)
    sharings = tuple(_sharings(graph, steps, buffers))
    ranges = [Range(item.first_use, item.last_use, item.nbytes) for item in buffers]
    scratches = [
        Range(number, number, step.call.scratch_bytes)
        for number, step in enumerate(steps)
        if step.call is not None and step.call.scratch_bytes > 0
    ]
    layout = allocate([*ranges, *scratches], sharings)
    if not scratches:
        return _Memory(buffers, layout, layout.arena_bytes)
    tensors_alone = allocate(ranges, sharings)
    return _Memory(buffers, layout, min(tensors_alone.arena_bytes, layout.arena_bytes))


def _sharings(
    graph: Graph, steps: tuple[Step, ...], buffers: tuple[Buffer, ...]
) -> Iterator[Sharing]:
    """The overlaps that the kernels allow and the live ranges too."""
    owner = {tensor: number for number, item in enumerate(buffers) for tensor in item.tensors}
    for number, step in enumerate(steps):
        if step.call is None:
            continue
        op = graph.ops[step.ops[0]]
        output = owner[graph.ops[step.ops[-1]].outputs[0]]
        allowed: dict[int, list[int]] = {}
        for item in step.call.overlaps:
            buffer = owner.get(op.inputs[item.input])
            if buffer is not None and buffers[buffer].last_use == number:
                allowed.setdefault(buffer, []).append(item.distance_bytes)
        for buffer, distances in allowed.items():
            # The same buffer may be read through several operands; all must allow it.
            reads = sum(owner.get(i) == buffer for i in op.inputs)
            if len(distances) == reads:
                yield Sharing(output, buffer, max(distances))


def _region(
    graph: Graph,
    steps: tuple[Step, ...],
    memory: _Memory,
    board: Board,
    optimize: str,
    agent: bool,
) -> tuple[str, tuple[Use, ...], bool]:
    """The first region of the board that holds the arena and all else, or the largest one."""
    if not board.ram:
        raise PlanError(f"board '{board.name}' names no memory region for the arena")

    def uses_in(region: str) -> tuple[Use, ...]:
        arena = ((region, memory.layout.arena_bytes),)
        peak = memory.activation_bytes
        return predict(graph, steps, arena, peak, board, optimize, agent)

    for budget in board.ram:
        uses = uses_in(budget.region)
        if sum(use.nbytes for use in uses if use.region == budget.region) <= budget.max_bytes:
            return budget.region, uses, True
    largest = max(board.ram, key=lambda budget: budget.max_bytes).region
    return largest, uses_in(largest), False


def _placements(
    graph: Graph, steps: tuple[Step, ...], memory: _Memory, region: str
) -> tuple[Placement | None, ...]:
    placements: list[Placement | None] = [None] * len(graph.tensors)
    ranges = live_ranges(graph, steps)
    for buffer, offset in zip(memory.buffers, memory.layout.offsets, strict=False):
        for i in buffer.tensors:
            placements[i] = Placement(region, offset, graph.tensors[i].nbytes, *ranges[i])
    return tuple(placements)


def _with_scratch(steps: tuple[Step, ...], memory: _Memory, region: str) -> tuple[Step, ...]:
    offsets = iter(memory.layout.offsets[len(memory.buffers) :])
    placed = []
    for number, step in enumerate(steps):
        nbytes = step.call.scratch_bytes if step.call is not None else 0
        scratch = Placement(region, next(offsets), nbytes, number, number) if nbytes else None
        placed.append(replace(step, scratch=scratch))
    return tuple(placed)
