"""Graph → .tflite bytes: the inverse of the reader, for tests and for fix-ups of a model.

The same graph gives the same bytes. What the graph does not hold (signatures, metadata, names of
subgraphs) is not written.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml import ops
from tinyml.ir.graph import Graph, Op, Quant, Tensor
from tinyml.model.schema import BUFFER_ALIGNMENT, IDENTIFIER, TENSOR_TYPES, VERSION

_LAST_OLD_OPCODE = 127  # in deprecated_builtin_code, "see builtin_code"


def write(graph: Graph) -> bytes:
    """The graph as a TensorFlow Lite flatbuffer that interpreters and the reader accept."""
    import flatbuffers
    from tflite import Model

    constants = [tensor for tensor in graph.tensors if tensor.data is not None]
    builder = flatbuffers.Builder(4096 + 2 * sum(tensor.nbytes for tensor in constants))
    kinds = sorted({op.kind for op in graph.ops})
    buffers = _table_vector(
        builder, [_buffer(builder, None), *(_buffer(builder, t) for t in constants)]
    )
    subgraphs = _table_vector(builder, [_subgraph(builder, graph, kinds)])
    codes = _table_vector(builder, [_operator_code(builder, kind) for kind in kinds])
    description = builder.CreateString("written by tinyml")
    Model.Start(builder)
    Model.AddVersion(builder, VERSION)
    Model.AddOperatorCodes(builder, codes)
    Model.AddSubgraphs(builder, subgraphs)
    Model.AddDescription(builder, description)
    Model.AddBuffers(builder, buffers)
    builder.Finish(Model.End(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _subgraph(builder: Any, graph: Graph, kinds: list[str]) -> int:
    from tflite import SubGraph

    buffer_of: dict[int, int] = {}
    for i, tensor in enumerate(graph.tensors):
        if tensor.is_constant:
            buffer_of[i] = 1 + len(buffer_of)
    tensors = _table_vector(
        builder, [_tensor(builder, t, buffer_of.get(i, 0)) for i, t in enumerate(graph.tensors)]
    )
    operators = _table_vector(builder, [_operator(builder, op, kinds) for op in graph.ops])
    inputs = _numbers(builder, graph.inputs, np.int32)
    outputs = _numbers(builder, graph.outputs, np.int32)
    name = builder.CreateString(graph.name)
    SubGraph.Start(builder)
    SubGraph.AddTensors(builder, tensors)
    SubGraph.AddInputs(builder, inputs)
    SubGraph.AddOutputs(builder, outputs)
    SubGraph.AddOperators(builder, operators)
    SubGraph.AddName(builder, name)
    return int(SubGraph.End(builder))


def _buffer(builder: Any, tensor: Tensor | None) -> int:
    from tflite import Buffer

    data = b"" if tensor is None or tensor.data is None else _little_endian(tensor.data)
    vector = 0
    if data:
        builder.StartVector(1, len(data), BUFFER_ALIGNMENT)
        builder.head -= len(data)
        builder.Bytes[builder.Head() : builder.Head() + len(data)] = data
        vector = builder.EndVector()
    Buffer.Start(builder)
    if vector:
        Buffer.AddData(builder, vector)
    return int(Buffer.End(builder))


def _little_endian(data: np.ndarray[Any, Any]) -> bytes:
    return data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes()


def _tensor(builder: Any, tensor: Tensor, buffer: int) -> int:
    from tflite import Tensor as TensorTable

    name = builder.CreateString(tensor.name)
    shape = _numbers(builder, tensor.shape, np.int32)
    quant = _quantization(builder, tensor.quant) if tensor.quant is not None else 0
    TensorTable.Start(builder)
    TensorTable.AddShape(builder, shape)
    TensorTable.AddType(builder, TENSOR_TYPES[tensor.dtype])
    TensorTable.AddBuffer(builder, buffer)
    TensorTable.AddName(builder, name)
    if quant:
        TensorTable.AddQuantization(builder, quant)
    TensorTable.AddHasRank(builder, True)
    return int(TensorTable.End(builder))


def _quantization(builder: Any, quant: Quant) -> int:
    from tflite import QuantizationParameters

    scales = _numbers(builder, quant.scales, np.float32)
    zero_points = _numbers(builder, quant.zero_points, np.int64)
    QuantizationParameters.Start(builder)
    QuantizationParameters.AddScale(builder, scales)
    QuantizationParameters.AddZeroPoint(builder, zero_points)
    QuantizationParameters.AddQuantizedDimension(builder, quant.axis)
    return int(QuantizationParameters.End(builder))


def _operator(builder: Any, op: Op, kinds: list[str]) -> int:
    from tflite import Operator

    options_type, options = ops.spec_of(op.kind).write(builder, op.attrs)
    inputs = _numbers(builder, op.inputs, np.int32)
    outputs = _numbers(builder, op.outputs, np.int32)
    Operator.Start(builder)
    Operator.AddOpcodeIndex(builder, kinds.index(op.kind))
    Operator.AddInputs(builder, inputs)
    Operator.AddOutputs(builder, outputs)
    if options_type:
        Operator.AddBuiltinOptionsType(builder, options_type)
        Operator.AddBuiltinOptions(builder, options)
    return int(Operator.End(builder))


def _operator_code(builder: Any, kind: str) -> int:
    from tflite import OperatorCode

    opcode = ops.spec_of(kind).opcode
    OperatorCode.Start(builder)
    OperatorCode.AddDeprecatedBuiltinCode(builder, min(opcode, _LAST_OLD_OPCODE))
    OperatorCode.AddVersion(builder, 1)
    OperatorCode.AddBuiltinCode(builder, opcode)
    return int(OperatorCode.End(builder))


def _numbers(builder: Any, values: tuple[float, ...], dtype: Any) -> int:
    # A Python float outside float32's range cannot come from a model: scales are float32 there.
    return int(builder.CreateNumpyVector(np.array(values, dtype)))


def _table_vector(builder: Any, tables: list[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())
