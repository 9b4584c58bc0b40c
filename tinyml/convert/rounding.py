"""A float graph in which some values are rounded to integers and back."""

from __future__ import annotations

from dataclasses import replace

from tinyml.convert.tables import options_of
from tinyml.ir.dtype import FLOAT32, INT8, DType
from tinyml.ir.graph import Graph, Op, Quant
from tinyml.ops.quantize import DEQUANTIZE, QUANTIZE


def rounded(graph: Graph, tensor: int, dtype: DType, quant: Quant) -> Graph:
    """The graph whose readers of a value see it rounded; its last tensor is the rounded value."""
    first = len(graph.tensors)
    plain = replace(graph.tensors[tensor], name=f"rounded_{tensor}", quant=None)
    held = replace(plain, name=f"integers_{tensor}", dtype=dtype, quant=quant)
    down = Op(QUANTIZE, held.name, (tensor,), (first,), _versioned(QUANTIZE, 2))
    up = Op(DEQUANTIZE, plain.name, (first,), (first + 1,), _versioned(DEQUANTIZE, 3))
    ops: list[Op] = [down, up] if tensor in graph.inputs else []
    for op in graph.ops:
        ops.append(
            replace(op, inputs=tuple(first + 1 if i == tensor else i for i in op.inputs))
            if tensor in op.inputs
            else op
        )
        if tensor in op.outputs:
            ops += [down, up]
    outputs = tuple(first + 1 if i == tensor else i for i in graph.outputs)
    return replace(graph, tensors=(*graph.tensors, held, plain), ops=tuple(ops), outputs=outputs)


def _versioned(kind: str, version: int) -> object:
    return replace(options_of(kind), version=version)


def as_trained(graph: Graph) -> tuple[Graph, dict[int, int]]:
    """The graph with the rounding that it was trained with, where float values carry scales.

    Also gives, for each such value, the tensor that holds it rounded.
    """
    marked = {
        i: tensor.quant
        for i, tensor in enumerate(graph.tensors)
        if tensor.dtype == FLOAT32 and tensor.quant is not None and not tensor.is_constant
    }
    plain = replace(
        graph,
        tensors=tuple(
            replace(tensor, quant=None) if tensor.dtype == FLOAT32 else tensor
            for tensor in graph.tensors
        ),
    )
    found = {}
    for i, quant in marked.items():
        plain = rounded(plain, i, INT8, quant)
        found[i] = len(plain.tensors) - 1
    return plain, found
