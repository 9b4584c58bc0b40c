"""Values as JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyml.base.records import Decoder, Encoder


@dataclass(frozen=True)
class Inner:
    number: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    inner: Inner | None
    kept: frozenset[str]
    table: Any
    array: Any = field(default=None, compare=False)
    added_later: int = 7


def through_json(value: Any, types: tuple[type, ...] = (Inner, Outer)) -> Any:
    encoder = Encoder()
    text = json.dumps(encoder.encode(value))
    return Decoder(types, encoder.arrays).decode(json.loads(text))


@pytest.mark.parametrize(
    "value",
    [
        Inner(0.1, ("a", "b")),
        Inner(float("inf")),
        Outer(None, frozenset({"x", "y"}), {"a": [1, (2, 3)], "is": {"map": 1}}),
        Outer(Inner(-0.0), frozenset(), {1: True, (1, 2): None}),
        Path("a/b"),
    ],
)
def test_a_value_is_the_same_after_the_way_through_json(value: Any) -> None:
    assert through_json(value) == value


def test_arrays_keep_dtype_shape_and_content_and_are_kept_once() -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    encoder = Encoder()
    encoder.encode((array, array.copy(), array.astype(np.int8)))
    assert len(encoder.arrays) == 2
    found = through_json(Outer(None, frozenset(), (), array)).array
    assert np.array_equal(found, array)
    assert (found.dtype, found.flags.writeable) == (np.int16, False)


def test_fields_that_came_later_take_their_defaults_and_those_that_went_are_passed_over() -> None:
    record = Encoder().encode(Outer(None, frozenset(), ()))
    del record["added_later"]
    record["went"] = 1
    assert Decoder((Outer,), {}).decode(record) == Outer(None, frozenset(), ())


@pytest.mark.parametrize(
    "record", [{"is": "Path"}, {"is": "Inner"}, {"array": "a9"}, {"x": 1}, {"float": "7"}]
)
def test_what_no_encoder_of_these_types_wrote_is_refused(record: Any) -> None:
    with pytest.raises(ValueError, match="record"):
        Decoder((Inner,), {}).decode(record)


def test_values_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(TypeError, match="function cannot be kept"):
        Encoder().encode(through_json)
