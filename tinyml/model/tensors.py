"""Tensors of a .tflite file: every value is checked as it enters the graph."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import (
    BY_NAME,
    BY_TFLITE,
    FLOAT16,
    FLOAT32,
    INT4,
    INT8,
    INT32,
    INT64,
    DType,
    type_title,
)
from tinyml.ir.graph import Array, Quant, Tensor
from tinyml.model.protocols import Model, Quantization, Sparsity, TensorTable, Vector
from tinyml.model.sparse import expanded

_MAX_RANK = 8
_MAX_NAME_BYTES = 1000
_SCALES = (2.0**-100, 2.0**100)  # of 8- and 16-bit values; their ratios stay finite in float32

_QUANTISE = "quantise it: tinyml convert MODEL --calibration DATA (typical inputs)."
_ORIGINAL = (
    "values of 4 bits are not computed with: convert the float original to int8, tinyml convert "
    "FLOAT_MODEL --calibration DATA (typical inputs)."
)
_TYPE_HINTS = {1: _QUANTISE, 10: _QUANTISE, 18: _QUANTISE, 17: _ORIGINAL}  # by TensorType
_SOURCE_HINTS = {17: "it is quantised already: convert the float original."}
_NO_SOURCE = (
    "text, complex numbers and variables are left out of a model for firmware; if a recurrent "
    "layer made it, unroll the layer."
)
_PACKED = {FLOAT16.tflite: (FLOAT16, FLOAT32), INT4.tflite: (INT4, INT8)}  # constants: read as
_NO_NUMBERS = "leave out what makes or reads it, text for instance, and convert the model again."


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a reader takes beyond what firmware can have; nobody takes damage.

    The largest sizes are far above what a microcontroller holds, and keep the work of later stages
    in bounds.
    """

    largest_size: int = 1 << 20  # of one dimension
    largest_bytes: int = 1 << 28  # of a tensor
    is_unpacked: bool = False  # constants of float16 and int4 in the types that layers compute with
    may_be_empty: bool = False  # a dimension of size 0
    is_axis_free: bool = False  # scales along a dimension that the tensor does not have
    is_source: bool = False  # from here on types and scales change: float16, any scales


COMPILED = Tolerance(is_unpacked=True)
INTERPRETED = Tolerance(may_be_empty=True, is_axis_free=True)  # TFLM only asks weights for an axis
CONVERTED = Tolerance(1 << 30, 1 << 33, may_be_empty=True, is_axis_free=True, is_source=True)


def read_tensor(
    model: Model, table: TensorTable, index: int, tolerance: Tolerance = COMPILED
) -> Tensor:
    """Tensor ``index`` of a subgraph, with its constant value if it has one; raises ModelError."""
    name = text(table.Name(), f"tensor_{index}")
    label = f"tensor {index} ('{name}')"
    stored, found = _types(table, label, tolerance)
    shape = _shape(table, found, label, tolerance)
    sparsity = table.Sparsity()
    if sparsity is not None and not (tolerance.is_unpacked or tolerance.is_source):
        raise ModelError(f"{label} is stored sparse; TFLM takes only dense tensors")
    if table.VariantTensorsLength():
        raise ModelError(f"{label} is a variant tensor, which is not supported")
    if sparsity is not None:
        held: Array | None = _filled(
            sparsity, _raw(model, table.Buffer(), label), stored, shape, label
        )
    else:
        held = _constant(model, table.Buffer(), stored, shape, label)
    if held is not None and stored != found:
        held = _unpacked(held, stored, found, shape)
    if tolerance.is_source:
        if held is None and 0 in shape:
            held = _frozen(np.zeros(shape, found.numpy))  # the axes of a reduction over none
        return Tensor(name, found, shape, _any_quant(table.Quantization(), label), held)
    if held is None and stored != found:
        raise ModelError(
            f"{label} is of type {stored}, which only constants may have",
            hint=_TYPE_HINTS[stored.tflite],
        )
    if table.IsVariable() and held is not None:
        raise ModelError(f"{label} is a variable with a value; variables begin at zero")
    quant = _quant(table.Quantization(), found, shape, label, tolerance)
    return Tensor(name, found, shape, quant, held, bool(table.IsVariable()))


def _types(table: TensorTable, label: str, tolerance: Tolerance) -> tuple[DType, DType]:
    """The type in the file and the one in the graph; raises ModelError."""
    number, is_source = table.Type(), tolerance.is_source
    if number in BY_TFLITE:
        return BY_TFLITE[number], BY_TFLITE[number]
    is_half = is_source and number == FLOAT16.tflite
    if number in _PACKED and (is_half or (tolerance.is_unpacked and table.Buffer())):
        return _PACKED[number]
    known = ", ".join(sorted(BY_NAME))
    hints, otherwise = (_SOURCE_HINTS, _NO_SOURCE) if is_source else (_TYPE_HINTS, _NO_NUMBERS)
    raise ModelError(
        f"{label} is of type {type_title(number)}; known are {known}",
        hint=hints.get(number, otherwise),
    )


def _shape(table: TensorTable, dtype: DType, label: str, tolerance: Tolerance) -> tuple[int, ...]:
    if table.ShapeLength() > _MAX_RANK:
        raise ModelError(f"{label} has {table.ShapeLength()} dimensions, at most {_MAX_RANK} exist")
    shape = integers(table.ShapeAsNumpy())
    least = 0 if tolerance.may_be_empty else 1
    if any(size < least for size in shape):
        raise ModelError(
            f"{label} has the shape {list(shape)}; every size must be known and positive",
            hint="give the model a fixed input shape when converting it.",
        )
    nbytes = dtype.nbytes(prod(shape))
    if nbytes > tolerance.largest_bytes or max(shape, default=0) > tolerance.largest_size:
        raise ModelError(f"{label} of shape {list(shape)} would take {nbytes} bytes")
    return shape


