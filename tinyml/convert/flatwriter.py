"""Graph → .tflite bytes, of any operators; the other half of ``flatfile``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tinyml.convert.options import write_options
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

# Operands that are state: the file has no value for them, the graph holds zeros.
VARIABLES = {"UNIDIRECTIONAL_SEQUENCE_LSTM": (18, 19), "SVDF": (4,)}

CUSTOM = 32  # BuiltinOperator


def empty_tensors(ops: Iterable[Op]) -> set[int]:
    """Tensors that hold scales and nothing else: empty in the file, scalars in the graph."""
    return {i for op in ops for i in op.attrs.intermediates}


def write(graph: Graph, metadata: Mapping[str, bytes] | None = None) -> bytes:
    """The graph as a .tflite; ``metadata`` are named buffers beside it.

    The same graph gives the same bytes.
    """
    import flatbuffers
    import tflite

    held = sum(t.nbytes for t in graph.tensors if t.data is not None)
    builder = flatbuffers.Builder(4096 + 2 * held)
    variables = {
        op.inputs[position]
        for op in graph.ops
        for position in VARIABLES.get(op.kind, ())
        if position < len(op.inputs)
    }
    codes = sorted({(op.kind, op.attrs.version) for op in graph.ops})
    # Equal constants share a buffer (the steps of an unrolled layer use the same weights), and
    # buffer 0 is empty by convention.
    chunks: dict[bytes, int] = {b"": 0}
    buffers: dict[int, int] = {}
    for i, tensor in enumerate(graph.tensors):
        if tensor.data is not None and i not in variables and tensor.elements:
            chunk = little_endian(tensor.data)
            buffers[i] = chunks.setdefault(chunk, len(chunks))
    entries = [
        (name, chunks.setdefault(value, len(chunks))) for name, value in (metadata or {}).items()
    ]
    written = table_vector(builder, [buffer_table(builder, chunk) for chunk in chunks])
    subgraph = table_vector(builder, [_write_subgraph(builder, graph, (buffers, variables, codes))])
    operator_codes = table_vector(builder, [_write_code(builder, *code) for code in codes])
    described = (
        table_vector(builder, [_write_entry(builder, *e) for e in entries]) if entries else 0
    )
    description = builder.CreateString("converted by tinyml")
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, VERSION)
    tflite.ModelAddOperatorCodes(builder, operator_codes)
    tflite.ModelAddSubgraphs(builder, subgraph)
    tflite.ModelAddDescription(builder, description)
    tflite.ModelAddBuffers(builder, written)
    if described:
        tflite.ModelAddMetadata(builder, described)
    builder.Finish(tflite.ModelEnd(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


_Tables = tuple[dict[int, int], set[int], list[tuple[str, int]]]  # buffers, variables, codes


def _write_subgraph(builder: Any, graph: Graph, tables: _Tables) -> int:
    import tflite

    buffers, variables, codes = tables
    empty = empty_tensors(graph.ops)
    tensors = table_vector(
        builder,
        [
            _write_tensor(
                builder,
                replace(t, shape=(0,)) if i in empty else t,
                buffers.get(i, 0),
                i in variables,
            )
            for i, t in enumerate(graph.tensors)
        ],
    )
    operators = table_vector(builder, [_write_op(builder, op, codes) for op in graph.ops])
    inputs = numbers(builder, graph.inputs, np.int32)
    outputs = numbers(builder, graph.outputs, np.int32)
    name = builder.CreateString("main")
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensors)
    tflite.SubGraphAddInputs(builder, inputs)
    tflite.SubGraphAddOutputs(builder, outputs)
    tflite.SubGraphAddOperators(builder, operators)
    tflite.SubGraphAddName(builder, name)
    return int(tflite.SubGraphEnd(builder))


def _write_tensor(builder: Any, tensor: Tensor, buffer: int, is_variable: bool) -> int:
    import tflite

    name = builder.CreateString(tensor.name) if tensor.name else 0
    shape = numbers(builder, tensor.shape, np.int32)
    quant = quantization_table(builder, tensor.quant) if tensor.quant is not None else 0
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, TENSOR_TYPES[tensor.dtype])
    tflite.TensorAddBuffer(builder, buffer)
    if name:
        tflite.TensorAddName(builder, name)
    if quant:
        tflite.TensorAddQuantization(builder, quant)
    if is_variable:
        tflite.TensorAddIsVariable(builder, True)
    tflite.TensorAddHasRank(builder, True)
    return int(tflite.TensorEnd(builder))


def _write_op(builder: Any, op: Op, codes: list[tuple[str, int]]) -> int:
    import tflite

    type_number, table = write_options(builder, op.attrs)
    inputs = numbers(builder, op.inputs, np.int32)
    outputs = numbers(builder, op.outputs, np.int32)
    between = op.attrs.intermediates
    intermediates = numbers(builder, between, np.int32) if between else 0
    custom = builder.CreateByteVector(op.attrs.custom) if op.attrs.custom else 0
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, codes.index((op.kind, op.attrs.version)))
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if type_number:
        tflite.OperatorAddBuiltinOptionsType(builder, type_number)
        tflite.OperatorAddBuiltinOptions(builder, table)
    if custom:
        tflite.OperatorAddCustomOptions(builder, custom)
    if intermediates:
        tflite.OperatorAddIntermediates(builder, intermediates)
    return int(tflite.OperatorEnd(builder))


def _write_code(builder: Any, kind: str, version: int) -> int:
    import tflite

    if kind.startswith("CUSTOM "):
        return operator_code(builder, CUSTOM, version, kind.removeprefix("CUSTOM "))
    return operator_code(builder, int(getattr(tflite.BuiltinOperator, kind)), version)


def _write_entry(builder: Any, name: str, buffer: int) -> int:
    import tflite

    text = builder.CreateString(name)
    tflite.MetadataStart(builder)
    tflite.MetadataAddName(builder, text)
    tflite.MetadataAddBuffer(builder, buffer)
    return int(tflite.MetadataEnd(builder))
