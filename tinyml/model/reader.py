"""ModelFile → Graph, for any bytes: a clean graph or one ModelError.

The offsets of the file are verified first, then values are read through the ``tflite`` package and
checked one by one as they enter the graph. What the operators demand is asked in
``tinyml.model.support``.
"""

from __future__ import annotations

import struct
from math import prod
from typing import Any

import numpy as np

from tinyml import ops
from tinyml.errors import ModelError, UnsupportedOps
from tinyml.ir.graph import DTYPES, Array, Graph, Op, Quant, Source, Tensor, check
from tinyml.model.file import ModelFile
from tinyml.model.flatbuffer import verify
from tinyml.model.metadata import read_metadata
from tinyml.model.schema import IDENTIFIER, TENSOR_TYPES, TYPE_NAMES, VERSION
from tinyml.model.support import check_shapes, check_supported

_DTYPE_OF_TYPE = {value: name for name, value in TENSOR_TYPES.items()}
_ZERO_POINTS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}
_MAX_RANK = 8
_MAX_SIZE = 1 << 20  # of one dimension; this and the next are far above what a microcontroller
_MAX_TENSOR_BYTES = 1 << 28  # holds, and keep the work of later stages in bounds
_MAX_NAME_BYTES = 1000
_SCALES = (2.0**-100, 2.0**100)  # of 8- and 16-bit values; their ratios stay finite in float32


def load(file: ModelFile) -> Graph:
    """The graph of a model file, checked: well formed, supported, shapes as its operators say.

    Raises UnsupportedOps with everything that is not supported, ModelError for all else.
    """
    try:
        graph = check(_read(file))
        check_supported(graph)
        check_shapes(graph)
    except ModelError as error:
        if error.where is None and not isinstance(error, UnsupportedOps):
            error.where = file.file_name
        raise
    return graph


def _read(file: ModelFile) -> Graph:
    from tflite import Model

    _check_header(file.data)
    verify(file.data)
    model = Model.GetRootAs(file.data, 0)
    if model.Version() != VERSION:
        raise ModelError(f"schema version {model.Version()}; only version {VERSION} is known")
    if model.SubgraphsLength() != 1:
        raise ModelError(
            f"has {model.SubgraphsLength()} subgraphs; exactly one is supported",
            hint="control flow (IF, WHILE, CALL_ONCE) and several signatures make subgraphs; "
            "export one plain function.",
        )
    subgraph = model.Subgraphs(0)
    tensors = tuple(
        _tensor(file.data, model, subgraph.Tensors(i), i) for i in range(subgraph.TensorsLength())
    )
    graph = Graph(
        name=file.name,
        source=Source(file.file_name, file.sha256, len(file.data), read_metadata(file.data)),
        tensors=tensors,
        ops=tuple(
            _op(model, subgraph.Operators(i), i, tensors) for i in range(subgraph.OperatorsLength())
        ),
        inputs=_integers(subgraph.InputsAsNumpy()),
        outputs=_integers(subgraph.OutputsAsNumpy()),
    )
    _check_interface(graph, subgraph)
    return graph


def _check_header(data: bytes) -> None:
    if len(data) < 8:
        raise ModelError(
            f"is {len(data)} bytes long, too short for a .tflite file",
            hint="the file may be cut off; copy or convert it again.",
        )
    if data[4:8] != IDENTIFIER:
        raise ModelError(
            f"is not a .tflite file: bytes 4 to 7 are {data[4:8]!r}, not {IDENTIFIER!r}",
            hint="give a TensorFlow Lite flatbuffer, quantised to int8.",
        )


