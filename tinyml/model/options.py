"""The options table of any operator, read and written by the names of its fields.

Every reader and writer of .tflite files comes here: the compiler's, which asks for the fields that
an operator lists (``tinyml.ops.table``), the converter's and the runtime's, which want them all.

The ``tflite`` package has one class per options table but no object to hold its values. Its writing
functions know slot, type and default of every field, so they are asked: called with a builder that
notes down what it is told, they give the layout of all tables without a list kept by hand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.model.protocols import Builder, Operator
from tinyml.model.tensors import text
from tinyml.ops.table import Table

Value = int | float | bool | str | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator holds beside its tensors, whatever the operator."""

    table: str = ""  # class of the ``tflite`` package, "Conv2DOptions"; "" for none
    values: tuple[tuple[str, Value], ...] = ()  # every field of the table, by its name there
    custom: bytes = b""
    intermediates: tuple[int, ...] = ()  # tensors that only describe scales, of LSTM
    version: int = 1  # of the operator's definition

    def get(self, name: str) -> Any:
        """The value of a field.

        Raises KeyError for a field that the table does not have.
        """
        return dict(self.values)[name]

    def having(self, **changes: Value) -> Options:
        """The same options with some fields changed."""
        known = dict(self.values)
        unknown = set(changes) - set(known)
        if unknown:
            raise KeyError(f"{self.table} has no field {sorted(unknown)}")
        return replace(self, values=tuple((known | changes).items()))


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    method: str  # of the flatbuffer builder: "PrependInt8Slot"
    slot: int
    default: float

    @property
    def is_vector(self) -> bool:
        return "UOffset" in self.method


class _Recorder:
    """A builder that notes what it is told to prepend."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, float]] = []

    def __getattr__(self, method: str) -> Callable[[int, object, float], None]:
        return lambda slot, _value, default: self.calls.append((method, slot, default))


@lru_cache(maxsize=256)
def _layout(table: str) -> tuple[_Field, ...]:
    import tflite

    prefix = f"{table}Add"
    fields = []
    for function in dir(tflite):
        if not function.startswith(prefix):
            continue
        recorder = _Recorder()
        getattr(tflite, function)(recorder, 0)
        fields.append(_Field(function.removeprefix(prefix), *recorder.calls[0]))
    return tuple(sorted(fields, key=lambda field: field.slot))


def options(table: str, **changes: Value) -> Options:
    """Options of a table with its defaults, some fields changed."""
    if not table:
        return Options()
    values = tuple((f.name, () if f.is_vector else f.default) for f in _layout(table))
    return Options(table, values).having(**changes)


def attrs_of(operator: Operator, table: Table, label: str) -> Any:
    """The options of an operator of the file, as its attrs; fields left out have their defaults.

    Raises ModelError for another table than the operator's, or a damaged one.
    """
    names = tuple(item.name for item in table.fields)
    held = read_options(operator, label, names)
    if not table.fields:
        return table.attrs()
    if held.table not in ("", table.name):
        raise ModelError(f"{label}: an operator has {held.table} where {table.name} must be")
    return table.read(dict((held if held.table else options(table.name)).values))


def write_attrs(builder: Builder, table: Table, attrs: Any) -> tuple[int, int]:
    """The number of the union's type and the written table of an op's attrs; (0, 0) for none.

    A table that holds nothing is left out. Raises ModelError for what has no place in a file.
    """
    if not table.fields:
        return 0, 0
    return write_options(builder, options(table.name, **table.write(attrs)))


def read_options(operator: Operator, label: str, names: Collection[str] | None = None) -> Options:
    """The options of an operator of the file: all of them, or some fields that the table has.

    Raises ModelError for a type of table that is not known, or a damaged one.
    """
    import tflite

    union, type_number = operator.BuiltinOptions(), operator.BuiltinOptionsType()
    if type_number == 0 or union is None:
        return Options()
    table = _tables().get(type_number)
    if table is None:
        raise ModelError(f"{label} has options of the unknown type {type_number}")
    reader = getattr(tflite, table)()
    reader.Init(union.Bytes, union.Pos)
    fields = (f for f in _layout(table) if names is None or f.name in names)
    try:
        return Options(table, tuple((f.name, _field(reader, f)) for f in fields))
    except (ArithmeticError, LookupError, TypeError, ValueError, struct.error) as error:
        raise ModelError(f"{label} has {table} that cannot be read ({error})") from error


@cache
def _tables() -> dict[int, str]:
    """The names of all tables by the number of the union's type."""
    import tflite

    return {value: name for name, value in vars(tflite.BuiltinOptions).items()}


def _field(reader: object, field: _Field) -> Value:
    if not field.is_vector:
        value: Value = getattr(reader, field.name)()
        return value
    if not hasattr(reader, f"{field.name}Length"):  # a text, or a table that nobody asks for
        held = getattr(reader, field.name)()
        return text(held, "") if isinstance(held, bytes) else ""
    read = getattr(reader, f"{field.name}AsNumpy", lambda: 0)()
    return () if isinstance(read, int) else tuple(read.tolist())


def _written(builder: Builder, value: Value) -> int:
    if isinstance(value, str):
        return builder.CreateString(value)
    are_floats = isinstance(value, tuple) and any(isinstance(item, float) for item in value)
    return builder.CreateNumpyVector(np.array(value, np.float32 if are_floats else np.int32))


def write_options(builder: Builder, held: Options) -> tuple[int, int]:
    """The number of the union's type and the written table; (0, 0) for none."""
    import tflite

    if not held.table:
        return 0, 0
    values = dict(held.values)
    vectors = {
        field.slot: _written(builder, values[field.name])
        for field in _layout(held.table)
        if field.is_vector and values[field.name]
    }
    getattr(tflite, f"{held.table}Start")(builder)
    for field in _layout(held.table):
        if field.is_vector:
            if field.slot in vectors:
                builder.PrependUOffsetTRelativeSlot(field.slot, vectors[field.slot], 0)
        else:
            getattr(builder, field.method)(field.slot, values[field.name], field.default)
    written = int(getattr(tflite, f"{held.table}End")(builder))
    return int(getattr(tflite.BuiltinOptions, held.table)), written
