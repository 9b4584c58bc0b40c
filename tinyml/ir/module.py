"""A whole model: its graphs, of which others may be called by one, and what each remembers."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.ir.graph import Graph, Tensor


@dataclass(frozen=True, slots=True)
class State:
    """A variable of a graph: it keeps its value from one inference to the next."""

    graph: int  # number of the graph in the module
    tensor: int  # number in the graph


@dataclass(frozen=True, slots=True)
class Module:
    """The graphs of a model file, in the file's order; ops that call one name it by its number."""

    graphs: tuple[Graph, ...]  # one at least, with names that differ

    @property
    def main(self) -> Graph:
        """The graph that an application runs; the others are called from it."""
        return self.graphs[0]

    @property
    def states(self) -> tuple[State, ...]:
        """The variables of all graphs, each with its own memory."""
        return tuple(
            State(number, tensor)
            for number, graph in enumerate(self.graphs)
            for tensor in graph.variables
        )

    def tensor(self, state: State) -> Tensor:
        """What holds a state."""
        return self.graphs[state.graph].tensors[state.tensor]