def _quant(
    table: Quantization | None,
    dtype: DType,
    shape: tuple[int, ...],
    label: str,
    tolerance: Tolerance,
) -> Quant | None:
    if table is None or table.ScaleLength() == 0:
        return None
    count, axis = table.ScaleLength(), table.QuantizedDimension()
    if table.DetailsType() != 0:
        raise ModelError(f"{label} has a custom quantisation, which is not supported")
    if table.ZeroPointLength() != count:
        raise ModelError(f"{label} has {count} scales but {table.ZeroPointLength()} zero points")
    has_axis = 0 <= axis < len(shape) and shape[axis] == count
    is_bias = dtype in (INT32, INT64)  # whose scales are those of weights and values, multiplied
    if count > 1 and not has_axis and is_bias:
        axis = 0
    elif count > 1 and not has_axis and not tolerance.is_axis_free:
        raise ModelError(
            f"{label} has {count} scales along dimension {axis}, which its shape {list(shape)} "
            "does not have"
        )
    scales = tuple(float(scale) for scale in table.ScaleAsNumpy())
    zero_points = integers(table.ZeroPointAsNumpy())
    may_turn = is_bias or (count > 1 and dtype == INT8)  # see model.scales
    if not np.isfinite(scales).all() or (min(scales) < 0.0 and not may_turn):
        raise ModelError(f"{label} has a scale that is negative or not a number")
    if count == 1 and dtype.is_quantised and not _SCALES[0] <= scales[0] <= _SCALES[1]:
        raise ModelError(f"{label} has the scale {scales[0]:g}; no values are that small or large")
    least, most = (dtype if dtype.is_quantised else INT32).limits
    if min(zero_points) < least or max(zero_points) > most:
        raise ModelError(
            f"{label} has zero points from {min(zero_points)} to {max(zero_points)}, "
            f"{dtype} reaches from {least} to {most}"
        )
    return Quant(scales, zero_points, axis if count > 1 else 0)


def _any_quant(table: Quantization | None, label: str) -> Quant | None:
    """Scales and zero points as they are: a converter computes its own of them."""
    if table is None or table.ScaleLength() == 0:
        return None
    count = table.ScaleLength()
    zero_points = integers(table.ZeroPointAsNumpy()) or (0,) * count
    if len(zero_points) != count:
        raise ModelError(f"{label} has {count} scales but {len(zero_points)} zero points")
    scales = tuple(float(scale) for scale in table.ScaleAsNumpy())
    return Quant(scales, zero_points, table.QuantizedDimension() if count > 1 else 0)


def _constant(
    model: Model, number: int, dtype: DType, shape: tuple[int, ...], label: str
) -> Array | None:
    """The value of a tensor, viewed in the file's bytes; None when it is computed at run time."""
    raw = _raw(model, number, label)
    if raw is None:
        return None
    needed = dtype.nbytes(prod(shape))
    if raw.size != needed:
        raise ModelError(
            f"{label} of type {dtype} and shape {list(shape)} takes {needed} bytes, "
            f"its buffer {number} has {raw.size}"
        )
    if dtype.bits < 8:
        return raw
    # The schema aligns buffers to 16 bytes; a copy is made only for files that do not.
    value = raw.view(dtype.numpy.newbyteorder("<")).astype(dtype.numpy, copy=False)
    return _frozen(value.reshape(shape) if value.flags.aligned else value.reshape(shape).copy())


def _raw(model: Model, number: int, label: str) -> Array | None:
    """The bytes of a buffer; None where it has none."""
    if number == 0:
        return None  # by convention the empty buffer
    buffer = model.Buffers(number)
    if buffer.Offset() > 1 or buffer.Size() > 1:
        raise ModelError(f"{label} lies outside of the flatbuffer, which is not supported")
    return np.asarray(buffer.DataAsNumpy(), np.uint8) if buffer.DataLength() else None


def _filled(
    sparsity: Sparsity, raw: Array | None, dtype: DType, shape: tuple[int, ...], label: str
) -> Array:
    """A sparse constant as a whole array; raises ModelError."""
    if raw is None or dtype.bits < 8 or raw.size % dtype.numpy.itemsize:
        raise ModelError(
            f"{label} of type {dtype} is stored sparse, which only constants of whole bytes are"
        )
    values = raw.view(dtype.numpy.newbyteorder("<")).astype(dtype.numpy)
    return _frozen(expanded(sparsity, values, shape, label))


def _unpacked(held: Array, packed: DType, dtype: DType, shape: tuple[int, ...]) -> Array:
    """A constant in the type that layers compute with; two values of 4 bits are in a byte."""
    if packed.bits < 8:
        halves = np.stack((held << 4, held), axis=-1).view(np.int8) >> 4
        held = halves.reshape(-1)[: prod(shape)].reshape(shape)
    return _frozen(held.astype(dtype.numpy))


def _frozen(value: Array) -> Array:
    value.flags.writeable = False
    return value


def integers(values: Vector) -> tuple[int, ...]:
    """A vector of the flatbuffer; the package gives 0 for one that is absent."""
    return () if isinstance(values, int) else tuple(int(value) for value in values)


def text(raw: bytes | None, otherwise: str) -> str:
    """A name as printable text of bounded length."""
    text = (raw or b"")[:_MAX_NAME_BYTES].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text) or otherwise
