"""What the rounds of a loop make, as the ops outside of it read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.ops.layout import MAX_PARTS, joined_op, viewed_op
from tinyml.ops.loop import Part
from tinyml.ops.slice import rows_of
from tinyml.passes.growth import Lane
from tinyml.passes.repetition import Repetition
from tinyml.passes.sources import joins_in_order


@dataclass(frozen=True, slots=True)
class Collected:
    """The outputs of a loop, and which part of each a round makes."""

    tensors: tuple[int, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A graph whose repetition is about to become a loop."""

    graph: Graph
    before: tuple[Op, ...]
    after: tuple[Op, ...]

    def with_loop(self, loop: Op) -> Graph:
        """The graph with the loop, in front of what depends on it."""
        return replace(self.graph, ops=(*self.before, loop, *self.after))


def collected(
    graph: Graph, found: Repetition, results: Sequence[tuple[int, int]]
) -> tuple[Held, Collected]:
    """The graph without the rounds, and the outputs that a loop must have.

    Of a result of which only the last round's is read, that one; else all rounds' in one tensor,
    in the order in which they are put together later.
    """
    inside = {number for lane in found.places for number in lane}
    before, after = _parted(graph, inside)
    read = {i for op in (*before, *after) for i in op.inputs} | set(graph.results)
    tensors = list(graph.tensors)
    outputs: list[int] = []
    parts: list[Part] = []
    for place, output in results:
        lane = found.outputs(graph, place, output)
        if read.isdisjoint(lane[:-1]):
            outputs.append(lane[-1])
            parts.append(Part(0))
            continue
        held = graph.tensors[lane[0]]
        rows = lane[::-1] if _is_read_backwards(after, lane) else lane
        whole = len(tensors)
        shape = (len(lane), held.elements)
        tensors.append(replace(held, name=f"{held.name}/rounds", shape=shape))
        outputs.append(whole)
        step = held.elements if rows is lane else -held.elements
        parts.append(Part(0 if step > 0 else -step * (len(lane) - 1), step))
        after = _reading(replace(graph, tensors=tuple(tensors)), after, (whole, rows), tensors)
    held_graph = replace(graph, tensors=tuple(tensors))
    return Held(held_graph, before, after), Collected(tuple(outputs), tuple(parts))


def _parted(graph: Graph, inside: set[int]) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
    """The ops that do not depend on the rounds, and those that do, each in their order."""
    late: set[int] = set()
    before: list[Op] = []
    after: list[Op] = []
    for number, op in enumerate(graph.ops):
        is_late = not late.isdisjoint(op.inputs)
        if number in inside or is_late:
            late.update(op.outputs)
        if number not in inside:
            (after if is_late else before).append(op)
    return tuple(before), tuple(after)


def _is_read_backwards(after: Sequence[Op], lane: Lane) -> bool:
    """Whether the first op that reads several of the tensors has them last round first."""
    turns = {i: turn for turn, i in enumerate(lane)}
    for op in after:
        found = [turns[i] for i in op.inputs if i in turns]
        if len(found) > 1:
            return found[0] > found[1]
    return False


def _reading(
    graph: Graph, after: Sequence[Op], rounds: tuple[int, Lane], tensors: list[Tensor]
) -> tuple[Op, ...]:
    """The ops, reading from the one tensor that all rounds make; ``tensors`` grow."""
    whole, rows = rounds
    made: list[Op] = []
    for op in after:
        joined = _joined(graph, op, rounds, tensors)
        made += [op] if joined is None else joined
    rest = {i for op in made for i in op.inputs} | set(graph.results)
    slices = [
        item for row, i in enumerate(rows) if i in rest for item in rows_of(whole, row, i, tensors)
    ]
    return (*slices, *made)


def _joined(
    graph: Graph, op: Op, rounds: tuple[int, Lane], tensors: list[Tensor]
) -> list[Op] | None:
    """What stands for an op that puts results of consecutive rounds together; None for others."""
    whole, rows = rounds
    turns = {i: row for row, i in enumerate(rows)}
    if len(turns.keys() & set(op.inputs)) < 2 or not joins_in_order(op, graph):
        return None
    pieces: list[list[int]] = []
    for i in op.inputs:
        follows = bool(pieces) and turns.get(pieces[-1][-1], -9) + 1 == turns.get(i, -1)
        if follows:
            pieces[-1].append(i)
        else:
            pieces.append([i])
    if len(pieces) > MAX_PARTS or any(graph.tensors[i].is_constant for i in op.inputs):
        return None
    found: list[Op] = []
    numbers = []
    for piece in pieces:
        numbers.append(len(tensors))
        held = graph.tensors[piece[0]]
        count = sum(graph.tensors[i].elements for i in piece)
        tensors.append(replace(held, name=f"{held.name}/flat", shape=(1, count)))
        if len(piece) > 1 and len(piece) < len(rows):
            found += rows_of(whole, turns[piece[0]], numbers[-1], tensors)
        else:
            given = whole if len(piece) == len(rows) else piece[0]
            found.append(viewed_op(held.name, given, numbers[-1], (1, count)))
    made = graph.tensors[op.outputs[0]]
    flat = numbers[0]
    if len(numbers) > 1:
        flat = len(tensors)
        tensors.append(replace(made, name=f"{made.name}/flat", shape=(1, made.elements)))
        found.append(joined_op(made.name, tuple(numbers), flat, 1))
    return [*found, viewed_op(made.name, flat, op.outputs[0], made.shape)]
