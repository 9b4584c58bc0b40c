"""Input samples for running a model: read from .npz/.npy, or made at random."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.base.errors import TinymlError
from tinyml.base.files import write_atomic
from tinyml.evaluate.arrayfile import label_array, read_array_file
from tinyml.evaluate.verification import check_labels
from tinyml.ir.graph import Array, Graph, Tensor

FAR = 0.5  # of its range, that values may lie outside of an input without a word
LABEL_NAMES = ("labels", "label", "y", "targets")


@dataclass(frozen=True, slots=True)
class Samples:
    """What to feed, one tuple of raw input arrays per inference, and what should come out."""

    inputs: tuple[tuple[Array, ...], ...]  # dtype and shape of the model's inputs
    labels: tuple[int, ...] = ()  # class index per sample, or empty
    file_name: str = ""  # where they come from; "" for random ones
    held: int | None = None  # so many are in the file; None: as many as there are here
    notes: tuple[str, ...] = ()  # what was done to make them, where it may be a surprise


def random_samples(graph: Graph, count: int, seed: int = 0) -> Samples:
    """``count`` samples drawn uniformly from the whole range of each input's dtype."""
    generator = np.random.default_rng(seed)
    return Samples(
        tuple(
            tuple(_random(graph.tensors[index], generator) for index in graph.inputs)
            for _ in range(count)
        )
    )


def read_samples(path: Path, graph: Graph, limit: int | None = None) -> Samples:
    """Samples from a .npz (one array per input, optionally ``labels``) or a .npy file.

    An array holds one sample, or several along its first axis. Integer arrays of the input's dtype
    are raw values; float arrays are real values and are quantised as the input says. A single-input
    model takes the only array that is not called labels, whatever its name. An array with the name
    of an input is that input, also when it is called labels.
    Raises TinymlError when a file, an array or a shape is not what the model needs.
    """
    arrays = {name or "input": array for name, array in read_array_file(path).items()}
    taken = {graph.tensors[index].name for index in graph.inputs}
    label_name = label_array(arrays, taken, LABEL_NAMES)
    labels = arrays.pop(label_name) if label_name else None
    columns = [
        _column(arrays, graph.tensors[index], len(graph.inputs), path) for index in graph.inputs
    ]
    classes = () if labels is None else _classes(labels, graph, path)
    lengths = [len(column) for column in columns] + ([] if labels is None else [len(classes)])
    count = min(lengths)
    if max(lengths) != count:
        listed = ", ".join(map(str, lengths))
        raise TinymlError(f"{path}: the arrays hold different numbers of samples: {listed}")
    if count == 0:
        raise TinymlError(f"{path}: the arrays hold no sample")
    taken_count = min(count, limit) if limit else count
    return Samples(
        tuple(tuple(column[i] for column in columns) for i in range(taken_count)),
        classes[:taken_count],
        path.name,
        count,
        _far_outside(arrays, [graph.tensors[index] for index in graph.inputs]),
    )


def check_inputs(graph: Graph, inputs: Sequence[Sequence[Array]]) -> None:
    """Raises TinymlError unless there is a sample, and each is one raw array per model input."""
    tensors = [graph.tensors[index] for index in graph.inputs]
    if not inputs:
        raise TinymlError("there is no sample to run", hint="api.samples_of(graph) makes some")
    for number, sample in enumerate(inputs):
        found = [f"{array.dtype} {list(array.shape)}" for array in sample]
        wanted = [f"{tensor.dtype} {list(tensor.shape)}" for tensor in tensors]
        if found != wanted:
            raise TinymlError(
                f"sample {number} is {', '.join(found) or 'empty'}; the model takes "
                f"{', '.join(wanted)}",
                hint="api.samples_of(graph, FILE) reads samples in many forms, real values too",
            )


def check_samples(graph: Graph, samples: Samples) -> None:
    """The same, and that labels, if there are any, are classes of the model, one per sample."""
    check_inputs(graph, samples.inputs)
    if samples.labels and len(samples.labels) != len(samples.inputs):
        raise TinymlError(
            f"there are {len(samples.labels)} labels for {len(samples.inputs)} samples",
            hint="one label per sample, in the same order",
        )
    check_labels(graph, samples.labels)


def write_samples(
    path: Path, tensors: Sequence[Tensor], samples: Sequence[tuple[Array, ...]]
) -> None:
    """Writes a .npz with one array per tensor, the samples along its first axis."""
    columns: list[Any] = [np.stack(column) for column in zip(*samples, strict=True)]
    content = io.BytesIO()
    np.savez(content, **{t.name: each for t, each in zip(tensors, columns, strict=True)})
    write_atomic(path, content.getvalue())


def quantise(values: Array, tensor: Tensor) -> Array:
    """Real values as the raw values of a quantised tensor, rounded to nearest and clamped."""
    if tensor.quant is None:
        return np.asarray(values).astype(tensor.dtype.numpy)
    info = np.iinfo(tensor.dtype.numpy)
    scaled = np.round(np.asarray(values, np.float32) / np.float32(tensor.quant.scale))
    raw: Array = np.clip(scaled + tensor.quant.zero_point, info.min, info.max)
    return raw.astype(tensor.dtype.numpy)


