"""The options table of an operator as a list of fields: the one list both reads and writes it.

The names are those of the schema as the ``tflite`` package spells them. This module knows no
flatbuffer: ``tinyml.model.options`` takes values out of a file and puts them into one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from tinyml.base.errors import ModelError


@dataclass(frozen=True, slots=True)
class Names:
    """A number of the file that stands for one of these words."""

    words: tuple[str, ...]  # by value


ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")  # by TFLite value
PADDINGS = ("SAME", "VALID")  # by TFLite value
ACTIVATION, PADDING = Names(ACTIVATIONS), Names(PADDINGS)


@dataclass(frozen=True, slots=True)
class Field:
    """One option: its name in the attrs, its name in the file, and what it holds."""

    attr: str
    name: str
    holds: type | Names = int  # int, bool, float, str, or tuple: a vector of int32

    def from_file(self, value: Any) -> Any:
        """The option of a value in the file; "value N" for a number that no word belongs to."""
        if isinstance(self.holds, Names):
            return name_of(self.holds.words, value)
        return self.holds(value)

    def to_file(self, value: Any) -> Any:
        """The value in the file; raises ModelError for a word that has none."""
        if not isinstance(self.holds, Names):
            return value
        if value not in self.holds.words:
            raise ModelError(f"{self.name} cannot be '{value}' in a .tflite file")
        return self.holds.words.index(value)


@dataclass(frozen=True, slots=True)
class Table:
    """The options of an operator: a table of the schema, and the dataclass that holds them here."""

    name: str  # "Conv2DOptions"; "" for an operator whose options hold nothing
    attrs: type
    fields: tuple[Field, ...] = ()

    def read(self, values: Mapping[str, object]) -> Any:
        """The attrs of the table's values by their names in the file."""
        return self.attrs(**{item.attr: item.from_file(values[item.name]) for item in self.fields})

    def write(self, attrs: Any) -> dict[str, Any]:
        """The values of attrs, by their names in the file.

        Raises ModelError for what a pass has made of an operator and no file can say.
        """
        known = {item.attr for item in self.fields}
        for item in fields(self.attrs):
            if item.name not in known and getattr(attrs, item.name) != item.default:
                raise ModelError(f"the option '{item.name}' has no place in a .tflite file")
        return {item.name: item.to_file(getattr(attrs, item.attr)) for item in self.fields}


def name_of(names: tuple[str, ...], value: int) -> str:
    """The name of an enum value of the model file, or "value N" when it is none of them."""
    return names[value] if 0 <= value < len(names) else f"value {value}"
