"""Any .tflite ↔ Graph, also of operators that the compiler does not support.

``tinyml.model.reader`` accepts what firmware can run. A converter must read what frameworks write:
float operators of any kind, with their options by field name (``options.py``). Metadata and
signatures are not carried over: they describe the model before it was changed.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.convert.flatwriter import empty_tensors, state_of, write
from tinyml.ir.dtype import BY_TFLITE, FLOAT32, DType, type_title
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.ir.metadata import Metadata
from tinyml.model.file import model_file
from tinyml.model.operators import read_graph
from tinyml.model.options import Options, read_options
from tinyml.model.protocols import Model, Operator, OperatorCode, Quantization, TensorTable
from tinyml.model.reader import open_file
from tinyml.model.references import check_references
from tinyml.model.tensors import integers
from tinyml.passes.rewrite import converts

__all__ = ["read", "write"]

_MAX_ELEMENTS = 1 << 30
_INT4 = 17  # TensorType
_FLOAT16 = 1  # TensorType; such constants are read as float32
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
    tensors = [_tensor(model, table.Tensors(i), i) for i in range(table.TensorsLength())]
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
        f"has control flow, which firmware cannot run: {listed}",
        hint="a recurrent layer becomes a loop unless it is unrolled: give LSTM, GRU and SimpleRNN "
        "unroll=True (Keras), or export with a fixed number of steps; replace other loops and "
        "conditions by plain layers.",
        where=file_name,
    )


def _zeros(tensor: Tensor) -> Array:
    data = np.zeros(tensor.shape, tensor.dtype.numpy)
    data.flags.writeable = False
    return data


def _tensor(model: Model, table: TensorTable, index: int) -> Tensor:
    name = (table.Name() or b"").decode("utf-8", "replace") or f"tensor_{index}"
    shape = integers(table.ShapeAsNumpy())
    if min(shape, default=0) < 0 or prod(shape) > _MAX_ELEMENTS:
        raise ModelError(f"tensor '{name}' has the impossible shape {list(shape)}")
    found = FLOAT32 if table.Type() == _FLOAT16 else BY_TFLITE.get(table.Type())
    if found is None:
        raise ModelError(
            f"tensor '{name}' is of type {type_title(table.Type())}, which a converted model "
            "cannot have",
            hint="it is quantised already: convert the float original."
            if table.Type() == _INT4
            else "text, complex numbers and variables are left out of a model for firmware; "
            "if a recurrent layer made it, unroll the layer.",
        )
    data = _constant(model, table, found, shape, name)
    return Tensor(name, found, shape, _quant(table.Quantization()), data)


def _constant(
    model: Model, table: TensorTable, dtype: DType, shape: tuple[int, ...], name: str
) -> Array | None:
    buffer = model.Buffers(table.Buffer()) if table.Buffer() < model.BuffersLength() else None
    if buffer is None or table.Buffer() == 0 or buffer.DataLength() == 0:
        # An empty vector (the axes of a reduction over none) has no bytes and is constant.
        return np.zeros(shape, dtype.numpy) if 0 in shape else None
    raw = np.asarray(buffer.DataAsNumpy(), np.uint8).tobytes()
    stored = np.dtype("<f2") if table.Type() == _FLOAT16 else dtype.numpy.newbyteorder("<")
    if len(raw) != prod(shape) * stored.itemsize:
        raise ModelError(f"tensor '{name}' of shape {list(shape)} has {len(raw)} bytes of data")
    value = np.frombuffer(raw, stored).astype(dtype.numpy).reshape(shape)
    value.flags.writeable = False
    return value


def _quant(table: Quantization | None) -> Quant | None:
    if table is None or table.ScaleLength() == 0:
        return None
    scales = tuple(float(scale) for scale in table.ScaleAsNumpy())
    zero_points = integers(table.ZeroPointAsNumpy()) or (0,) * len(scales)
    return Quant(scales, zero_points, table.QuantizedDimension() if len(scales) > 1 else 0)


def _attrs(kind: str, code: OperatorCode, table: Operator, label: str) -> Options:
    """All that the file holds."""
    custom = table.CustomOptionsAsNumpy()
    return replace(
        read_options(table, label),
        custom=b"" if isinstance(custom, int) else bytes(custom),
        intermediates=integers(table.IntermediatesAsNumpy()),
        version=code.Version(),
    )
