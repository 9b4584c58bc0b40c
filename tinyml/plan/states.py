"""The memory of variables, which is not part of the arena: its bytes outlast an inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tinyml.ir.graph import Graph
from tinyml.ops import trait_of
from tinyml.ops.traits import Variable
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
    views = _Views.of(graph, steps, ranges)
    for number, step in enumerate(steps):
        call = step.call
        if call is None or len(step.ops) > 1:
            continue
        op = graph.ops[step.ops[0]]
        made = op.outputs[0]
        for item in call.overlaps:
            variable = owners.get(views.roots.get(op.inputs[item.input], -1))
            if variable is None or item.distance_bytes > 0 or made in owners or made in found:
                continue
            others = [i for i, held in (*owners.items(), *found.items()) if held == variable]
            is_free = all(views.are_apart(i, made, number) for i in others)
            if is_free and _is_small(graph, made, variable):
                found[made] = variable
    return found


@dataclass(frozen=True, slots=True)
class _Views:
    """Tensors that are the same bytes, through steps that compute nothing."""

    graph: Graph
    steps: Sequence[Step]
    ranges: Mapping[int, tuple[int, int]]
    roots: Mapping[int, int]  # the tensor whose bytes each tensor is
    ends: Mapping[int, int]  # the last use of each root and of all that are the same bytes

    @classmethod
    def of(
        cls, graph: Graph, steps: Sequence[Step], ranges: Mapping[int, tuple[int, int]]
    ) -> _Views:
        """Those of a program; variables' own ops have their say in ``owners``."""
        roots = {i: i for i in ranges}
        for step in steps:
            op = graph.ops[step.ops[0]]
            is_view = step.call is None and trait_of(op.kind, Variable) is None
            if is_view and op.inputs[0] in roots:
                roots[op.outputs[0]] = roots[op.inputs[0]]
        ends: dict[int, int] = {}
        for i, root in roots.items():
            ends[root] = max(ends.get(root, -1), ranges[i][1])
        return cls(graph, steps, ranges, roots, ends)

    def are_apart(self, other: int, made: int, number: int) -> bool:
        """Whether a value is done with when step ``number`` makes another, or comes after that.

        At the one step that both have in common a kernel must allow that they begin together.
        """
        last = self.ends[made]
        begin, end = self.ranges[other][0], self.ends.get(other, self.ranges[other][1])
        if end < number or begin > last:
            return True
        if end == number:
            return self._begin_together(self.steps[number], other)
        if begin == last and last < len(self.steps):
            return self._begin_together(self.steps[last], made)
        return False

    def _begin_together(self, step: Step, read: int) -> bool:
        """Whether a step may write its output from where an input begins."""
        if step.call is None or len(step.ops) > 1:
            return False
        inputs = self.graph.ops[step.ops[0]].inputs
        allowed = {item.input for item in step.call.overlaps if item.distance_bytes <= 0}
        same = [k for k, i in enumerate(inputs) if self.roots.get(i) == self.roots.get(read)]
        return bool(same) and all(k in allowed for k in same)


def _is_small(graph: Graph, made: int, variable: int) -> bool:
    """Whether what is added is at most half of what is kept: it is taken all the time."""
    kept = graph.tensors[variable].nbytes
    return graph.tensors[made].nbytes - kept <= kept // 2
