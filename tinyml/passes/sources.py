"""Which elements of another tensor a tensor is, where it is nothing but a run of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from tinyml import ops
from tinyml.ir.graph import Graph, Op
from tinyml.ops.slice import run_of
from tinyml.ops.traits import MovesOnly, Variable
from tinyml.passes.rewrite import makers


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive elements of a tensor."""

    tensor: int
    start: int
    count: int


@dataclass(slots=True)
class Sources:
    """Where the tensors of a graph come from, through ops that only cut or view."""

    graph: Graph
    _makers: dict[int, int] = field(init=False)
    _known: dict[int, Run] = field(default_factory=dict)
    _parts: dict[int, dict[int, Run]] = field(default_factory=dict)  # of ops with several outputs

    def __post_init__(self) -> None:
        self._makers = makers(self.graph)

    def run(self, tensor: int) -> Run:
        """The elements that a tensor is; its own when it is none of another's."""
        if tensor not in self._known:
            own = Run(tensor, 0, self.graph.tensors[tensor].elements)
            part = self._part(tensor)
            if part is not None:
                above = self.run(part.tensor)
                own = replace(above, start=above.start + part.start, count=part.count)
            self._known[tensor] = own
        return self._known[tensor]

    def affine(self, tensors: Sequence[int]) -> tuple[int, int, int] | None:
        """The tensor of which all are runs, the first one's start, and the step between them."""
        runs = [self.run(i) for i in tensors]
        steps = {b.start - a.start for a, b in pairwise(runs)}
        if len({run.tensor for run in runs}) != 1 or len(steps) != 1:
            return None
        return runs[0].tensor, runs[0].start, steps.pop()

    def _part(self, tensor: int) -> Run | None:
        number = self._makers.get(tensor)
        if number is None:
            return None
        op = self.graph.ops[number]
        trait = ops.trait_of(op.kind, MovesOnly)
        if trait is None or ops.trait_of(op.kind, Variable) is not None:
            return None
        if trait.how == "split":
            if number not in self._parts:
                self._parts[number] = dict(self._split(op))
            return self._parts[number].get(tensor)
        return _taken(op, self.graph, trait)

    def _split(self, op: Op) -> Iterator[tuple[int, Run]]:
        """The parts of an op with several outputs, by way of the ops that stand for it."""
        expand = ops.spec_of(op.kind).expand
        found = expand(op, self.graph) if expand is not None else None
        if found is None:
            return
        graph = replace(self.graph, tensors=(*self.graph.tensors, *found.tensors), ops=found.ops)
        inner = Sources(graph)
        for made in op.outputs:
            run = inner.run(made)
            if run.tensor in op.inputs:
                yield made, run


def _taken(op: Op, graph: Graph, trait: MovesOnly) -> Run | None:
    given = graph.tensors[op.inputs[0]]
    if trait.how == "view":
        return Run(op.inputs[0], 0, given.elements)
    if trait.how != "cut" or trait.parts is None:
        return None
    found = run_of(trait.parts(op, graph), given.shape)
    return None if found is None else Run(op.inputs[0], *found)


def joins_in_order(op: Op, graph: Graph) -> bool:
    """Whether an op's output is its inputs one behind the other in memory."""
    trait = ops.trait_of(op.kind, MovesOnly)
    if trait is None or trait.how not in ("join", "stack") or -1 in op.inputs:
        return False
    tensors = [graph.tensors[i] for i in op.inputs]
    ends = np.cumsum([tensor.elements for tensor in tensors])
    numbered = [
        np.arange(end - tensor.elements, end).reshape(tensor.shape)
        for tensor, end in zip(tensors, ends, strict=True)
    ]
    (made,) = ops.form_of(op, graph).reference(op, graph, numbered)
    return bool(np.array_equal(made.ravel(), np.arange(ends[-1])))
