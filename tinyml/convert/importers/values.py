"""What an importer is given and gives back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from tinyml.base.errors import ModelError
from tinyml.convert.values import FloatModel
from tinyml.ir.graph import Array


@dataclass(frozen=True, slots=True)
class Source:
    """A model as the user named it."""

    path: Path
    entry: str = ""  # of "net.py:build": the function that makes the module


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What an importer cannot find in the source itself."""

    weights: Path | None = None  # PyTorch: a file of torch.save
    input_shapes: tuple[tuple[int, ...], ...] = ()  # batch of 1 first, in the source's own layout
    sample_shapes: tuple[tuple[int, ...], ...] = ()  # of the data, for what stays free; no demand
    python: Path | None = None  # the interpreter of another environment that has the packages
    onnx2tf_python: Path | None = None  # of an environment with onnx2tf, for what is not native
    is_trusted: bool = False  # the file may run code when its framework loads it


@dataclass(frozen=True, slots=True)
class Imported:
    """What a framework made of the model, before it is checked and its inputs get their names."""

    data: bytes  # a .tflite
    producer: str
    input_names: tuple[str, ...] = ()  # in the source's order; () keeps those of the .tflite
    output_names: tuple[str, ...] = ()
    input_places: tuple[int, ...] = ()  # where each is among the .tflite's; () for that order
    output_places: tuple[int, ...] = ()
    input_permutations: tuple[tuple[int, ...] | None, ...] = ()  # see ModelInput; () for none
    output_permutations: tuple[tuple[int, ...] | None, ...] = ()
    notes: tuple[str, ...] = ()
    is_trained: bool = True  # False: the source is code that loads no weights
    states: int = 0  # how many of the last inputs and outputs are what the model keeps


def shapes_for(options: ImportOptions, count: int) -> tuple[tuple[int, ...], ...]:
    """A shape for each of ``count`` inputs, () where none is known.

    Raises ModelError where the user gave another number of them.
    """
    given = options.input_shapes
    if given and len(given) != count:
        raise ModelError(
            f"has {count} input(s), and --input-shape is given for {len(given)}",
            hint="give it once per input, in the model's order.",
        )
    fitting = options.sample_shapes if len(options.sample_shapes) == count else ((),) * count
    return given or fitting


_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def plain(text: str) -> str:
    """A framework's message on one line, without colours."""
    return " ".join(_ESCAPES.sub("", text).split())


class Importer(Protocol):
    """Reads one source format."""

    @property
    def name(self) -> str:
        """The format, "Keras"."""

    def kept(self) -> AbstractContextManager[Importer]:
        """The same, which goes on with what it has started until the end of the block."""

    def require(self, options: ImportOptions) -> None:
        """Raises ToolError when packages are missing, all of them at once."""

    def to_float_tflite(self, source: Source, options: ImportOptions) -> FloatModel:
        """The model as a float .tflite; raises ModelError or ToolError."""

    def outputs(
        self, source: Source, options: ImportOptions, samples: Sequence[Sequence[Array]]
    ) -> list[tuple[Array, ...]]:
        """What the framework computes, in the source's own order of axes.

        Raises ModelError or ToolError where it does not run.
        """

    def layers(
        self, source: Source, options: ImportOptions, sample: Sequence[Array]
    ) -> dict[str, Array]:
        """The results of the layers by name, in order; empty where that is not known."""


def imported_to_json(imported: Imported) -> dict[str, object]:
    """Everything but the model's bytes."""
    return {key: value for key, value in asdict(imported).items() if key != "data"}


def imported_from_json(document: dict[str, Any], data: bytes) -> Imported:
    """The inverse of ``imported_to_json``."""

    def permutations(key: str) -> tuple[tuple[int, ...] | None, ...]:
        return tuple(None if item is None else tuple(item) for item in document[key])

    return Imported(
        data,
        document["producer"],
        tuple(document["input_names"]),
        tuple(document["output_names"]),
        tuple(document["input_places"]),
        tuple(document["output_places"]),
        permutations("input_permutations"),
        permutations("output_permutations"),
        tuple(document["notes"]),
        document["is_trained"],
        document["states"],
    )
