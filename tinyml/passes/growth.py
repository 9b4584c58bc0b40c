"""Rounds of ops that are alike, as they grow from ops with the same weights.

Two ops may only be in the same place of two rounds where their keys are equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tinyml.ir.graph import Graph, Op

MIN_ROUNDS = 3

Lane: TypeAlias = tuple[int, ...]  # one op per round, or one tensor


@dataclass(frozen=True, slots=True)
class Key:
    """What must be equal where two ops are alike."""

    what: Hashable  # kind, options
    operands: tuple[tuple[Hashable, bytes], ...] = ()  # type; a digest of constants, else b""
    results: tuple[Hashable, ...] = ()


Keys: TypeAlias = Callable[[Graph, Op], Key]


def is_first_alike(first: Key, later: Key) -> bool:
    """Whether ops are alike but that the first may read constants where the later reads values."""
    if (first.what, first.results) != (later.what, later.results):
        return False
    if len(first.operands) != len(later.operands):
        return False
    pairs = zip(first.operands, later.operands, strict=True)
    return all(a == b or (a[0] == b[0] and not b[1]) for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Net:
    """A graph with what is asked of it all the time."""

    graph: Graph
    keys: tuple[Key, ...]  # of each op
    makers: dict[int, int]
    readers: dict[int, list[tuple[int, int]]]  # op and operand

    @classmethod
    def of(cls, graph: Graph, keys: Keys) -> Net:
        """That of a graph."""
        readers: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, op in enumerate(graph.ops):
            for k, i in enumerate(op.inputs):
                readers[i].append((number, k))
        makers = {i: number for number, op in enumerate(graph.ops) for i in op.outputs}
        return cls(graph, tuple(keys(graph, op) for op in graph.ops), makers, readers)

    def operand(self, lane: Lane, k: int) -> Lane:
        """The tensors that are an operand of ops, round by round."""
        return tuple(self.graph.ops[number].inputs[k] for number in lane)


def chains(net: Net) -> list[Lane]:
    """Ops that are alike of which each depends on the one before; the most and heaviest first."""
    groups: dict[Key, list[int]] = defaultdict(list)
    for number, key in enumerate(net.keys):
        groups[key].append(number)
    found = [
        chain
        for group in groups.values()
        if len(group) >= MIN_ROUNDS
        for chain in _linked(net, group)
    ]
    return sorted(found, key=lambda chain: (-_constant_bytes(net, chain[0]), -len(chain), chain))


def _constant_bytes(net: Net, number: int) -> int:
    given = net.graph.op_inputs(net.graph.ops[number])
    return sum(tensor.nbytes for tensor in given if tensor is not None and tensor.is_constant)


def _linked(net: Net, group: Sequence[int]) -> Iterator[Lane]:
    members = set(group)
    before: dict[int, int] = {}
    for number in group:
        if nearest := _nearest(net, number, members):
            before[number] = max(nearest)  # others come in on ways around it
    after: dict[int, list[int]] = defaultdict(list)
    for number, earlier in before.items():
        after[earlier].append(number)
    for number in group:
        if number in before:
            continue
        chain = [number]
        while len(after[chain[-1]]) == 1:
            chain += after[chain[-1]]
        if len(chain) >= MIN_ROUNDS:
            yield tuple(chain)


def _nearest(net: Net, number: int, members: set[int]) -> set[int]:
    """The members that an op depends on through others only."""
    found: set[int] = set()
    seen: set[int] = set()
    todo = [number]
    while todo:
        for i in net.graph.ops[todo.pop()].inputs:
            maker = net.makers.get(i)
            if maker is None or maker in seen:
                continue
            seen.add(maker)
            if maker in members:
                found.add(maker)
            else:
                todo.append(maker)
    return found


@dataclass(slots=True)
class _Lanes:
    """Rounds as they grow."""

    net: Net
    taken: set[int]  # by others, or by these
    lanes: list[Lane] = field(default_factory=list)

    def add(self, lane: Sequence[int]) -> bool:
        """Adds ops, one per round, unless they are not alike or already belong to one."""
        is_new = len(set(lane)) == len(lane) and self.taken.isdisjoint(lane)
        if not is_new or len({self.net.keys[number] for number in lane}) > 1:
            return False
        self.lanes.append(tuple(lane))
        self.taken.update(lane)
        return True

    def forward(self, lane: Lane) -> None:
        """Adds what reads a result of these ops, where every round has just one such op."""
        graph = self.net.graph
        for output in range(len(graph.ops[lane[0]].outputs)):
            classes: dict[tuple[Key, int], dict[int, set[int]]] = {}
            for turn, number in enumerate(lane):
                for reader, k in self.net.readers[graph.ops[number].outputs[output]]:
                    if reader not in self.taken:
                        known = classes.setdefault((self.net.keys[reader], k), {})
                        known.setdefault(turn, set()).add(reader)
            for turns in classes.values():
                if len(turns) == len(lane) and all(len(found) == 1 for found in turns.values()):
                    self.add([next(iter(turns[turn])) for turn in range(len(lane))])

    def backward(self, lane: Lane) -> None:
        """Adds what makes an operand of these ops in every round."""
        graph = self.net.graph
        for k in range(len(graph.ops[lane[0]].inputs)):
            tensors = self.net.operand(lane, k)
            makers = [self.net.makers.get(i, -1) for i in tensors]
            if -1 in makers:
                continue
            pairs = zip(makers, tensors, strict=True)
            if len({graph.ops[maker].outputs.index(i) for maker, i in pairs}) == 1:
                self.add(makers)


def grown(net: Net, chain: Lane, taken: set[int]) -> tuple[Lane, ...]:
    """The rounds around a chain.

    What follows comes first: an operand that is made in the round before is then known to be that.
    """
    held = _Lanes(net, set(taken))
    held.add(chain)
    ahead = behind = 0
    while ahead < len(held.lanes) or behind < len(held.lanes):
        if ahead < len(held.lanes):
            held.forward(held.lanes[ahead])
            ahead += 1
        else:
            held.backward(held.lanes[behind])
            behind += 1
    return tuple(held.lanes)