def _check_interface(graph: Graph, subgraph: Any) -> None:
    if not graph.ops:
        raise ModelError("has no operators")
    for word, indices in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if not indices:
            raise ModelError(f"has no {word}")
        for i in indices:
            if not 0 <= i < len(graph.tensors):
                raise ModelError(f"lists tensor {i} among its {word}, of {len(graph.tensors)}")
            if graph.tensors[i].is_constant:
                raise ModelError(f"lists the constant '{graph.tensors[i].name}' among its {word}")
    for i in graph.inputs:
        signature = _integers(subgraph.Tensors(i).ShapeSignatureAsNumpy())
        shape = graph.tensors[i].shape
        # A free batch size is what converters write by default; it is 1 in the shape itself.
        free = [d for d, size in enumerate(signature) if size < 0 and d > 0]
        if free and len(signature) == len(shape):
            raise ModelError(
                f"input '{graph.tensors[i].name}' has no fixed size in dimension {free[0]}: "
                f"{list(signature)}",
                hint="give the input a fixed shape when converting the model.",
            )


def _tensor(data: bytes, model: Any, table: Any, index: int) -> Tensor:
    name = _text(table.Name(), f"tensor_{index}")
    label = f"tensor {index} ('{name}')"
    dtype = _DTYPE_OF_TYPE.get(table.Type())
    if dtype is None:
        known = TYPE_NAMES.get(table.Type(), f"type {table.Type()}")
        raise ModelError(
            f"{label} is of type {known}; known are {', '.join(sorted(TENSOR_TYPES))}",
            hint="quantise the model to full int8.",
        )
    shape = _shape(table, dtype, label)
    if table.Sparsity() is not None:
        raise ModelError(f"{label} is stored sparse; only dense tensors are supported")
    if table.IsVariable():
        raise ModelError(f"{label} is a variable; models that keep state are not supported")
    if table.VariantTensorsLength():
        raise ModelError(f"{label} is a variant tensor, which is not supported")
    return Tensor(
        name,
        dtype,
        shape,
        _quant(table.Quantization(), dtype, shape, label),
        _constant(data, model, table.Buffer(), dtype, shape, label),
    )


def _shape(table: Any, dtype: str, label: str) -> tuple[int, ...]:
    if table.ShapeLength() > _MAX_RANK:
        raise ModelError(f"{label} has {table.ShapeLength()} dimensions, at most {_MAX_RANK} exist")
    shape = _integers(table.ShapeAsNumpy())
    if any(size <= 0 for size in shape):
        raise ModelError(
            f"{label} has the shape {list(shape)}; every size must be known and positive",
            hint="give the model a fixed input shape when converting it.",
        )
    nbytes = prod(shape) * DTYPES[dtype].itemsize
    if nbytes > _MAX_TENSOR_BYTES or max(shape, default=0) > _MAX_SIZE:
        raise ModelError(f"{label} of shape {list(shape)} would take {nbytes} bytes")
    return shape


def _quant(table: Any, dtype: str, shape: tuple[int, ...], label: str) -> Quant | None:
    if table is None or table.ScaleLength() == 0:
        return None
    count, axis = table.ScaleLength(), table.QuantizedDimension()
    if table.DetailsType() != 0:
        raise ModelError(f"{label} has a custom quantisation, which is not supported")
    if table.ZeroPointLength() != count:
        raise ModelError(f"{label} has {count} scales but {table.ZeroPointLength()} zero points")
    if count > 1 and not (0 <= axis < len(shape) and shape[axis] == count):
        raise ModelError(
            f"{label} has {count} scales along dimension {axis}, which its shape {list(shape)} "
            "does not have"
        )
    scales = tuple(float(scale) for scale in table.ScaleAsNumpy())
    zero_points = _integers(table.ZeroPointAsNumpy())
    if not np.isfinite(scales).all() or min(scales) < 0.0:
        raise ModelError(f"{label} has a scale that is negative or not a number")
    if count == 1 and dtype in _ZERO_POINTS and not _SCALES[0] <= scales[0] <= _SCALES[1]:
        raise ModelError(f"{label} has the scale {scales[0]:g}; no values are that small or large")
    least, most = _ZERO_POINTS.get(dtype, (-(1 << 31), (1 << 31) - 1))
    if min(zero_points) < least or max(zero_points) > most:
        raise ModelError(
            f"{label} has zero points from {min(zero_points)} to {max(zero_points)}, "
            f"{dtype} reaches from {least} to {most}"
        )
    return Quant(scales, zero_points, axis if count > 1 else 0)


