"""Finds ops that are there again and again, as an unrolled recurrent layer has them step by step.

A round is a set of ops; every round has the same ones, in the same places. It begins with ops of
one kind and the same weights of which each depends on the one before (the layer's recurrent
weights). From there rounds grow, all of them at once: by what reads a result in every round, and by
what makes an operand in every round. What is found is proved afterwards, operand by operand:
nothing else than what is said here of an operand may be true of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tinyml.ir.graph import Graph
from tinyml.passes.growth import MIN_ROUNDS, Keys, Lane, Net, chains, grown, is_first_alike


@dataclass(frozen=True, slots=True)
class Same:
    """The operand is one tensor in all rounds, from outside or constant."""

    tensor: int


@dataclass(frozen=True, slots=True)
class Made:
    """The operand is made in the same round."""

    place: int  # in the round
    output: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The operand was made in the round before; the first round has it from outside."""

    place: int
    output: int
    first: int  # tensor


@dataclass(frozen=True, slots=True)
class Each:
    """The operand is another tensor from outside in each round."""

    tensors: Lane


Operand: TypeAlias = "Same | Made | Kept | Each"


@dataclass(frozen=True, slots=True)
class Repetition:
    """Rounds of ops that are alike; ``operands`` are those of each place, in order."""

    places: tuple[Lane, ...]  # numbers of ops, in an order in which they can run
    operands: tuple[tuple[Operand, ...], ...]

    @property
    def rounds(self) -> int:
        """How many there are."""
        return len(self.places[0])

    def kept(self) -> tuple[Kept, ...]:
        """The operands that come from the round before, each once."""
        found = (item for operands in self.operands for item in operands)
        return tuple(dict.fromkeys(item for item in found if isinstance(item, Kept)))

    def outputs(self, graph: Graph, place: int, output: int) -> Lane:
        """The tensors that a result of a place is, round by round."""
        return tuple(graph.ops[number].outputs[output] for number in self.places[place])


def repetitions(
    graph: Graph, keys: Keys, accepts: Callable[[Lane], bool] = lambda tensors: True
) -> tuple[Repetition, ...]:
    """The repetitions of a graph, none of which has an op in common with another.

    ``keys`` says when ops are alike: of one kind, with equal options, constants and types.
    ``accepts`` says whether rounds may each read another one of some tensors.
    """
    net = Net.of(graph, keys)
    found: list[Repetition] = []
    taken: set[int] = set()
    for chain in chains(net):
        if taken.isdisjoint(chain):
            made = _proved(net, grown(net, chain, taken), accepts)
            if made is not None:
                made = _with_first(net, made, taken, accepts)
                found.append(made)
                taken.update(number for lane in made.places for number in lane)
    return tuple(found)


def _proved(
    net: Net, lanes: tuple[Lane, ...], accepts: Callable[[Lane], bool]
) -> Repetition | None:
    """What is left of rounds when all is taken away of which one operand is none of the four."""
    while lanes and len(lanes[0]) >= MIN_ROUNDS:
        lanes = tuple(sorted(lanes, key=lambda lane: lane[0]))
        operands = _operands(net, lanes, accepts)
        kept = tuple(lane for lane, found in zip(lanes, operands, strict=True) if None not in found)
        if len(kept) == len(lanes):
            whole = tuple(tuple(item for item in found if item) for found in operands)
            is_chained = any(isinstance(item, Kept) for found in whole for item in found)
            return Repetition(lanes, whole) if is_chained else None
        lanes = kept
    return None


def _with_first(
    net: Net, found: Repetition, taken: set[int], accepts: Callable[[Lane], bool]
) -> Repetition:
    """The repetition with one more round in front, where there is one that begins with constants.

    It is found from what the first round takes over, against the flow.
    """
    ops = net.graph.ops
    first: dict[int, int] = {}
    todo = [(item.place, item.first) for item in found.kept()]
    inside = taken | {number for lane in found.places for number in lane}
    while todo:
        place, tensor = todo.pop()
        number = net.makers.get(tensor, -1)
        if first.get(place, number) != number or number < 0 or number in inside:
            return found
        if place in first:
            continue
        like = found.places[place][0]
        if not is_first_alike(net.keys[number], net.keys[like]):
            return found
        first[place] = number
        for item, i in zip(found.operands[place], ops[number].inputs, strict=True):
            if isinstance(item, Made):
                todo.append((item.place, i))
    if len(first) < len(found.places):
        return found
    lanes = tuple((first[place], *lane) for place, lane in enumerate(found.places))
    longer = _proved(net, lanes, accepts)
    return longer if longer is not None and len(longer.places) == len(lanes) else found


def _operands(
    net: Net, lanes: tuple[Lane, ...], accepts: Callable[[Lane], bool]
) -> tuple[tuple[Operand | None, ...], ...]:
    where = {
        i: (place, output, turn)
        for place, lane in enumerate(lanes)
        for turn, number in enumerate(lane)
        for output, i in enumerate(net.graph.ops[number].outputs)
    }
    late = _dependent(net, lanes) - set(where)
    constants = {i for i, tensor in enumerate(net.graph.tensors) if tensor.is_constant}
    found = []
    for lane in lanes:
        count = len(net.graph.ops[lane[0]].inputs)
        tensors = (net.operand(lane, k) for k in range(count))
        found.append(tuple(_operand(given, (where, late, constants), accepts) for given in tensors))
    return tuple(found)


def _dependent(net: Net, lanes: tuple[Lane, ...]) -> set[int]:
    """Tensors that depend on a round, the rounds' own among them."""
    inside = {number for lane in lanes for number in lane}
    found: set[int] = set()
    for number, op in enumerate(net.graph.ops):
        if number in inside or not found.isdisjoint(op.inputs):
            found.update(op.outputs)
    return found


_Known: TypeAlias = "tuple[dict[int, tuple[int, int, int]], set[int], set[int]]"


def _operand(tensors: Lane, known: _Known, accepts: Callable[[Lane], bool]) -> Operand | None:
    """What an operand is; None where it is nothing that rounds could have in common."""
    where, late, constants = known
    made = [where.get(i) for i in tensors]
    if not late.isdisjoint(tensors):
        return None  # it comes after some of the rounds
    if not any(made):
        if len(set(tensors)) == 1 or tensors[0] in constants:  # equal, or ops would not be alike
            return Same(tensors[0])
        return Each(tensors) if accepts(tensors) else None
    place, output, _ = made[-1] or (-1, -1, -1)
    if all(item == (place, output, turn) for turn, item in enumerate(made)):
        return Made(place, output)
    rest = enumerate(made[1:])
    if made[0] is None and all(item == (place, output, turn) for turn, item in rest):
        return Kept(place, output, tensors[0])
    return None
