"""Which ops become one step, and on which kernel: the fastest choice within a limit of RAM.

A step needs the values that live across it, its own input and output with their overlap, and its
scratch, whatever the other steps do. So the fastest division of the program into steps that stay
below a limit is a shortest path over its ops. The RAM is what the layout of the arena comes to,
unless alignment or fragmentation cost more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from tinyml.ir.graph import Graph
from tinyml.ops.forms import Layer
from tinyml.ops.memory_of_variables import variables_of
from tinyml.plan.allocate import ALIGNMENT
from tinyml.plan.offers import Offer, offers_of
from tinyml.plan.segments import Segment, banded, data_inputs, segments
from tinyml.plan.stages import Banding, Kernels
from tinyml.plan.stream import fuse
from tinyml.plan.values import Step

MAX_OPS = 16  # of a segment
_BANDINGS = tuple(Banding(band, is_wide) for band in (1, 2, 4, 8) for is_wide in (False, True))


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to compute some consecutive ops in one step."""

    ops: tuple[int, ...]
    step: Step
    ram_bytes: int  # needed while the step runs, all other live values included
    instructions: int


def programs(graph: Graph, found: Sequence[Choice]) -> Iterator[tuple[Step, ...]]:
    """Divisions of the program into steps, from the fastest to the one that needs least RAM.

    Each is the fastest one that needs less RAM than the one before.
    """
    limit_bytes = max((choice.ram_bytes for choice in found), default=0)
    while path := fastest(graph, found, limit_bytes):
        yield tuple(choice.step for choice in path)
        limit_bytes = max(choice.ram_bytes for choice in path) - 1


def kernels_of_bands(graph: Graph, layers: Sequence[Layer], isa: Sequence[str]) -> Kernels:
    """The kernels for some rows of an op; ``layers`` are the numbers of the ops."""

    @cache
    def kernels(number: int, band: int, is_wide: bool) -> tuple[Offer, ...]:
        op, small = banded(graph.ops[number], graph, band, is_wide=is_wide)
        return offers_of(op, small, isa, layers[number], streamed=True)[0]

    return kernels


def choices(
    graph: Graph,
    singles: Sequence[Sequence[Step]],
    kernels: Kernels,
) -> list[Choice]:
    """Every op alone on each of its kernels, and every segment in every banding that suits it.

    ``singles`` are the ways to compute each op alone, ``kernels`` those for a part of its rows.
    Only segments that are as short as can be are looked at: they hold an op that needs more than
    the model's own inputs and outputs, and do not go on where a shorter one begins or ends at a
    value that is no larger than these.
    """
    ends = _last_uses(graph)
    found = [_choice(graph, step, ends) for alternatives in singles for step in alternatives]
    floor = max(
        sum(_units(graph.tensors[i].nbytes) for i in values)
        for values in (graph.inputs, graph.outputs)
    )
    least: dict[int, int] = {}
    for choice in found:
        number = choice.ops[0]
        least[number] = min(least.get(number, choice.ram_bytes), choice.ram_bytes)

    heavy = {number for number, nbytes in least.items() if nbytes > floor}
    for segment in segments(graph, MAX_OPS):
        if not _is_short(graph, segment, heavy, floor):
            continue
        alone = max(least[number] for number in segment.ops)
        for choice in _fused(graph, segment, kernels, ends, alone):
            if choice.ram_bytes < alone:
                found.append(choice)
    return found


def _fused(
    graph: Graph,
    segment: Segment,
    kernels: Kernels,
    ends: dict[int, tuple[int, int]],
    alone: int,
) -> Iterable[Choice]:
    """A segment in every form; until one takes as much RAM as its ops do one after the other."""
    calls: dict[tuple[int, int], Choice] = {}
    for banding in _BANDINGS:
        made = [
            _choice(graph, Step(segment.ops, call), ends)
            for call in fuse(graph, segment, banding, kernels)
        ]
        for choice in made:
            calls.setdefault((choice.ram_bytes, choice.instructions), choice)
        # Higher bands need larger windows: no use when these take too much already.
        if made and min(choice.ram_bytes for choice in made) >= alone:
            break
    return calls.values()


def fastest(graph: Graph, found: Sequence[Choice], limit_bytes: int) -> tuple[Choice, ...]:
    """The division with the fewest instructions within a limit; () when there is none."""
    best: list[tuple[int, int, Choice | None]] = [(0, 0, None)]  # instructions, RAM, last choice
    for end in range(1, len(graph.ops) + 1):
        ways = [
            (best[choice.ops[0]][0] + choice.instructions, choice.ram_bytes, choice)
            for choice in found
            if choice.ops[-1] + 1 == end
            and choice.ram_bytes <= limit_bytes
            and best[choice.ops[0]][0] >= 0
        ]
        best.append(min(ways, key=lambda way: way[:2], default=(-1, 0, None)))
    path: list[Choice] = []
    end = len(graph.ops)
    while end:
        choice = best[end][2]
        if choice is None:
            return ()
        path.append(choice)
        end = choice.ops[0]
    return tuple(reversed(path))


def _is_short(graph: Graph, segment: Segment, heavy: set[int], floor: int) -> bool:
    """Whether a segment holds heavy ops and could not begin later or end earlier."""
    inside = [number for number in segment.ops if number in heavy]
    if not inside:
        return False
    later = (i for n in segment.ops[1:] if n <= inside[0] for i in data_inputs(graph.ops[n], graph))
    earlier = (i for n in segment.ops[:-1] if n >= inside[-1] for i in graph.ops[n].outputs)
    return all(graph.tensors[i].nbytes > floor for i in (*later, *earlier))


def _last_uses(graph: Graph) -> dict[int, tuple[int, int]]:
    """First and last op that touch each value; -1 and the number of ops for inputs and outputs."""
    uses = {i: (-1, -1) for i in graph.inputs}
    for number, op in enumerate(graph.ops):
        for i in op.outputs:
            uses[i] = (number, number)
        for i in data_inputs(op, graph):
            uses[i] = (uses.get(i, (-1, -1))[0], number)
    for i in graph.outputs:
        if i in uses:
            uses[i] = (uses[i][0], len(graph.ops))
    kept = variables_of(graph)  # whose memory is the same whatever the division
    return {i: use for i, use in uses.items() if i not in kept}


def _choice(graph: Graph, step: Step, uses: dict[int, tuple[int, int]]) -> Choice:
    first, last = step.ops[0], step.ops[-1]
    made = graph.ops[last].outputs[0]
    live = {i for i, (start, end) in uses.items() if start < first and end >= first and i != made}
    total = sum(_units(graph.tensors[i].nbytes) for i in live)
    output = _units(graph.tensors[made].nbytes) if made in uses else 0
    call = step.call
    if call is None:
        return Choice(step.ops, step, max(total, output), 0)
    common = 0
    for item in call.overlaps:
        tensor = graph.ops[first].inputs[item.input]
        if tensor in live and uses[tensor][1] <= last:
            distance = _units(max(0, item.distance_bytes))
            shared = min(_units(graph.tensors[tensor].nbytes), output - distance)
            common = max(common, shared)
    ram = total + output - common + _units(call.scratch_bytes)
    return Choice(step.ops, step, ram, call.cost.instructions)


def _units(nbytes: int) -> int:
    """Bytes rounded up to the arena's alignment."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT
