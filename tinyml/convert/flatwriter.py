"""Graph → .tflite bytes, of any operators; the other half of ``flatfile``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tinyml.convert.options import write_options
from tinyml.ir.graph import Graph, Op, Quant, Tensor
from tinyml.model.schema import BUFFER_ALIGNMENT, IDENTIFIER, TENSOR_TYPES, VERSION

# Operands that are state: the file has no value for them, the graph holds zeros.
VARIABLES = {"UNIDIRECTIONAL_SEQUENCE_LSTM": (18, 19), "SVDF": (4,)}

CUSTOM = 32  # BuiltinOperator
_LAST_OLD_OPCODE = 127  # in deprecated_builtin_code, "see builtin_code"


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
            chunk = tensor.data.astype(tensor.data.dtype.newbyteorder("<")).tobytes()
            buffers[i] = chunks.setdefault(chunk, len(chunks))
    entries = [
        (name, chunks.setdefault(value, len(chunks))) for name, value in (metadata or {}).items()
    ]
    written = _vector(builder, [_write_buffer(builder, chunk) for chunk in chunks])
    subgraph = _vector(builder, [_write_subgraph(builder, graph, (buffers, variables, codes))])
    operator_codes = _vector(builder, [_write_code(builder, *code) for code in codes])
    described = _vector(builder, [_write_entry(builder, *e) for e in entries]) if entries else 0
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
    tensors = _vector(
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
    operators = _vector(builder, [_write_op(builder, op, codes) for op in graph.ops])
    inputs = _numbers(builder, graph.inputs, np.int32)
    outputs = _numbers(builder, graph.outputs, np.int32)
    name = builder.CreateString("main")
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensors)
    tflite.SubGraphAddInputs(builder, inputs)
    tflite.SubGraphAddOutputs(builder, outputs)
    tflite.SubGraphAddOperators(builder, operators)
    tflite.SubGraphAddName(builder, name)
    return int(tflite.SubGraphEnd(builder))


def _write_buffer(builder: Any, chunk: bytes) -> int:
    import tflite

    vector = 0
    if chunk:
        builder.StartVector(1, len(chunk), BUFFER_ALIGNMENT)
        builder.head -= len(chunk)
        builder.Bytes[builder.Head() : builder.Head() + len(chunk)] = chunk
        vector = builder.EndVector()
    tflite.BufferStart(builder)
    if vector:
        tflite.BufferAddData(builder, vector)
    return int(tflite.BufferEnd(builder))


def _write_tensor(builder: Any, tensor: Tensor, buffer: int, is_variable: bool) -> int:
    import tflite

    name = builder.CreateString(tensor.name) if tensor.name else 0
    shape = _numbers(builder, tensor.shape, np.int32)
    quant = _write_quant(builder, tensor.quant) if tensor.quant is not None else 0
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


def _write_quant(builder: Any, quant: Quant) -> int:
    import tflite

    scales = _numbers(builder, quant.scales, np.float32)
    zero_points = _numbers(builder, quant.zero_points, np.int64)
    tflite.QuantizationParametersStart(builder)
    tflite.QuantizationParametersAddScale(builder, scales)
    tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
    tflite.QuantizationParametersAddQuantizedDimension(builder, quant.axis)
    return int(tflite.QuantizationParametersEnd(builder))


def _write_op(builder: Any, op: Op, codes: list[tuple[str, int]]) -> int:
    import tflite

    type_number, table = write_options(builder, op.attrs)
    inputs = _numbers(builder, op.inputs, np.int32)
    outputs = _numbers(builder, op.outputs, np.int32)
    between = op.attrs.intermediates
    intermediates = _numbers(builder, between, np.int32) if between else 0
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

    is_custom = kind.startswith("CUSTOM ")
    number = CUSTOM if is_custom else int(getattr(tflite.BuiltinOperator, kind))
    name = builder.CreateString(kind.removeprefix("CUSTOM ")) if is_custom else 0
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(number, _LAST_OLD_OPCODE))
    tflite.OperatorCodeAddVersion(builder, version)
    tflite.OperatorCodeAddBuiltinCode(builder, number)
    if name:
        tflite.OperatorCodeAddCustomCode(builder, name)
    return int(tflite.OperatorCodeEnd(builder))


def _write_entry(builder: Any, name: str, buffer: int) -> int:
    import tflite

    text = builder.CreateString(name)
    tflite.MetadataStart(builder)
    tflite.MetadataAddName(builder, text)
    tflite.MetadataAddBuffer(builder, buffer)
    return int(tflite.MetadataEnd(builder))


def _numbers(builder: Any, values: tuple[float, ...], dtype: Any) -> int:
    return int(builder.CreateNumpyVector(np.array(values, dtype)))


def _vector(builder: Any, tables: list[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())
