"""Graph → Plan: a kernel for each op, a place for each value.

Kernels are chosen by cost among the plain one, which is always right, and the variants for the
chip's instruction set that prove themselves valid for the op. When the fastest choice fits in no
memory region of the board, the fastest one that fits is taken, in which several ops may be one
step, computed row by row (``tinyml.plan.partition``). A plan is made even when nothing fits:
``tinyml.plan.fit`` says by how much it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tinyml.board import Board
from tinyml.errors import PlanError, did_you_mean
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.plan.allocate import Layout, Range, Sharing, allocate
from tinyml.plan.liveness import Buffer, buffers_of, live_ranges
from tinyml.plan.offers import Offer, offers_of
from tinyml.plan.partition import programs
from tinyml.plan.predict import predict
from tinyml.plan.values import Placement, Plan, Step, Use

OPTIMIZE = ("speed", "balanced", "ram", "size")

# How many percent more time one percent less memory is worth: (RAM of the arena, flash).
FLASH_PURPOSES = ("weights", "code")
TRADED = {"balanced": (0.5, 0.5), "ram": (4.0, 0.0)}


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
    singles = _singles(graph, isa, optimize)

    def made(steps: tuple[Step, ...]) -> tuple[Plan, bool]:
        return plan_steps(graph, steps, board, runtime=runtime, optimize=optimize, agent=agent)

    if optimize in TRADED and graph.ops:
        return preferred([made(steps) for steps in programs(graph, singles, isa)], optimize)
    fast, is_fitting = made(tuple(steps[0] for steps in singles))
    best = fast
    if not is_fitting:
        for steps in programs(graph, singles, isa):
            small, is_fitting = made(steps)
            if is_fitting:
                return small
            if small.arena_bytes[0][1] < best.arena_bytes[0][1]:
                best = small
    return best


def front(graph: Graph, board: Board) -> tuple[tuple[Plan, bool], ...]:
    """Plans from the fastest to the one with the least RAM, and whether each fits.

    Each is the fastest that needs less RAM than the one before.
    """
    isa = board.chip.isa
    steps = programs(graph, _singles(graph, isa, "speed"), isa)
    return tuple(plan_steps(graph, item, board) for item in steps)


def preferred(plans: Sequence[tuple[Plan, bool]], optimize: str) -> Plan:
    """The plan of a front with the best price for "balanced" or "ram"; one that fits, if any does.

    RAM, flash and time are multiplied, so that what counts are their proportions.
    """
    ram_worth, flash_worth = TRADED[optimize]

    def price(item: Plan) -> float:
        instructions = sum(step.call.cost.instructions for step in item.steps if step.call)
        _, arena = item.arena_bytes[0]
        flash = sum(use.nbytes for use in item.uses if use.purpose in FLASH_PURPOSES)
        return float(arena**ram_worth * max(1, flash) ** flash_worth * max(1, instructions))

    fitting = [item for item, is_fitting in plans if is_fitting]
    if fitting:
        return min(fitting, key=price)
    return min((item for item, _ in plans), key=lambda item: item.arena_bytes[0][1])


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
    return made, is_fitting


def _singles(graph: Graph, isa: tuple[str, ...], optimize: str) -> list[tuple[Step, ...]]:
    """The ways to compute each op alone."""
    offers = [offers_of(op, graph, isa) for op in graph.ops]
    return [_steps(i, graph, *found, optimize) for i, found in enumerate(offers)]


def _steps(
    number: int,
    graph: Graph,
    offers: tuple[Offer, ...],
    rejected: tuple[tuple[str, str], ...],
    optimize: str,
) -> tuple[Step, ...]:
    """The op alone, on each of its kernels, the preferred one first."""
    if not offers:
        return (Step((number,), None),)
    key = _cost_key(graph.ops[number], graph, optimize)
    steps = []
    for chosen in sorted(offers, key=lambda offer: key(offer.call)):
        others = tuple(
            (offer.name, offer.call.cost.instructions) for offer in offers if offer is not chosen
        )
        steps.append(Step((number,), chosen.call, alternatives=others, rejected=rejected))
    return tuple(steps)


def _cost_key(op: Op, graph: Graph, optimize: str) -> Callable[[KernelCall], tuple[int, ...]]:
    """What to minimise; ties go to the next number, then to the first offer."""

    def key(call: KernelCall) -> tuple[int, ...]:
        time = call.cost.instructions
        flash = call.cost.code_bytes + call.constant_bytes()
        ram = _local_bytes(op, graph, call)
        return (flash, time, ram) if optimize == "size" else (time, ram, flash)

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
    windows = [
        Range(number, number, step.call.stream.window_bytes)
        for number, step in enumerate(steps)
        if step.call is not None and step.call.stream is not None
    ]
    without_scratch = allocate([*ranges, *windows], sharings)
    return _Memory(buffers, layout, min(without_scratch.arena_bytes, layout.arena_bytes))


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