def _constant(
    data: bytes, model: Any, number: int, dtype: str, shape: tuple[int, ...], label: str
) -> Array | None:
    """The value of a tensor, viewed in the file's bytes; None when it is computed at run time."""
    if number == 0:
        return None  # by convention the empty buffer
    if number >= model.BuffersLength():
        raise ModelError(f"{label} uses buffer {number}, the file has {model.BuffersLength()}")
    buffer = model.Buffers(number)
    if buffer.Offset() > 1 or buffer.Size() > 1:
        raise ModelError(f"{label} lies outside of the flatbuffer, which is not supported")
    if buffer.DataLength() == 0:
        return None
    needed = prod(shape) * DTYPES[dtype].itemsize
    if buffer.DataLength() != needed:
        raise ModelError(
            f"{label} of type {dtype} and shape {list(shape)} takes {needed} bytes, "
            f"its buffer {number} has {buffer.DataLength()}"
        )
    raw = np.asarray(buffer.DataAsNumpy(), np.uint8)
    # The schema aligns buffers to 16 bytes; a copy is made only for files that do not.
    value = raw.view(DTYPES[dtype].newbyteorder("<")).astype(DTYPES[dtype], copy=False)
    value = value.reshape(shape) if value.flags.aligned else value.reshape(shape).copy()
    value.flags.writeable = False
    return value


def _op(model: Any, table: Any, index: int, tensors: tuple[Tensor, ...]) -> Op:
    if table.OpcodeIndex() >= model.OperatorCodesLength():
        raise ModelError(
            f"op {index} uses operator code {table.OpcodeIndex()}, "
            f"the file has {model.OperatorCodesLength()}"
        )
    code = model.OperatorCodes(table.OpcodeIndex())
    opcode = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    kind = _kind(opcode, code)
    outputs = _integers(table.OutputsAsNumpy())
    known = [tensors[i].name for i in outputs if 0 <= i < len(tensors)]
    name = known[0].split(";")[0] if known else f"op_{index}"
    spec = ops.by_opcode().get(opcode)
    attrs = None if spec is None else _attrs(spec.read, table, f"op {index} ({kind} '{name}')")
    return Op(kind, name, _integers(table.InputsAsNumpy()), outputs, attrs)


def _kind(opcode: int, code: Any) -> str:
    """The name of an operator, also of one that we do not support."""
    from tflite.utils import BUILTIN_OPCODE2NAME

    if opcode == 32:
        return f"CUSTOM {_text(code.CustomCode(), 'without a name')}"
    return str(BUILTIN_OPCODE2NAME.get(opcode, f"OPERATOR_{opcode}"))


def _attrs(read: Any, table: Any, label: str) -> Any:
    """The options of an op, read by its family from the options table of the declared type."""
    import tflite

    options = None
    union = table.BuiltinOptions()
    if table.BuiltinOptionsType() != 0 and union is not None:
        names = {value: name for name, value in vars(tflite.BuiltinOptions).items()}
        name = names.get(table.BuiltinOptionsType())
        if name is None:
            raise ModelError(
                f"{label} has options of the unknown type {table.BuiltinOptionsType()}"
            )
        options = getattr(tflite, name)()
        options.Init(union.Bytes, union.Pos)
    try:
        return read(options)
    except ModelError as error:
        raise ModelError(f"{label}: {error.message}", hint=error.hint) from error
    except (AttributeError, LookupError, ValueError, TypeError, struct.error) as error:
        # Only the family knows which options it wants and which values they may have.
        found = type(options).__name__ if options is not None else "no options"
        raise ModelError(f"{label} has {found} that cannot be read ({error})") from error


def _integers(values: Any) -> tuple[int, ...]:
    """A vector of the flatbuffer; the package gives 0 for one that is absent."""
    return () if isinstance(values, int) else tuple(int(value) for value in values)


def _text(raw: bytes | None, otherwise: str) -> str:
    """A name as printable text of bounded length."""
    text = (raw or b"")[:_MAX_NAME_BYTES].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text) or otherwise
