"""Samples for a compiled model from whatever data a conversion takes.

Images, sounds, tables and functions give real values; they are normalised as the model file says
that it was trained, and quantised as its inputs are. Arrays in .npz and .npy files may hold raw
values as well.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tinyml.base.errors import TinymlError
from tinyml.convert.calibration import evaluation_set
from tinyml.convert.data.read import HOW_TO_MAKE, read_data
from tinyml.convert.data.values import DataOptions, RawData
from tinyml.convert.values import ModelInput
from tinyml.evaluate.samples import Samples, clipped, quantise, read_samples
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Tensor

ARRAY_FILES = (".npz", ".npy")
HOW_TO_GIVE = (
    "give .npz, .npy or .csv, a folder of images or .wav files, or module:function; without it "
    "random samples are taken"
)


def read_feed(source: str, graph: Graph, options: DataOptions = DataOptions()) -> Samples:
    """The samples that ``source`` names: a file, a folder or ``module:function``.

    Raises TinymlError for what cannot be read or does not suit the model.
    """
    path = Path(source)
    if path.suffix.lower() in ARRAY_FILES and not path.is_dir():
        return read_samples(path, graph, options.limit)
    held = graph.source.metadata
    if not options.mean:
        options = replace(options, mean=held.mean, std=held.std)
    options = replace(options, labels=options.labels or held.labels)
    given = [graph.tensors[index] for index in graph.inputs]
    inputs = [_real(tensor) for tensor in given]
    outputs = [_real(graph.tensors[index]) for index in graph.outputs]
    limit = None if path.is_file() else options.limit  # labels may be for all rows of a table
    raw = _read(source, replace(options, limit=limit), inputs)
    found = evaluation_set(raw, (inputs, outputs), options)
    if found.targets:
        raise TinymlError(
            f"{source}: the labels are arrays, not classes; what runs is compared with the "
            "reference, not with them",
            hint="leave them out, or hold the model against them: tinyml convert --evaluate",
        )
    count = min(len(found.samples), options.limit or len(found.samples))
    rows = found.samples[:count]
    return Samples(
        tuple(tuple(map(quantise, row, given)) for row in rows),
        found.labels[:count],
        found.file_name,
        len(found.samples),
        (
            *raw.notes,
            *(note for i, t in enumerate(given) for note in clipped([r[i] for r in rows], t)),
        ),
    )


def _read(source: str, options: DataOptions, inputs: list[ModelInput]) -> RawData:
    """The data; hints are about running, not about calibration."""
    try:
        return read_data(source, options, inputs)
    except TinymlError as error:
        hint = HOW_TO_GIVE if error.hint == HOW_TO_MAKE else error.hint
        raise TinymlError(error.message, hint=hint, where=error.where) from error


def _real(tensor: Tensor) -> ModelInput:
    """A tensor as data are for it: in real values where it is quantised."""
    is_real = tensor.quant is not None and tensor.dtype.is_quantised
    return ModelInput(tensor.name, tensor.shape, FLOAT32 if is_real else tensor.dtype)
