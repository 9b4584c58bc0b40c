"""Any .tflite ↔ Graph, also of operators that the compiler does not support.

``tinyml.model.reader`` accepts what firmware can run. A converter must read what frameworks write:
float operators of any kind, with their options by field name (``options.py``), tensors with the
tolerance of ``tensors.CONVERTED``. Metadata and
signatures are not carried over: they describe the model before it was changed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.convert.flatwriter import empty_tensors, state_of, write
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.metadata import Metadata
from tinyml.model.file import model_file
from tinyml.model.opened import open_file
from tinyml.model.operators import read_graph
from tinyml.model.options import Options, read_options
from tinyml.model.protocols import Operator, OperatorCode
from tinyml.model.references import check_references
from tinyml.model.tensors import CONVERTED, integers, read_tensor
from tinyml.passes.rewrite import converts

__all__ = ["read", "write"]

_CONTROL_FLOW = ("WHILE", "IF", "CALL_ONCE", "CALL")


def read(file_name: str, data: bytes) -> Graph:
    """The graph of any .tflite with one subgraph.

    Raises ModelError for damaged bytes, control flow, and types that have no place here.
    """
    try:
        model = open_file(data)
    except ModelError as error:
        error.where = file_name
        raise
    if model.SubgraphsLength() < 1:
        raise ModelError("has no subgraph", where=file_name)
    table = model.Subgraphs(0)
    check_references(model, table)
    tensors = [
        read_tensor(model, table.Tensors(i), i, CONVERTED) for i in range(table.TensorsLength())
    ]
    graph = read_graph(model_file(file_name, data), model, table, tensors, _attrs)
    ops = list(graph.ops)
    _refuse_control_flow(ops, file_name)
    ops = _without_float16(ops, tensors)
    for op in ops:
        for position in state_of(op):
            i = op.inputs[position] if position < len(op.inputs) else -1
            if i >= 0:
                tensors[i] = replace(tensors[i], data=_zeros(tensors[i]))
    for i in empty_tensors(ops):
        tensors[i] = replace(tensors[i], shape=(), data=None)
    source = replace(graph.source, metadata=Metadata())
    return replace(graph, source=source, tensors=tuple(tensors), ops=tuple(ops))


def _without_float16(ops: list[Op], tensors: list[Tensor]) -> list[Op]:
    """The ops without those that turn float16 constants into float32: reading did it already."""
    kept = []
    for op in ops:
        is_whole = converts(op, "floats") and op.inputs and op.outputs and op.inputs[0] >= 0
        given = tensors[op.inputs[0]] if is_whole else None
        if given is not None and given.is_constant and given.dtype == FLOAT32:
            tensors[op.outputs[0]] = replace(tensors[op.outputs[0]], data=given.data)
        else:
            kept.append(op)
    return kept


def _refuse_control_flow(ops: list[Op], file_name: str) -> None:
    found = [op for op in ops if op.kind in _CONTROL_FLOW]
    if not found:
        return
    listed = ", ".join(f"{op.kind} '{op.name}'" for op in found)
    raise ModelError(
        f"has control flow, which is not quantised here: {listed}",
        hint="'tinyml build' compiles IF and WHILE of a .tflite file as they are, in float32 too; "
        "a recurrent layer becomes a loop unless it is unrolled: give LSTM, GRU and SimpleRNN "
        "unroll=True (Keras), or export with a fixed number of steps; replace other loops and "
        "conditions by plain layers.",
        where=file_name,
    )


def _zeros(tensor: Tensor) -> Array:
    data = np.zeros(tensor.shape, tensor.dtype.numpy)
    data.flags.writeable = False
    return data


def _attrs(kind: str, code: OperatorCode, table: Operator, label: str) -> Options:
    """All that the file holds."""
    custom = table.CustomOptionsAsNumpy()
    return replace(
        read_options(table, label),
        custom=b"" if isinstance(custom, int) else bytes(custom),
        intermediates=integers(table.IntermediatesAsNumpy()),
        version=code.Version(),
    )
