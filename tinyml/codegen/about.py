"""What the header says of the model beside its layers: labels, normalisation, calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.codegen.literals import c_comment, c_float
from tinyml.ir.dtype import FLOAT32, INT32, INT64
from tinyml.ir.graph import Graph, Tensor


@dataclass(frozen=True, slots=True)
class AboutView:
    """The model's metadata as C text; empty where the file has none."""

    producer: str
    is_calibrated: bool
    labels: tuple[str, ...]  # string literals
    mean: tuple[str, ...]  # float literals, one or one per channel
    std: tuple[str, ...]


def about_view(graph: Graph) -> AboutView:
    """The metadata of a graph, as far as it fits the graph.

    Labels are left out when the first output has another number of elements, the normalisation when
    the first input is not quantised or has another number of channels.
    """
    held = graph.source.metadata
    given = graph.tensors[graph.inputs[0]]
    channels = given.shape[-1] if given.shape else 1
    fits = (
        len(held.mean) == len(held.std)
        and len(held.mean) in (1, channels)
        and all(np.float32(value) > 0 for value in held.std)  # also as a literal
        and given.quant is not None
        and given.dtype != FLOAT32
    )
    return AboutView(
        producer=c_comment(held.producer),
        is_calibrated=held.is_calibrated,
        labels=tuple(map(_text, held.labels)) if has_labels(graph) else (),
        mean=tuple(map(c_float, held.mean)) if fits else (),
        std=tuple(map(c_float, held.std)) if fits else (),
    )


def is_class(tensor: Tensor) -> bool:
    """Whether an output is the number of a class, as ARG_MAX gives it."""
    return tensor.elements == 1 and tensor.dtype in (INT32, INT64)


def has_labels(graph: Graph) -> bool:
    """Whether the model names the classes that its first output scores, or that it is one of."""
    made, count = graph.tensors[graph.outputs[0]], len(graph.source.metadata.labels)
    return count == made.elements or (is_class(made) and count > 1)


def _text(label: str) -> str:
    """A C string literal of the label in UTF-8; bytes outside of ASCII as octal escapes."""
    shown = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in label.encode("utf-8", "replace")
    )
    return f'"{shown}"'
