"""Where every value and every scratch lies: in one region, or in several when one is short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tinyml.ir.graph import Graph
from tinyml.ir.kernel import KernelCall
from tinyml.plan.allocate import Range, Sharing, allocate
from tinyml.plan.liveness import Buffer, buffers_of, live_ranges
from tinyml.plan.regions import Room, Spread, only, spread, whole
from tinyml.plan.states import StateMemory, state_memory
from tinyml.plan.values import Placement, Step, Use


@dataclass(frozen=True, slots=True)
class Arena:
    """The memory of a program."""

    graph: Graph
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]  # without those of variables
    states: tuple[Buffer, ...]
    memory: StateMemory
    spread: Spread  # buffers in order, then the scratches in order of steps
    activation_bytes: tuple[tuple[str, int], ...]  # per region, the arena without scratch
    lower_bound_bytes: int

    def uses(self) -> tuple[Use, ...]:
        """Its lines of the budget."""
        found = []
        activations = dict(self.activation_bytes)
        for region, nbytes in self.spread.arena_bytes:
            found.append(Use(region, "activations", activations[region]))
            found.append(Use(region, "scratch", nbytes - activations[region]))
        if self.memory.nbytes:
            found.append(Use(self.memory.region, "state", self.memory.nbytes))
        return tuple(found)

    def state_bytes(self) -> tuple[tuple[str, int], ...]:
        """The memory of variables; () where there is none."""
        return ((self.memory.region, self.memory.nbytes),) if self.memory.nbytes else ()

    def placements(self) -> tuple[Placement | None, ...]:
        """Where each tensor of the graph lies; None for those that need no memory."""
        placed: list[Placement | None] = [None] * len(self.graph.tensors)
        ranges = live_ranges(self.graph, self.steps)
        for number, buffer in enumerate(self.buffers):
            region, offset = self.spread.regions[number], self.spread.offsets[number]
            for i in buffer.tensors:
                placed[i] = Placement(region, offset, self.graph.tensors[i].nbytes, *ranges[i])
        for buffer in self.states:
            place = (self.memory.region, self.memory.offsets[buffer.variable])
            for i in buffer.tensors:
                nbytes = self.graph.tensors[i].nbytes
                placed[i] = Placement(*place, nbytes, *ranges[i], is_state=True)
        return tuple(placed)

    def with_scratch(self) -> tuple[Step, ...]:
        """The steps, each with the place of its scratch."""
        places = zip(self.spread.regions, self.spread.offsets, strict=True)
        rest = iter(tuple(places)[len(self.buffers) :])
        placed = []
        for number, step in enumerate(self.steps):
            nbytes = step.call.scratch_bytes if step.call is not None else 0
            scratch = Placement(*next(rest), nbytes, number, number) if nbytes else None
            placed.append(replace(step, scratch=scratch))
        return tuple(placed)


def arrange(graph: Graph, steps: tuple[Step, ...], rooms: Sequence[Room]) -> tuple[Arena, bool]:
    """The arena of a program in ``rooms``, the first choice first, and whether it fits there.

    All of it lies in the first region when that is large enough, else in several. An arena that
    does not fit is laid out in the largest region, so that one can say by how much.
    """
    everything = buffers_of(graph, steps)
    buffers, states = (
        tuple(item for item in everything if (item.variable >= 0) == is_state)
        for is_state in (False, True)
    )
    owners = {i: item.variable for item in states for i in item.tensors}
    memory = state_memory(graph, owners, rooms)
    rooms = memory.rooms_beside(rooms)
    sharings = tuple(_sharings(graph, steps, buffers))
    ranges = [Range(item.first_use, item.last_use, item.nbytes) for item in buffers]
    ranges += [Range(n, n, call.scratch_bytes) for n, call in _scratched(steps)]
    layout = allocate(ranges, sharings)
    room_bytes = {room.region: room.nbytes for room in rooms}
    is_fitting = True
    if layout.arena_bytes <= rooms[0].nbytes:
        found = whole(layout, rooms[0].region)
    else:
        work = _work(graph, steps, buffers)
        several = spread(ranges, work, sharings, rooms) if len(rooms) > 1 else None
        largest = max(rooms, key=lambda room: room.nbytes).region
        found = several or whole(layout, largest)
        is_fitting = all(nbytes <= room_bytes[region] for region, nbytes in found.arena_bytes)
    activations = _activation_bytes(steps, len(buffers), ranges, sharings, found)
    return (
        Arena(graph, steps, buffers, states, memory, found, activations, layout.lower_bound_bytes),
        is_fitting,
    )


def _scratched(steps: Sequence[Step]) -> Iterator[tuple[int, KernelCall]]:
    for number, step in enumerate(steps):
        if step.call is not None and step.call.scratch_bytes > 0:
            yield number, step.call


def _sharings(
    graph: Graph, steps: tuple[Step, ...], buffers: tuple[Buffer, ...]
) -> Iterator[Sharing]:
    """The overlaps that the kernels allow and the live ranges too."""
    owner = {tensor: number for number, item in enumerate(buffers) for tensor in item.tensors}
    for number, step in enumerate(steps):
        if step.call is None:
            continue
        op = graph.ops[step.ops[0]]
        output = owner.get(graph.ops[step.ops[-1]].outputs[0])
        if output is None:  # a variable's
            continue
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


def _work(graph: Graph, steps: tuple[Step, ...], buffers: tuple[Buffer, ...]) -> list[int]:
    """Instructions of the steps that touch each range: buffers first, then scratches."""
    owner = {tensor: number for number, item in enumerate(buffers) for tensor in item.tensors}
    work = [0] * len(buffers)
    for step in steps:
        if step.call is None:
            continue
        tensors = {i for op in step.ops for i in (*graph.ops[op].inputs, *graph.ops[op].outputs)}
        for number in {owner[i] for i in tensors if i in owner}:
            work[number] += step.call.cost.instructions
    return [*work, *(call.cost.instructions for _, call in _scratched(steps))]


def _activation_bytes(
    steps: tuple[Step, ...],
    buffers: int,
    ranges: Sequence[Range],
    sharings: Sequence[Sharing],
    found: Spread,
) -> tuple[tuple[str, int], ...]:
    """What the arena of each region would be without scratch, except for windows of rows."""
    windows = [call.stream.window_bytes if call.stream else 0 for _, call in _scratched(steps)]
    if not windows:
        return found.arena_bytes
    sizes = [*(item.nbytes for item in ranges[:buffers]), *windows]
    resized = [replace(item, nbytes=size) for item, size in zip(ranges, sizes, strict=True)]
    per_region = []
    for region, nbytes in found.arena_bytes:
        kept = [i for i, size in enumerate(sizes) if size and found.regions[i] == region]
        rest = allocate(*only(resized, sharings, kept))
        per_region.append((region, min(rest.arena_bytes, nbytes)))
    return tuple(per_region)
