"""One value per element type; whoever asks for something of a type asks it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tflite

from tinyml.ir import dtype
from tinyml.ir.dtype import ALL, INT4, DType
from tinyml.ir.graph import Tensor


@pytest.mark.parametrize("value", ALL, ids=lambda value: value.name)
def test_a_type_is_what_numpy_the_schema_and_struct_say(value: DType) -> None:
    assert value.numpy.itemsize * 8 == value.bits
    assert getattr(tflite.TensorType, value.name.upper()) == value.tflite
    assert dtype.type_title(value.tflite) == value.name
    if value.letter:
        assert struct.calcsize(value.letter) * 8 == value.bits
        assert dtype.BY_LETTER[value.letter] is value
    if value.numpy.kind in "iu":
        assert value.limits[1] - value.limits[0] == 2**value.bits - 1


def test_short_names_are_those_of_tables() -> None:
    assert {"i8", "i16", "i32", "i64", "u8", "f32", "bool"} < set(dtype.BY_SHORT)
    assert dtype.BY_SHORT["u8"] == dtype.UINT8
    assert len(dtype.BY_SHORT) == len(ALL)


def test_only_integers_have_limits() -> None:
    assert dtype.INT16.limits == (-32768, 32767)
    assert dtype.UINT8.limits == (0, 255)
    with pytest.raises(ValueError, match="float32 has no integers"):
        _ = dtype.FLOAT32.limits


def test_names_letters_and_numbers_are_unique() -> None:
    assert len(dtype.BY_NAME) == len(dtype.BY_TFLITE) - 1 == len(ALL)  # handles are no values
    assert len({value.letter for value in ALL if value.letter}) == len(dtype.BY_LETTER)
    assert not set(dtype.NOT_KNOWN) & set(dtype.BY_TFLITE)


def test_packed_elements_take_part_of_a_byte() -> None:
    assert [INT4.nbytes(count) for count in (0, 1, 2, 3)] == [0, 1, 1, 2]
    assert INT4.limits == (-8, 7)
    assert INT4.numpy == np.int8
    assert dtype.type_title(INT4.tflite) == INT4.name
    assert Tensor("weights", INT4, (3, 3)).nbytes == 5
    assert dtype.INT16.nbytes(3) == 6
    assert dtype.dtype_of(np.dtype("int16")) is dtype.INT16
    assert f"{dtype.INT16}" == "int16"


def test_every_type_of_the_schema_has_a_title() -> None:
    numbers = {v: k for k, v in vars(tflite.TensorType).items() if isinstance(v, int)}
    for number, name in numbers.items():
        assert dtype.type_title(number) == name.lower()
    assert dtype.type_title(99) == "number 99"
