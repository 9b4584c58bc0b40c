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
    import tflite

    constants = [tensor for tensor in graph.tensors if tensor.data is not None]
    builder = flatbuffers.Builder(4096 + 2 * sum(tensor.nbytes for tensor in constants))
    kinds = sorted({op.kind for op in graph.ops})
    buffers = _table_vector(
        builder, [_buffer(builder, None), *(_buffer(builder, t) for t in constants)]
    )
    subgraphs = _table_vector(builder, [_subgraph(builder, graph, kinds)])
    codes = _table_vector(builder, [_operator_code(builder, kind) for kind in kinds])
    description = builder.CreateString("written by tinyml")
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, VERSION)
    tflite.ModelAddOperatorCodes(builder, codes)
    tflite.ModelAddSubgraphs(builder, subgraphs)
    tflite.ModelAddDescription(builder, description)
    tflite.ModelAddBuffers(builder, buffers)
    builder.Finish(tflite.ModelEnd(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _subgraph(builder: Any, graph: Graph, kinds: list[str]) -> int:
    import tflite

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
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensors)
    tflite.SubGraphAddInputs(builder, inputs)
    tflite.SubGraphAddOutputs(builder, outputs)
    tflite.SubGraphAddOperators(builder, operators)
    tflite.SubGraphAddName(builder, name)
    return int(tflite.SubGraphEnd(builder))


def _buffer(builder: Any, tensor: Tensor | None) -> int:
    import tflite

    data = b"" if tensor is None or tensor.data is None else _little_endian(tensor.data)
    vector = 0
    if data:
        builder.StartVector(1, len(data), BUFFER_ALIGNMENT)
        builder.head -= len(data)
        builder.Bytes[builder.Head() : builder.Head() + len(data)] = data
        vector = builder.EndVector()
    tflite.BufferStart(builder)
    if vector:
        tflite.BufferAddData(builder, vector)
    return int(tflite.BufferEnd(builder))


def _little_endian(data: np.ndarray[Any, Any]) -> bytes:
    return data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes()


def _tensor(builder: Any, tensor: Tensor, buffer: int) -> int:
    import tflite

    name = builder.CreateString(tensor.name)
    shape = _numbers(builder, tensor.shape, np.int32)
    quant = _quantization(builder, tensor.quant) if tensor.quant is not None else 0
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, TENSOR_TYPES[tensor.dtype])
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, name)
    if quant:
        tflite.TensorAddQuantization(builder, quant)
    tflite.TensorAddHasRank(builder, True)
    return int(tflite.TensorEnd(builder))


def _quantization(builder: Any, quant: Quant) -> int:
    import tflite

    scales = _numbers(builder, quant.scales, np.float32)
    zero_points = _numbers(builder, quant.zero_points, np.int64)
    tflite.QuantizationParametersStart(builder)
    tflite.QuantizationParametersAddScale(builder, scales)
    tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
    tflite.QuantizationParametersAddQuantizedDimension(builder, quant.axis)
    return int(tflite.QuantizationParametersEnd(builder))


def _operator(builder: Any, op: Op, kinds: list[str]) -> int:
    import tflite

    options_type, options = ops.spec_of(op.kind).write(builder, op.attrs)
    inputs = _numbers(builder, op.inputs, np.int32)
    outputs = _numbers(builder, op.outputs, np.int32)
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, kinds.index(op.kind))
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if options_type:
        tflite.OperatorAddBuiltinOptionsType(builder, options_type)
        tflite.OperatorAddBuiltinOptions(builder, options)
    return int(tflite.OperatorEnd(builder))


def _operator_code(builder: Any, kind: str) -> int:
    import tflite

    opcode = ops.spec_of(kind).opcode
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(opcode, _LAST_OLD_OPCODE))
    tflite.OperatorCodeAddVersion(builder, 1)
    tflite.OperatorCodeAddBuiltinCode(builder, opcode)
    return int(tflite.OperatorCodeEnd(builder))


def _numbers(builder: Any, values: tuple[float, ...], dtype: Any) -> int:
    # A Python float outside float32's range cannot come from a model: scales are float32 there.
    return int(builder.CreateNumpyVector(np.array(values, dtype)))


def _table_vector(builder: Any, tables: list[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())
