"""64-bit integers as 32-bit ones: firmware has no others, and counts and positions fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT32, INT64
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.ops import trait_of
from tinyml.ops.traits import WholeNumbers

_INT32, _INT64 = 2, 4  # TensorType
_TYPE_FIELDS = ("OutputType", "InDataType", "OutDataType", "OutType")
_LEAST, _MOST = -(1 << 31), (1 << 31) - 1


def without_int64(graph: Graph) -> Graph:
    """The graph with int32 wherever it has int64: inputs, outputs, and what lies between.

    Raises ModelError where an operator needs the 64 bits.
    """
    if all(tensor.dtype != INT64 for tensor in graph.tensors):
        return graph
    for op in graph.ops:
        touched = [i for i in (*op.inputs, *op.outputs) if i >= 0]
        if trait_of(op.kind, WholeNumbers) is None and any(
            graph.tensors[i].dtype == INT64 for i in touched
        ):
            raise ModelError(
                f"{op.kind} '{op.name}' computes with 64-bit integers; firmware has none",
                hint="build the model with int32 in their place.",
                where=graph.source.file_name,
            )
    return replace(
        graph,
        tensors=tuple(_narrowed(tensor) for tensor in graph.tensors),
        ops=tuple(_retyped(op) for op in graph.ops),
    )


def _narrowed(tensor: Tensor) -> Tensor:
    if tensor.dtype != INT64:
        return tensor
    data = tensor.data
    if data is not None:
        data = np.clip(data, _LEAST, _MOST).astype(np.int32)
        data.flags.writeable = False
    return replace(tensor, dtype=INT32, data=data)


def _retyped(op: Op) -> Op:
    held = dict(op.attrs.values)
    changes = {name: _INT32 for name in _TYPE_FIELDS if held.get(name) == _INT64}
    return replace(op, attrs=op.attrs.having(**changes)) if changes else op
