"""Pieces of a .tflite that every writer needs: vectors, buffers, quantisation, operator codes."""

from __future__ import annotations

import numpy as np

from tinyml.ir.graph import Array, Quant
from tinyml.model.protocols import Builder
from tinyml.model.schema import BUFFER_ALIGNMENT

_LAST_OLD_OPCODE = 127  # in deprecated_builtin_code, "see builtin_code"


def numbers(builder: Builder, values: tuple[float, ...], dtype: type[np.generic]) -> int:
    """A vector of numbers.

    A Python float outside float32's range cannot come from a model: scales are float32 there.
    """
    return int(builder.CreateNumpyVector(np.array(values, dtype)))


def table_vector(builder: Builder, tables: list[int]) -> int:
    """A vector of tables written before."""
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


def buffer_table(builder: Builder, data: bytes) -> int:
    """A buffer, aligned as the schema demands."""
    import tflite

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


def little_endian(data: Array) -> bytes:
    """A constant as the file holds it."""
    return data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes()


def quantization_table(builder: Builder, quant: Quant) -> int:
    """Scales and zero points of a tensor."""
    import tflite

    scales = numbers(builder, quant.scales, np.float32)
    zero_points = numbers(builder, quant.zero_points, np.int64)
    tflite.QuantizationParametersStart(builder)
    tflite.QuantizationParametersAddScale(builder, scales)
    tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
    tflite.QuantizationParametersAddQuantizedDimension(builder, quant.axis)
    return int(tflite.QuantizationParametersEnd(builder))


def operator_code(builder: Builder, opcode: int, version: int = 1, custom: str = "") -> int:
    """The code of an operator that the model uses."""
    import tflite

    name = builder.CreateString(custom) if custom else 0
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(opcode, _LAST_OLD_OPCODE))
    tflite.OperatorCodeAddVersion(builder, version)
    tflite.OperatorCodeAddBuiltinCode(builder, opcode)
    if name:
        tflite.OperatorCodeAddCustomCode(builder, name)
    return int(tflite.OperatorCodeEnd(builder))


def metadata_entry(builder: Builder, name: str, buffer: int) -> int:
    """The name of a buffer beside the model."""
    import tflite

    text = builder.CreateString(name)
    tflite.MetadataStart(builder)
    tflite.MetadataAddName(builder, text)
    tflite.MetadataAddBuffer(builder, buffer)
    return int(tflite.MetadataEnd(builder))
