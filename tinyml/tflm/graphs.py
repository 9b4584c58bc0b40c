"""A model file as TFLM's interpreter sees it: graphs as they lie in the file, with all options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinyml.ir.graph import Graph
from tinyml.tflm.table import OpFacts, op_facts


@dataclass(frozen=True, slots=True)
class Outline:
    """A model file with what only an interpreter asks for."""

    graph: Graph  # tensors and ops as in the file
    options: tuple[Mapping[str, float], ...]  # of each op, named as in the schema: {"StrideW": 2}
    variables: frozenset[int]  # tensors that keep their value between inferences
    data: bytes  # of the file
    others: tuple[Outline, ...] = ()  # the further graphs of the file, in its order

    @property
    def graphs(self) -> tuple[Outline, ...]:
        """All graphs, by their numbers."""
        return (self, *self.others)

    def facts(self, number: int) -> OpFacts:
        """What is known of TFLM's kernel for an op."""
        return op_facts()[self.graph.ops[number].kind]
