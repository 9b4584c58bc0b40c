"""Metadata into a converted model, and everything but the graph out of it."""

from __future__ import annotations

from dataclasses import replace

from tinyml.convert import flatfile
from tinyml.ir.metadata import Metadata
from tinyml.model.metadata import archive_of, entries_of, stamp


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