def clipped(values: Sequence[Array], tensor: Tensor) -> tuple[str, ...]:
    """A sentence where real values lie far outside of what an input can hold; else nothing."""
    if tensor.quant is None or not tensor.dtype.is_quantised:
        return ()
    low, high = (
        tensor.quant.scale * (end - tensor.quant.zero_point) for end in tensor.dtype.limits
    )
    least, most = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    room = FAR * (high - low)
    if low - room <= least and most <= high + room:
        return ()
    return (
        f"input '{tensor.name}' takes {low:.3g} to {high:.3g}, the samples are from {least:.3g} to "
        f"{most:.3g} and were clipped: were they normalised as in training?",
    )


def _random(tensor: Tensor, generator: np.random.Generator) -> Array:
    dtype = tensor.dtype.numpy
    if dtype.kind == "f":
        return generator.standard_normal(tensor.shape).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, tensor.shape).astype(dtype)
    info = np.iinfo(dtype)
    return generator.integers(info.min, info.max, tensor.shape, dtype=dtype, endpoint=True)


def _classes(labels: Array, graph: Graph, path: Path) -> tuple[int, ...]:
    """One class index per sample; raises TinymlError for anything else."""
    flat = labels.reshape(-1) if labels.ndim < 2 or labels.shape[1:] == (1,) else None
    is_number = labels.dtype.kind in "iufb"
    if flat is None or not is_number or not np.all(np.mod(flat, 1) == 0):
        raise TinymlError(
            f"{path}: labels must be one class index per sample; found {labels.dtype} of shape "
            f"{list(labels.shape)}",
            hint="numpy.argmax(labels, axis=1) makes indices of one-hot labels",
        )
    count = graph.tensors[graph.outputs[0]].elements if graph.outputs else np.inf
    wrong = flat[(flat < 0) | (flat >= count)]
    if wrong.size:
        raise TinymlError(
            f"{path}: label {wrong[0]:g} is no class: the output has {count} elements"
        )
    return tuple(int(label) for label in flat)


def _name_of(arrays: dict[str, Array], tensor: Tensor, inputs: int) -> str | None:
    """The array of an input: that of its name, or the only one of the only input."""
    if tensor.name in arrays:
        return tensor.name
    return next(iter(arrays)) if inputs == 1 and len(arrays) == 1 else None


def _far_outside(arrays: dict[str, Array], tensors: Sequence[Tensor]) -> tuple[str, ...]:
    """Sentences on real values that no input can hold."""
    found = [(arrays.get(_name_of(arrays, t, len(tensors)) or ""), t) for t in tensors]
    reals = [(a, t) for a, t in found if a is not None and a.dtype.kind == "f" and a.size]
    return tuple(note for array, tensor in reals for note in clipped([array], tensor))


def _column(arrays: dict[str, Array], tensor: Tensor, inputs: int, path: Path) -> list[Array]:
    name = _name_of(arrays, tensor, inputs)
    if name is None:
        found = ", ".join(sorted(arrays)) or "none"
        raise TinymlError(
            f"{path}: no array for input '{tensor.name}'; found: {found}",
            hint=f"name the array '{tensor.name}'",
        )
    array = arrays[name]
    per_sample = tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape
    if array.shape == tensor.shape and tensor.shape[:1] == (1,):
        array = array.reshape(1, *per_sample)
    elif array.shape == per_sample and array.ndim:
        array = array[None]
    elif array.shape[1:] == tensor.shape:
        per_sample = tensor.shape
    elif _has_channels_first(array.shape[1:], per_sample):
        array = np.moveaxis(array, 1, -1)
    elif array.shape[1:] != per_sample:
        raise TinymlError(
            f"{path}: array '{name}' has shape {list(array.shape)}, input '{tensor.name}' needs "
            f"[samples, {', '.join(map(str, per_sample))}]",
            hint="prepare them as for training; resize, crop or reshape them to that",
        )
    return [_raw(sample, tensor, name, path).reshape(tensor.shape) for sample in array]


def _has_channels_first(given: tuple[int, ...], needed: tuple[int, ...]) -> bool:
    """Whether samples are what the framework took before the model was converted."""
    return len(given) > 1 and given != needed and (*given[1:], given[0]) == needed


def _raw(sample: Array, tensor: Tensor, name: str, path: Path) -> Array:
    if sample.dtype == tensor.dtype.numpy:
        return sample
    if sample.dtype.kind == "f":
        if not np.isfinite(sample).all():
            raise TinymlError(f"{path}: array '{name}' holds values that are not finite")
        return quantise(sample, tensor)
    raise TinymlError(
        f"{path}: array '{name}' is {sample.dtype}; input '{tensor.name}' takes {tensor.dtype} "
        "(raw) or float (real values)"
    )


def with_labels(samples: Samples, path: Path | None) -> Samples:
    """The samples with class labels from a .npy file, one integer each.

    Labels are for all samples of the file that these are the first of, or for these alone.
    """
    if path is None:
        return samples
    hint = "one integer per sample: numpy.save(path, classes)"
    held = read_array_file(path)
    if set(held) != {""}:
        raise TinymlError(f"{path} is not a .npy file of labels", hint=hint)
    labels, count = np.ravel(held[""]), len(samples.inputs)
    in_file = count if samples.held is None else samples.held
    if labels.dtype.kind == "f" and np.all(np.mod(labels, 1) == 0):
        labels = labels.astype(np.int64)  # as they are written by much of numpy and pandas
    if labels.dtype.kind not in "iu" or len(labels) not in (count, in_file):
        those = f"{count} samples" if in_file == count else f"{count} of {in_file} samples"
        raise TinymlError(f"{path}: {len(labels)} labels of {labels.dtype} for {those}", hint=hint)
    return replace(samples, labels=tuple(map(int, labels[:count])))
