"""Tensors of a .tflite file: every value is checked as it enters the graph."""

from __future__ import annotations

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
from tinyml.model.protocols import Model, Quantization, TensorTable, Vector

_MAX_RANK = 8
_MAX_SIZE = 1 << 20  # of one dimension; this and the next are far above what a microcontroller
_MAX_TENSOR_BYTES = 1 << 28  # holds, and keep the work of later stages in bounds
_MAX_NAME_BYTES = 1000
_SCALES = (2.0**-100, 2.0**100)  # of 8- and 16-bit values; their ratios stay finite in float32

_QUANTISE = "quantise it: tinyml convert MODEL --calibration DATA (typical inputs)."
_ORIGINAL = (
    "values of 4 bits are not computed with: convert the float original to int8, tinyml convert "
    "FLOAT_MODEL --calibration DATA (typical inputs)."
)
_TYPE_HINTS = {1: _QUANTISE, 10: _QUANTISE, 18: _QUANTISE, 17: _ORIGINAL}  # by TensorType
_PACKED = {FLOAT16.tflite: (FLOAT16, FLOAT32), INT4.tflite: (INT4, INT8)}  # constants: read as
_NO_NUMBERS = "leave out what makes or reads it, text for instance, and convert the model again."


def read_tensor(
    data: bytes, model: Model, table: TensorTable, index: int, *, is_interpreted: bool = False
) -> Tensor:
    """Tensor ``index`` of a subgraph, with its constant value if it has one; raises ModelError.

    ``is_interpreted``: for an interpreter, which also knows tensors without elements.
    """
    name = text(table.Name(), f"tensor_{index}")
    label = f"tensor {index} ('{name}')"
    packed, found = None, BY_TFLITE.get(table.Type())
    if found is None and not is_interpreted and table.Buffer():
        packed, found = _PACKED.get(table.Type(), (None, None))
    if found is None:
        known = ", ".join(sorted(BY_NAME))
        raise ModelError(
            f"{label} is of type {type_title(table.Type())}; known are {known}",
            hint=_TYPE_HINTS.get(table.Type(), _NO_NUMBERS),
        )
    shape = _shape(table, found, label, 0 if is_interpreted else 1)
    if table.Sparsity() is not None:
        raise ModelError(f"{label} is stored sparse; only dense tensors are supported")
    if table.VariantTensorsLength():
        raise ModelError(f"{label} is a variant tensor, which is not supported")
    held = _constant(data, model, table.Buffer(), packed or found, shape, label)
    if packed is not None:
        held = _unpacked(held, packed, found, shape, label)
    if table.IsVariable() and held is not None:
        raise ModelError(f"{label} is a variable with a value; variables begin at zero")
    quant = _quant(table.Quantization(), found, shape, label, is_interpreted)
    return Tensor(name, found, shape, quant, held, bool(table.IsVariable()))


def _shape(table: TensorTable, dtype: DType, label: str, least: int) -> tuple[int, ...]:
    if table.ShapeLength() > _MAX_RANK:
        raise ModelError(f"{label} has {table.ShapeLength()} dimensions, at most {_MAX_RANK} exist")
    shape = integers(table.ShapeAsNumpy())
    if any(size < least for size in shape):
        raise ModelError(
            f"{label} has the shape {list(shape)}; every size must be known and positive",
            hint="give the model a fixed input shape when converting it.",
        )
    nbytes = dtype.nbytes(prod(shape))
    if nbytes > _MAX_TENSOR_BYTES or max(shape, default=0) > _MAX_SIZE:
        raise ModelError(f"{label} of shape {list(shape)} would take {nbytes} bytes")
    return shape


def _quant(
    table: Quantization | None,
    dtype: DType,
    shape: tuple[int, ...],
    label: str,
    is_interpreted: bool,
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
    elif count > 1 and not has_axis and not is_interpreted:  # TFLM only asks weights for their axis
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


# Six parameters: parts of a file that have no value of their own.
def _constant(
    data: bytes, model: Model, number: int, dtype: DType, shape: tuple[int, ...], label: str
) -> Array | None:
    """The value of a tensor, viewed in the file's bytes; None when it is computed at run time."""
    if number == 0:
        return None  # by convention the empty buffer
    buffer = model.Buffers(number)
    if buffer.Offset() > 1 or buffer.Size() > 1:
        raise ModelError(f"{label} lies outside of the flatbuffer, which is not supported")
    if buffer.DataLength() == 0:
        return None
    needed = dtype.nbytes(prod(shape))
    if buffer.DataLength() != needed:
        raise ModelError(
            f"{label} of type {dtype} and shape {list(shape)} takes {needed} bytes, "
            f"its buffer {number} has {buffer.DataLength()}"
        )
    raw = np.asarray(buffer.DataAsNumpy(), np.uint8)
    if dtype.bits < 8:
        return raw
    # The schema aligns buffers to 16 bytes; a copy is made only for files that do not.
    value = raw.view(dtype.numpy.newbyteorder("<")).astype(dtype.numpy, copy=False)
    value = value.reshape(shape) if value.flags.aligned else value.reshape(shape).copy()
    value.flags.writeable = False
    return value


# Five values of one tensor, as ``_constant``.
def _unpacked(
    held: Array | None, packed: DType, dtype: DType, shape: tuple[int, ...], label: str
) -> Array:
    """A constant in the type that layers compute with; two values of 4 bits are in a byte."""
    if held is None:
        raise ModelError(
            f"{label} is of type {packed}, which only constants may have",
            hint=_TYPE_HINTS[packed.tflite],
        )
    if packed.bits < 8:
        halves = np.stack((held << 4, held), axis=-1).view(np.int8) >> 4
        held = halves.reshape(-1)[: prod(shape)].reshape(shape)
    value: Array = held.astype(dtype.numpy)
    value.flags.writeable = False
    return value


def integers(values: Vector) -> tuple[int, ...]:
    """A vector of the flatbuffer; the package gives 0 for one that is absent."""
    return () if isinstance(values, int) else tuple(int(value) for value in values)


def text(raw: bytes | None, otherwise: str) -> str:
    """A name as printable text of bounded length."""
    text = (raw or b"")[:_MAX_NAME_BYTES].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text) or otherwise
