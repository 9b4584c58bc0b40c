"""Several models in one graph: put side by side, and told apart again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Carried, Graph, Op, Source, Submodel, Tensor, check


def side_by_side(graphs: Sequence[Graph], labels: Sequence[str] = ()) -> Graph:
    """One graph with all tensors and ops of several, in their order.

    ``labels`` go before the names of tensors and ops; m0, m1, ... by default. The graph counts as
    one model: ``parts`` are what the caller says.
    """
    tensors: list[Tensor] = []
    ops: list[Op] = []
    inputs: list[int] = []
    outputs: list[int] = []
    carried: list[Carried] = []
    for number, graph in enumerate(graphs):
        base, label = len(tensors), labels[number] if labels else f"m{number}"
        tensors += [replace(t, name=f"{label}/{t.name}") for t in graph.tensors]
        ops += [_shifted(op, base, f"{label}/") for op in graph.ops]
        inputs += [base + i for i in graph.inputs]
        outputs += [base + i for i in graph.outputs]
        carried += [Carried(base + item.first, base + item.last) for item in graph.carried]
    names = "".join(graph.source.sha256 for graph in graphs)
    source = Source("batch.tflite", hashlib.sha256(names.encode()).hexdigest(), 0)
    ends = tuple(inputs), tuple(outputs)
    return check(Graph("model", source, tuple(tensors), tuple(ops), *ends, tuple(carried)))


def _shifted(op: Op, base: int, prefix: str) -> Op:
    return replace(
        op,
        name=prefix + op.name,
        inputs=tuple(base + i if i >= 0 else -1 for i in op.inputs),
        outputs=tuple(base + i for i in op.outputs),
    )


def models_of(graph: Graph) -> tuple[Graph, ...]:
    """The models that a graph holds, each as a graph of its own with all the tensors.

    The graph itself where it is one.
    """
    if not graph.parts:
        return (graph,)
    owners = parts_of_ops(graph)
    found = []
    for number, (part, inputs, outputs) in enumerate(_ends(graph)):
        ops = tuple(op for op, owner in zip(graph.ops, owners, strict=True) if owner == number)
        made = {i for op in ops for i in op.outputs}
        found.append(
            replace(
                graph,
                name=part.name,
                source=part.source,
                ops=ops,
                inputs=inputs,
                outputs=outputs,
                carried=tuple(item for item in graph.carried if item.last in made),
                parts=(),
            )
        )
    return tuple(found)


def _ends(graph: Graph) -> Iterator[tuple[Submodel, tuple[int, ...], tuple[int, ...]]]:
    """Each part with the tensors that are its inputs and outputs."""
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    for part in graph.parts:
        yield part, tuple(inputs[: part.inputs]), tuple(outputs[: part.outputs])
        del inputs[: part.inputs], outputs[: part.outputs]


def parts_of_ops(graph: Graph) -> tuple[int, ...]:
    """The number of the part that each op belongs to.

    Raises ModelError where a value is of two parts.
    """
    sets = _Sets(len(graph.tensors))
    for op in graph.ops:
        values = [i for i in (*op.inputs, *op.outputs) if i >= 0]
        sets.join(i for i in values if not graph.tensors[i].is_constant)
    for item in graph.carried:
        sets.join((item.first, item.last))
    owners: dict[int, int] = {}
    for number, (part, inputs, outputs) in enumerate(_ends(graph)):
        for i in (*inputs, *outputs):
            if owners.setdefault(sets.of(i), number) != number:
                raise ModelError(
                    f"the model '{part.name}' is not independent of the others in the file"
                )
    # What belongs to nobody is computed from constants, and read by no one; or it makes nothing, in
    # a file that is damaged and not checked yet.
    return tuple(owners.get(sets.of(op.outputs[0]), 0) if op.outputs else 0 for op in graph.ops)


class _Sets:
    """Disjoint sets of numbers, each known by one of its own."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def of(self, number: int) -> int:
        """The set that the number is in."""
        while self._above[number] != number:
            self._above[number] = number = self._above[self._above[number]]
        return number

    def join(self, numbers: Iterable[int]) -> None:
        """Makes the sets of all these one."""
        found = [self.of(number) for number in numbers]
        for number in found[1:]:
            self._above[self.of(number)] = self.of(found[0])
