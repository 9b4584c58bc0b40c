"""Graphs side by side in one program, and parts of a graph as graphs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from tinyml.conformance.values import Case, Vector
from tinyml.ir.graph import Graph, Op, Source, Tensor, check
from tinyml.ops.reference import run


def merged(cases: Sequence[Case]) -> tuple[Graph, tuple[Vector, ...]]:
    """One graph that computes all the cases, and its inputs: building a program is what is dear.

    There are as many vectors as the case with most has; the others repeat their last.
    """
    if len(cases) == 1:
        return cases[0].graph, cases[0].vectors
    tensors: list[Tensor] = []
    ops: list[Op] = []
    inputs: list[int] = []
    outputs: list[int] = []
    for number, case in enumerate(cases):
        base, graph = len(tensors), case.graph
        tensors += [replace(t, name=f"m{number}/{t.name}") for t in graph.tensors]
        ops += [_shifted(op, base, f"m{number}/") for op in graph.ops]
        inputs += [base + i for i in graph.inputs]
        outputs += [base + i for i in graph.outputs]
    names = "".join(case.graph.source.sha256 for case in cases)
    source = Source("batch.tflite", hashlib.sha256(names.encode()).hexdigest(), 0)
    graph = Graph("batch", source, tuple(tensors), tuple(ops), tuple(inputs), tuple(outputs))
    count = max(len(case.vectors) for case in cases)
    vectors = tuple(
        tuple(value for case in cases for value in case.vectors[min(i, len(case.vectors) - 1)])
        for i in range(count)
    )
    return check(graph), vectors


def parted(cases: Sequence[Case], outputs: Sequence[Vector]) -> list[tuple[Vector, ...]]:
    """The outputs of each case among those of ``merged``."""
    found, at = [], 0
    for case in cases:
        count = len(case.graph.outputs)
        found.append(tuple(row[at : at + count] for row in outputs[: len(case.vectors)]))
        at += count
    return found


def part_of(case: Case, kept: Sequence[int]) -> Case | None:
    """The case with some of its ops only, by number; None when nothing is left to compute.

    What they read of the others become inputs, with the values that the reference has there; what
    none of them reads becomes an output.
    """
    graph = case.graph
    ops = [graph.ops[i] for i in kept]
    made = [i for op in ops for i in op.outputs]
    known = {i for i, t in enumerate(graph.tensors) if t.is_constant or t.is_variable}
    read = dict.fromkeys(i for op in ops for i in op.inputs if i >= 0)
    inputs = [i for i in read if i not in made and i not in known]
    outputs = [i for i in made if i not in read or i in graph.outputs]
    if not ops or not inputs:
        return None
    values = [run(graph, vector) for vector in case.vectors]
    order = sorted({*read, *made, *inputs})
    number = {old: new for new, old in enumerate(order)} | {-1: -1}
    smaller = replace(
        graph,
        tensors=tuple(graph.tensors[i] for i in order),
        ops=tuple(
            replace(
                op,
                inputs=tuple(number[i] for i in op.inputs),
                outputs=tuple(number[i] for i in op.outputs),
            )
            for op in ops
        ),
        inputs=tuple(number[i] for i in inputs),
        outputs=tuple(number[i] for i in outputs),
    )

    def picked(indices: Sequence[int]) -> tuple[Vector, ...]:
        return tuple(tuple(row[i] for i in indices) for row in values)  # type: ignore[misc]

    return Case(case.path, smaller, picked(inputs), picked(outputs))


def _shifted(op: Op, base: int, prefix: str) -> Op:
    return replace(
        op,
        name=prefix + op.name,
        inputs=tuple(base + i if i >= 0 else -1 for i in op.inputs),
        outputs=tuple(base + i for i in op.outputs),
    )
