"""Any .tflite ↔ Graph, also of operators that the compiler does not support.

``tinyml.model.reader`` accepts what firmware can run. A converter must read what frameworks write:
float operators of any kind, with their options by field name (``options.py``). Metadata and
signatures are not carried over: they describe the model before it was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from tinyml.convert.options import read_options, write_options
from tinyml.errors import ModelError
from tinyml.ir.graph import DTYPES, Array, Graph, Op, Quant, Source, Tensor
from tinyml.model.file import model_file
from tinyml.model.flatbuffer import verify
from tinyml.model.schema import BUFFER_ALIGNMENT, IDENTIFIER, TENSOR_TYPES, TYPE_NAMES, VERSION

# Operands that are state: the file has no value for them, the graph holds zeros.
VARIABLES = {"UNIDIRECTIONAL_SEQUENCE_LSTM": (18, 19), "SVDF": (4,)}

_DTYPE_OF_TYPE = {value: name for name, value in TENSOR_TYPES.items()}
_FLOAT16 = 1  # TensorType; such constants are read as float32
_LAST_OLD_OPCODE = 127  # in deprecated_builtin_code, "see builtin_code"
_CUSTOM = 32
_CONTROL_FLOW = ("WHILE", "IF", "CALL_ONCE", "CALL")


def read(file_name: str, data: bytes) -> Graph:
    """The graph of any .tflite with one subgraph.

    Raises ModelError for damaged bytes, control flow, and types that have no place here.
    """
    from tflite import Model

    if data[4:8] != IDENTIFIER:
        raise ModelError("is not a .tflite file", where=file_name)
    verify(data)
    model = Model.GetRootAs(data, 0)
    table = model.Subgraphs(0)
    tensors = [_tensor(model, table.Tensors(i), i) for i in range(table.TensorsLength())]
    ops = [_op(model, table.Operators(i), tensors) for i in range(table.OperatorsLength())]
    _refuse_control_flow(ops, file_name)
    for op in ops:
        for position in VARIABLES.get(op.kind, ()):
            i = op.inputs[position] if position < len(op.inputs) else -1
            if i >= 0:
                tensors[i] = replace(tensors[i], data=_zeros(tensors[i]))
    file = model_file(file_name, data)
    return Graph(
        file.name,
        Source(file_name, file.sha256, len(data)),
        tuple(tensors),
        tuple(ops),
        _integers(table.InputsAsNumpy()),
        _integers(table.OutputsAsNumpy()),
    )


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
    data = np.zeros(tensor.shape, DTYPES[tensor.dtype])
    data.flags.writeable = False
    return data


def _tensor(model: Any, table: Any, index: int) -> Tensor:
    name = (table.Name() or b"").decode("utf-8", "replace") or f"tensor_{index}"
    shape = _integers(table.ShapeAsNumpy())
    dtype = "float32" if table.Type() == _FLOAT16 else _DTYPE_OF_TYPE.get(table.Type())
    if dtype is None:
        known = TYPE_NAMES.get(table.Type(), f"type {table.Type()}")
        raise ModelError(
            f"tensor '{name}' is of type {known}, which a converted model cannot have",
            hint="text, complex numbers and variables are left out of a model for firmware; "
            "if a recurrent layer made it, unroll the layer.",
        )
    data = _constant(model, table, dtype, shape, name)
    return Tensor(name, dtype, shape, _quant(table.Quantization()), data)


def _constant(model: Any, table: Any, dtype: str, shape: tuple[int, ...], name: str) -> Any:
    buffer = model.Buffers(table.Buffer()) if table.Buffer() < model.BuffersLength() else None
    if buffer is None or table.Buffer() == 0 or buffer.DataLength() == 0:
        # An empty vector (the axes of a reduction over none) has no bytes and is constant.
        return np.zeros(shape, DTYPES[dtype]) if 0 in shape else None
    raw = np.asarray(buffer.DataAsNumpy(), np.uint8).tobytes()
    stored = np.dtype("<f2") if table.Type() == _FLOAT16 else DTYPES[dtype].newbyteorder("<")
    if len(raw) != prod(shape) * stored.itemsize:
        raise ModelError(f"tensor '{name}' of shape {list(shape)} has {len(raw)} bytes of data")
    value = np.frombuffer(raw, stored).astype(DTYPES[dtype]).reshape(shape)
    value.flags.writeable = False
    return value


def _quant(table: Any) -> Quant | None:
    if table is None or table.ScaleLength() == 0:
        return None
    scales = tuple(float(scale) for scale in table.ScaleAsNumpy())
    zero_points = _integers(table.ZeroPointAsNumpy()) or (0,) * len(scales)
    return Quant(scales, zero_points, table.QuantizedDimension() if len(scales) > 1 else 0)


def _op(model: Any, table: Any, tensors: list[Tensor]) -> Op:
    from tflite.utils import BUILTIN_OPCODE2NAME

    code = model.OperatorCodes(table.OpcodeIndex())
    opcode = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    kind = str(BUILTIN_OPCODE2NAME.get(opcode, f"OPERATOR_{opcode}"))
    if opcode == _CUSTOM:
        kind = f"CUSTOM {(code.CustomCode() or b'?').decode('utf-8', 'replace')}"
    outputs = _integers(table.OutputsAsNumpy())
    name = tensors[outputs[0]].name.split(";")[0] if outputs else kind
    held = read_options(table.BuiltinOptions(), table.BuiltinOptionsType(), f"{kind} '{name}'")
    custom = table.CustomOptionsAsNumpy()
    held = replace(
        held,
        custom=b"" if isinstance(custom, int) else bytes(custom),
        intermediates=_integers(table.IntermediatesAsNumpy()),
        version=code.Version(),
    )
    return Op(kind, name, _integers(table.InputsAsNumpy()), outputs, held)


def _integers(values: Any) -> tuple[int, ...]:
    return () if isinstance(values, int) else tuple(int(value) for value in values)


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
    tensors = _vector(
        builder,
        [
            _write_tensor(builder, t, buffers.get(i, 0), i in variables)
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
    number = _CUSTOM if is_custom else int(getattr(tflite.BuiltinOperator, kind))
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
