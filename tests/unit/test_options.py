"""Options of operators: each field is read where it was written, and missing ones are defaults.

Reading and writing were pairs of functions by hand; a field left out of one of them was lost.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import flatbuffers
import numpy as np
import pytest
import tflite

from tinyml import ops
from tinyml.base.errors import ModelError
from tinyml.model.options import attrs_of, options, read_options, write_attrs
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import ACTIVATION, Field, Names

TABLES = {spec.kind: spec for spec in ops.all_ops().values() if spec.table.name}
FIELDS = [(kind, item.attr) for kind, spec in TABLES.items() for item in spec.table.fields]


def operator(builder: Any, type_number: int, table: int) -> Any:
    """An operator of a file with this table of options."""
    tflite.OperatorStart(builder)
    if type_number:
        tflite.OperatorAddBuiltinOptionsType(builder, type_number)
        tflite.OperatorAddBuiltinOptions(builder, table)
    builder.Finish(tflite.OperatorEnd(builder))
    return tflite.Operator.GetRootAs(bytes(builder.Output()), 0)


def written(spec: OpSpec, attrs: Any) -> Any:
    builder = flatbuffers.Builder(64)
    return operator(builder, *write_attrs(builder, spec.table, attrs))


def read(spec: OpSpec, found: Any) -> Any:
    return attrs_of(found, spec.table, "op")


def table_in(spec: OpSpec, found: Any) -> Any:
    """The table as the ``tflite`` package sees it."""
    made = getattr(tflite, spec.table.name)()
    made.Init(found.BuiltinOptions().Bytes, found.BuiltinOptions().Pos)
    return made


def empty_table(name: str) -> Any:
    """A table without fields: what the package gives for each is the schema's default."""
    builder = flatbuffers.Builder(16)
    getattr(tflite, f"{name}Start")(builder)
    builder.Finish(getattr(tflite, f"{name}End")(builder))
    return getattr(tflite, name).GetRootAs(bytes(builder.Output()), 0)


def raw(table: Any, item: Field) -> Any:
    if item.holds is not tuple:
        return getattr(table, item.name)()
    return tuple(
        getattr(table, item.name)(i) for i in range(getattr(table, f"{item.name}Length")())
    )


def other(item: Field, default: Any) -> Any:
    """A value of a field that is not its default in the schema."""
    if isinstance(item.holds, Names):
        return next(word for k, word in enumerate(item.holds.words) if k != default)
    if item.holds is tuple:
        return 3, -1, 5
    return not default if item.holds is bool else default + item.holds(3)


def unusual(spec: OpSpec) -> Any:
    """Attrs in which no field has its default."""
    empty = empty_table(spec.table.name)
    return spec.attrs(**{item.attr: other(item, raw(empty, item)) for item in spec.table.fields})


@pytest.mark.parametrize("kind", sorted(TABLES))
def test_what_was_written_is_read(kind: str) -> None:
    spec = TABLES[kind]
    attrs = unusual(spec)
    found = written(spec, attrs)
    assert read(spec, found) == attrs
    for item in spec.table.fields:  # where other readers of the file look for it
        assert item.from_file(raw(table_in(spec, found), item)) == getattr(attrs, item.attr)


@pytest.mark.parametrize(("kind", "attr"), FIELDS)
def test_a_missing_field_has_the_default_of_the_schema(kind: str, attr: str) -> None:
    spec = TABLES[kind]
    attrs = unusual(spec)
    builder = flatbuffers.Builder(64)
    values = spec.table.write(attrs)
    vectors = {
        item.name: builder.CreateNumpyVector(np.array(values[item.name], np.int32))
        for item in spec.table.fields
        if item.holds is tuple
    }
    getattr(tflite, f"{spec.table.name}Start")(builder)
    for item in spec.table.fields:
        if item.attr != attr:
            value = vectors.get(item.name, values[item.name])
            getattr(tflite, f"{spec.table.name}Add{item.name}")(builder, value)
    end = getattr(tflite, f"{spec.table.name}End")(builder)
    found = operator(builder, getattr(tflite.BuiltinOptions, spec.table.name), end)
    (missing,) = (item for item in spec.table.fields if item.attr == attr)
    default = missing.from_file(raw(empty_table(spec.table.name), missing))
    assert read(spec, found) == replace(attrs, **{attr: default})


@pytest.mark.parametrize("kind", sorted(ops.all_ops()))
def test_no_table_at_all_reads_like_an_empty_one(kind: str) -> None:
    spec = ops.spec_of(kind)
    found = read(spec, operator(flatbuffers.Builder(16), 0, 0))
    defaults = {
        item.attr: item.from_file(raw(empty_table(spec.table.name), item))
        for item in spec.table.fields
    }
    assert found == spec.attrs(**defaults)


@pytest.mark.parametrize("kind", sorted(TABLES))
def test_every_table_is_one_of_the_schema(kind: str) -> None:
    spec = TABLES[kind]
    known = dict(options(spec.table.name).values)
    assert {item.name for item in spec.table.fields} <= set(known)
    assert {item.attr for item in spec.table.fields} <= {item.name for item in fields(spec.attrs)}


def test_options_of_another_operator_are_damage() -> None:
    found = written(ops.spec_of("ADD"), ops.spec_of("ADD").attrs())
    with pytest.raises(ModelError, match="op: an operator has AddOptions where MulOptions must be"):
        read(ops.spec_of("MUL"), found)


def test_options_of_an_unknown_type_are_damage() -> None:
    builder = flatbuffers.Builder(64)
    _, table = write_attrs(builder, ops.spec_of("ADD").table, ops.spec_of("ADD").attrs())
    with pytest.raises(ModelError, match="op has options of the unknown type 251"):
        read_options(operator(builder, 251, table), "op")


def test_a_word_that_no_file_has_is_not_written() -> None:
    assert ACTIVATION.words[1] == "RELU"
    assert Field("activation", "FusedActivationFunction", ACTIVATION).from_file(77) == "value 77"
    with pytest.raises(ModelError, match="FusedActivationFunction cannot be 'value 77' in a"):
        written(ops.spec_of("CONV_2D"), Conv2dAttrs(activation="value 77"))


def test_what_a_pass_has_made_is_not_written() -> None:
    with pytest.raises(ModelError, match="the option 'pads' has no place in"):
        written(ops.spec_of("CONV_2D"), Conv2dAttrs(pads=(1, 1, 0, 0)))
