"""Metadata into a converted model, and everything but the graph out of it."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from tinyml.base.errors import TinymlError
from tinyml.convert import flatfile
from tinyml.convert.values import FloatModel
from tinyml.ir.metadata import Metadata
from tinyml.model.metadata import archive_of, entries_of, stamp


def check_contract(
    model: FloatModel, labels: tuple[str, ...], normalization: tuple[float, ...]
) -> None:
    """Returns when labels and the means of a normalisation are as many as the model has.

    Raises TinymlError that says how many it has.
    """
    classes = prod(model.outputs[0].shape)
    if labels and len(labels) != classes and (classes, len(labels)) != (1, 2):
        raise TinymlError(
            f"{len(labels)} labels were given, output '{model.outputs[0].name}' has {classes} "
            "elements",
            hint="--labels takes one name per element, in their order.",
        )
    channels = model.inputs[0].shape[-1] if model.inputs[0].shape else 1
    if len(normalization) not in (0, 1, channels):
        raise TinymlError(
            f"a normalisation of {len(normalization)} channels was given, input "
            f"'{model.inputs[0].name}' has {channels}",
            hint="--normalize takes mean,std, or as many of each as there are channels.",
        )


def with_metadata(data: bytes, metadata: Metadata) -> bytes:
    """The model with the metadata, the standard entry and our own.

    The labels lie in a zip archive behind the flatbuffer, which interpreters do not look at.
    """
    graph = flatfile.read("model.tflite", data)
    entries = entries_of(metadata, (len(graph.inputs), len(graph.outputs)))
    return flatfile.write(graph, entries) + archive_of(metadata)


def stripped(data: bytes, metadata: Metadata) -> bytes:
    """The model without metadata and without names but those of inputs and outputs.

    One thing stays: that a model is not calibrated.
    """
    graph = flatfile.read("model.tflite", data)
    named = {*graph.inputs, *graph.outputs}
    tensors = tuple(
        tensor if i in named else replace(tensor, name="") for i, tensor in enumerate(graph.tensors)
    )
    entries = {} if metadata.is_calibrated else stamp(Metadata(is_calibrated=False))
    return flatfile.write(replace(graph, tensors=tensors), entries)
