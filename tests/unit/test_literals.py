from __future__ import annotations

import numpy as np
import pytest

from tinyml.codegen.literals import (
    c_argument,
    c_array,
    c_comment,
    c_float,
    c_int,
    c_string,
    c_value,
    wrap_comment,
)
from tinyml.ir.kernel import Enumerator, Ref, Struct


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-128, "-128"),
        (2**31 - 1, "2147483647"),
        (-(2**31), "INT32_MIN"),
        (2**31, "2147483648u"),
        (2**40, "INT64_C(1099511627776)"),
        (-(2**63), "INT64_MIN"),
    ],
)
def test_ints(value: int, text: str) -> None:
    assert c_int(value) == text


def test_negative_arguments_are_in_parentheses() -> None:
    assert (c_argument(-3), c_argument(3)) == ("(-3)", "3")


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e-9, 3.4e38, 123456.78, 2.0**-126, -0.5])
def test_floats_read_back_as_the_same_float32(value: float) -> None:
    text = c_float(value)
    assert text.endswith("f")
    assert "." in text or "e" in text
    assert np.float32(text[:-1]) == np.float32(value)


def test_a_float_without_a_literal_is_refused() -> None:
    with pytest.raises(ValueError, match="no C literal"):
        c_float(float("inf"))


def test_arrays_wrap_at_twelve() -> None:
    assert c_array(np.arange(3, dtype=np.int8)) == "{0, 1, 2}"
    assert c_array(np.arange(14, dtype=np.uint8)) == (
        "{\n    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,\n    12, 13,\n}"
    )
    assert c_array(np.array([True, False])) == "{true, false}"
    assert c_array(np.array([0.5, 2], np.float32)) == "{0.5f, 2.0f}"
    assert c_array(np.array([-(2**31)], np.int32)) == "{INT32_MIN}"


def test_structs_nest() -> None:
    params = Struct(
        "p",
        (
            ("stride_h", 2),
            ("is_last", True),
            ("scale", 0.5),
            ("clamp", Struct("tml_clamp", (("min", -128), ("max", 127)))),
            ("dims", (1, 2)),
            ("table", Ref("lut")),
        ),
    )
    assert c_value(params, {"lut": "m_l0_lut"}) == (
        "{\n"
        "    .stride_h = 2,\n"
        "    .is_last = true,\n"
        "    .scale = 0.5f,\n"
        "    .clamp = {.min = -128, .max = 127},\n"
        "    .dims = {1, 2},\n"
        "    .table = m_l0_lut,\n"
        "}"
    )


def test_comments_cannot_end_early() -> None:
    assert c_comment("a*/b/*c\\") == "a* /b/ *c"
    assert c_comment("naïve\nname") == "na?ve?name"
    assert wrap_comment("one two three", width=7) == ("one two", "three")


def test_strings_are_escaped() -> None:
    assert c_string('a"b\\c') == '"a\\"b\\\\c"'
    assert c_string("what??/") == '"what\\?\\?/"'


def test_enumerators_keep_their_name() -> None:
    params = Struct("tml_x_params", (("form", Enumerator("TML_X_FAST")), ("count", 3)))
    assert c_value(params, {}) == "{\n    .form = TML_X_FAST,\n    .count = 3,\n}"
