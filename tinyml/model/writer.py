"""Graph → .tflite bytes: the inverse of the reader, for tests and for fix-ups of a model.

The same graph gives the same bytes. What the graph does not hold (signatures, metadata, names of
subgraphs) is not written.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml import ops
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.model.schema import IDENTIFIER, TENSOR_TYPES, VERSION
from tinyml.model.tables import (
    buffer_table,
    little_endian,
    numbers,
    operator_code,
    quantization_table,
    table_vector,
)


def write(graph: Graph) -> bytes:
    """The graph as a TensorFlow Lite flatbuffer that interpreters and the reader accept."""
    import flatbuffers
    import tflite

    constants = [tensor for tensor in graph.tensors if tensor.data is not None]
    chunks = [little_endian(tensor.data) for tensor in constants if tensor.data is not None]
    builder = flatbuffers.Builder(4096 + 2 * sum(tensor.nbytes for tensor in constants))
    kinds = sorted({op.kind for op in graph.ops})
    buffers = table_vector(
        builder, [buffer_table(builder, b""), *(buffer_table(builder, chunk) for chunk in chunks)]
    )
    subgraphs = table_vector(builder, [_subgraph(builder, graph, kinds)])
    codes = table_vector(
        builder, [operator_code(builder, ops.spec_of(kind).opcode) for kind in kinds]
    )
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
    tensors = table_vector(
        builder, [_tensor(builder, t, buffer_of.get(i, 0)) for i, t in enumerate(graph.tensors)]
    )
    operators = table_vector(builder, [_operator(builder, op, kinds) for op in graph.ops])
    inputs = numbers(builder, graph.inputs, np.int32)
    outputs = numbers(builder, graph.outputs, np.int32)
    name = builder.CreateString(graph.name)
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensors)
    tflite.SubGraphAddInputs(builder, inputs)
    tflite.SubGraphAddOutputs(builder, outputs)
    tflite.SubGraphAddOperators(builder, operators)
    tflite.SubGraphAddName(builder, name)
    return int(tflite.SubGraphEnd(builder))


def _tensor(builder: Any, tensor: Tensor, buffer: int) -> int:
    import tflite

    name = builder.CreateString(tensor.name)
    shape = numbers(builder, tensor.shape, np.int32)
    quant = quantization_table(builder, tensor.quant) if tensor.quant is not None else 0
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, TENSOR_TYPES[tensor.dtype])
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, name)
    if quant:
        tflite.TensorAddQuantization(builder, quant)
    if tensor.is_variable:
        tflite.TensorAddIsVariable(builder, True)
    tflite.TensorAddHasRank(builder, True)
    return int(tflite.TensorEnd(builder))


def _operator(builder: Any, op: Op, kinds: list[str]) -> int:
    import tflite

    options_type, options = ops.spec_of(op.kind).write(builder, op.attrs)
    inputs = numbers(builder, op.inputs, np.int32)
    outputs = numbers(builder, op.outputs, np.int32)
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, kinds.index(op.kind))
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if options_type:
        tflite.OperatorAddBuiltinOptionsType(builder, options_type)
        tflite.OperatorAddBuiltinOptions(builder, options)
    return int(tflite.OperatorEnd(builder))
