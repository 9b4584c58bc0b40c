"""Graph → .tflite bytes, of any operators; the other half of ``flatfile``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tinyml.base.errors import InternalError
from tinyml.convert.names import repeated_names, with_unique_names
from tinyml.ir.graph import Graph, Op
from tinyml.model.encode import Options, Writing, encode
from tinyml.model.operators import code_of
from tinyml.model.options import write_options
from tinyml.model.protocols import Builder
from tinyml.ops import trait_of
from tinyml.ops.traits import State


def state_of(op: Op) -> tuple[int, ...]:
    """Operands that are state: the file has no value for them, the graph holds zeros."""
    trait = trait_of(op.kind, State)
    return trait.operands if trait is not None else ()


def empty_tensors(ops: Iterable[Op]) -> set[int]:
    """Tensors that hold scales and nothing else: empty in the file, scalars in the graph."""
    return {i for op in ops for i in op.attrs.intermediates}


def write(graph: Graph, metadata: Mapping[str, bytes] | None = None) -> bytes:
    """The graph as a .tflite; ``metadata`` are named buffers beside it.

    Each tensor gets a name of its own; those of outputs and inputs stay.
    """
    graph = with_unique_names(graph)
    if repeated_names(graph):
        raise InternalError(f"two tensors of one name: {repeated_names(graph)[0]}")
    variables = {
        op.inputs[position]
        for op in graph.ops
        for position in state_of(op)
        if position < len(op.inputs)
    }
    empty = empty_tensors(graph.ops)
    tensors = tuple(
        replace(
            tensor,
            shape=(0,) if i in empty else tensor.shape,
            data=None if i in variables else tensor.data,
        )
        for i, tensor in enumerate(graph.tensors)
    )
    return encode(
        Writing(
            replace(graph, tensors=tensors),
            [code_of(op.kind, op.attrs.version) for op in graph.ops],
            _options,
            "main",
            "converted by tinyml",
            variables,
            metadata or {},
        )
    )


def _options(builder: Builder, op: Op) -> Options:
    return Options(*write_options(builder, op.attrs), op.attrs.custom, op.attrs.intermediates)
