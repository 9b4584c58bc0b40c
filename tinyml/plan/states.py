"""The memory of variables, which is not part of the arena: its bytes outlast an inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.traits import Variable
from tinyml.plan.regions import Room

ALIGNMENT = 16  # bytes, of each variable


def variables_of(graph: Graph) -> dict[int, int]:
    """The variable in whose memory a tensor lies, for all that lie in one's."""
    found = {i: i for i in graph.variables}
    for op in graph.ops:
        trait = trait_of(op.kind, Variable)
        if trait is None:
            continue
        if trait.is_written or op.attrs.in_place:
            found[op.outputs[0]] = found[op.inputs[0]]
        if trait.is_written and op.attrs.in_place:
            found[op.inputs[1]] = found[op.inputs[0]]
    return found


def read_by(op: Op) -> tuple[int, ...]:
    """The operands whose values an op looks at: not that of a variable that it overwrites."""
    trait = trait_of(op.kind, Variable)
    return op.inputs[1:] if trait is not None and trait.is_written else op.inputs


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
