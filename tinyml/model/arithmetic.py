"""In which numbers a model computes: asked by the reader, the importer and ``build`` alike.

An op computes in what it reads and writes while the model runs; constants do not count, nor do
QUANTIZE and DEQUANTIZE, which lead from one to the other. A model is a float model, and has to be
quantised, when ops compute in float and none in integers.
"""

from __future__ import annotations

from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.traits import Casts, Converts


def is_float(graph: Graph) -> bool:
    """Whether it is a float model: not one that is quantised, wholly or in part."""
    return bool(float_ops(graph)) and not integer_ops(graph) and not hybrid_ops(graph)


def float_ops(graph: Graph) -> tuple[Op, ...]:
    """The ops that compute in float, hybrid ones among them."""
    return tuple(op for op in graph.ops if _computes_float(graph, op))


def hybrid_ops(graph: Graph) -> tuple[Op, ...]:
    """The ops that compute in float with weights in integers: dynamic-range quantisation.

    A cast of such a constant is none: it takes the numbers without their scale.
    """
    return tuple(
        op
        for op in float_ops(graph)
        if integer_weights(graph, op) and trait_of(op.kind, Casts) is None
    )


def integer_weights(graph: Graph, op: Op) -> tuple[str, ...]:
    """The names of an op's quantised constants."""
    operands = (tensor for tensor in graph.op_inputs(op) if tensor is not None)
    return tuple(
        tensor.name
        for tensor in operands
        if tensor.is_constant and tensor.dtype.is_quantised and tensor.quant is not None
    )


def integer_ops(graph: Graph) -> tuple[Op, ...]:
    """The ops that compute in quantised integers.

    Whether such a value has a scale tells it from a picture in bytes before a CAST to float.
    """
    return tuple(
        op
        for op in graph.ops
        if not _is_conversion(op)
        and not _computes_float(graph, op)
        and any(
            tensor is not None
            and not tensor.is_constant
            and tensor.dtype.is_quantised
            and tensor.quant is not None
            for tensor in (*graph.op_inputs(op), *graph.op_outputs(op))
        )
    )


def _is_conversion(op: Op) -> bool:
    return trait_of(op.kind, Converts) is not None


def _computes_float(graph: Graph, op: Op) -> bool:
    return not _is_conversion(op) and any(
        tensor is not None and tensor.dtype == FLOAT32 and not tensor.is_constant
        for tensor in (*graph.op_inputs(op), *graph.op_outputs(op))
    )
