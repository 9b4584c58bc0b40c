"""The memory of variables, which is not part of the arena: its bytes outlast an inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tinyml.ir.graph import Graph
from tinyml.plan.regions import Room
from tinyml.plan.values import Step

ALIGNMENT = 16  # bytes, of each variable


@dataclass(frozen=True, slots=True)
class StateMemory:
    """Where the variables lie, one behind the other in one region."""

    region: str
    offsets: Mapping[int, int]  # of each variable, bytes
    nbytes: int

    def rooms_beside(self, rooms: Sequence[Room]) -> tuple[Room, ...]:
        """What is left of the regions."""
        return tuple(
            replace(room, nbytes=room.nbytes - self.nbytes) if room.region == self.region else room
            for room in rooms
        )


def state_memory(graph: Graph, owners: Mapping[int, int], rooms: Sequence[Room]) -> StateMemory:
    """The variables in the first region that holds them all, or else in the largest.

    ``owners``: the variable that each tensor lies in.
    """
    sizes = dict.fromkeys(graph.variables, 0)
    for tensor, variable in owners.items():
        sizes[variable] = max(sizes[variable], graph.tensors[tensor].nbytes)
    offsets, end = {}, 0
    for variable, nbytes in sizes.items():
        offsets[variable] = end
        end += -(-nbytes // ALIGNMENT) * ALIGNMENT
    found = next((room for room in rooms if room.nbytes >= end), None)
    region = (found or max(rooms, key=lambda room: room.nbytes)).region
    return StateMemory(region, offsets, end)


def grown(
    graph: Graph,
    steps: Sequence[Step],
    ranges: Mapping[int, tuple[int, int]],
    owners: Mapping[int, int],
) -> dict[int, int]:
    """Tensors that may lie in a variable's memory: what is made by adding to its value.

    A ring buffer with its new rows: it begins where the rows lie that were kept, and what is kept
    of it is moved back to there. ``ranges`` are first and last uses, ``owners`` the variables of
    tensors that lie in one's memory anyway.
    """
    found: dict[int, int] = {}
    for number, step in enumerate(steps):
        call = step.call
        if call is None or len(step.ops) > 1:
            continue
        op = graph.ops[step.ops[0]]
        made = op.outputs[0]
        for item in call.overlaps:
            variable = owners.get(op.inputs[item.input])
            if variable is None or item.distance_bytes > 0 or made in owners or made in found:
                continue
            others = [i for i, held in (*owners.items(), *found.items()) if held == variable]
            span = (number, ranges[made][1])
            is_free = all(_is_apart(graph, steps, i, ranges[i], span, made) for i in others)
            if is_free and _is_small(graph, made, variable):
                found[made] = variable
    return found


def _is_apart(
    graph: Graph,
    steps: Sequence[Step],
    other: int,
    use: tuple[int, int],
    span: tuple[int, int],
    made: int,
) -> bool:
    """Whether a value is done with when ``made`` comes, or comes when that is done with.

    At the one step that both have in common a kernel must allow that they begin together.
    """
    first, last = span
    if use[1] < first or use[0] > last:
        return True
    if use[1] == first:
        return _begin_together(graph, steps[first], other)
    if use[0] == last and last < len(steps):
        return _begin_together(graph, steps[last], made)
    return False


def _begin_together(graph: Graph, step: Step, read: int) -> bool:
    """Whether a step may write its output from where an input begins."""
    if step.call is None or len(step.ops) > 1:
        return False
    inputs = graph.ops[step.ops[0]].inputs
    allowed = {item.input for item in step.call.overlaps if item.distance_bytes <= 0}
    return all(k in allowed for k, i in enumerate(inputs) if i == read)


def _is_small(graph: Graph, made: int, variable: int) -> bool:
    """Whether what is added is at most half of what is kept: it is taken all the time."""
    kept = graph.tensors[variable].nbytes
    return graph.tensors[made].nbytes - kept <= kept // 2
