"""Raw data fitted to a model: shapes, layouts and types checked, and what looks wrong said."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from tinyml.base.errors import TinymlError
from tinyml.base.words import counted
from tinyml.convert.data.values import DataOptions, RawData
from tinyml.convert.values import CalibrationSet, Evaluation, ModelInput
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array

RANDOM_SAMPLES = 64
FEW = 100  # samples below which ranges are seldom covered
_LARGE = 20.0  # values beyond it were hardly normalised
_GROWTH = 1.2  # of the range from the first half to all of the samples


def random_calibration(inputs: Sequence[ModelInput]) -> CalibrationSet:
    """Normally distributed samples, for experiments on size and speed; always the same."""
    generator = np.random.default_rng(0)
    samples = tuple(
        tuple(_random(item, generator) for item in inputs) for _ in range(RANDOM_SAMPLES)
    )
    warning = "not calibrated: the ranges come from random numbers, results mean nothing"
    return CalibrationSet(samples, "random", _hash(samples), (warning,), is_random=True)


def _random(item: ModelInput, generator: np.random.Generator) -> Array:
    dtype = item.dtype.numpy
    if dtype.kind == "f":
        return generator.standard_normal(item.shape).astype(dtype)
    return generator.integers(0, 2, item.shape).astype(dtype)


def calibration_set(
    raw: RawData, inputs: Sequence[ModelInput], options: DataOptions
) -> CalibrationSet:
    """The samples as the model takes them, with warnings about their coverage.

    Raises TinymlError when arrays, shapes or values do not suit the model.
    """
    columns, notes = _columns(raw, inputs, options)
    samples = tuple(zip(*columns, strict=True))
    warnings = (*raw.notes, *notes, *_coverage(columns, inputs))
    return CalibrationSet(samples, raw.source, _hash(samples), warnings)


def evaluation_set(
    raw: RawData,
    models: tuple[Sequence[ModelInput], Sequence[ModelInput]],
    options: DataOptions,
) -> Evaluation:
    """The samples with what should come out; ``models`` are the model's inputs and outputs."""
    inputs, outputs = models
    columns, _ = _columns(raw, inputs, options)
    samples = tuple(zip(*columns, strict=True))
    if raw.labels is None:
        return Evaluation(samples, file_name=raw.source)
    check_labels(raw)
    classes, targets = _expected(raw, outputs[0])
    return Evaluation(samples, classes, targets, raw.source)


def check_labels(raw: RawData) -> None:
    """Raises TinymlError for labels that suit no model: others in number, or texts."""
    count = len(next(iter(raw.arrays.values())))
    if raw.labels is None:
        return
    if len(raw.labels) != count:
        raise TinymlError(
            f"{raw.source}: {count} samples, but {len(raw.labels)} labels",
            hint="give one label per sample, in the same order",
        )
    if not np.issubdtype(raw.labels.dtype, np.number) and raw.labels.dtype != np.bool_:
        raise TinymlError(
            f"{raw.source}: labels must be class indices, or arrays like the output; found "
            f"'{np.ravel(raw.labels)[0]}'",
            hint="numpy.unique(names, return_inverse=True) gives the names and the indices",
        )


def _expected(raw: RawData, output: ModelInput) -> tuple[tuple[int, ...], tuple[Array, ...]]:
    """Classes or arrays, by what the labels are."""
    labels, count = raw.labels, prod(output.shape)
    assert labels is not None
    per_sample = labels.reshape(len(labels), -1)
    if per_sample.shape[1] == 1 and (count > 1 or set(np.unique(per_sample)) <= {0, 1}):
        flat = per_sample[:, 0]
        wrong = flat[np.mod(flat, 1) != 0]
        if wrong.size:
            raise TinymlError(
                f"{raw.source}: labels must be class indices, or arrays like the output "
                f"{list(output.shape)}; found {wrong[0]:g}",
                hint="give whole numbers from 0 on, one per sample",
            )
        if flat.min() < 0 or (count > 1 and flat.max() >= count):
            wrong = flat.min() if flat.min() < 0 else flat.max()
            raise TinymlError(
                f"{raw.source}: label {int(wrong)} is no class: the output has {count} elements"
            )
        return tuple(int(label) for label in flat), ()
    if per_sample.shape[1] != count:
        raise TinymlError(
            f"{raw.source}: labels of shape {list(labels.shape)} fit neither classes [samples] nor "
            f"the output [samples, {', '.join(map(str, output.shape[1:]))}]"
        )
    one_hot = per_sample.sum(axis=1) == 1
    if count > 1 and one_hot.all() and set(np.unique(per_sample)) <= {0, 1}:
        return tuple(int(label) for label in per_sample.argmax(axis=1)), ()
    shaped = [_laid_out(row.reshape(output.source_shape), output) for row in per_sample]
    return (), tuple(np.asarray(row, np.float32) for row in shaped)


def _columns(
    raw: RawData, inputs: Sequence[ModelInput], options: DataOptions
) -> tuple[list[list[Array]], list[str]]:
    """Per input its samples, each with a batch of 1, and notes."""
    notes: list[str] = []
    columns = []
    for item in inputs:
        name = _array_for(raw, item, inputs)
        array = raw.arrays[name]
        shaped = _shaped(array, item, raw)
        columns.append([_typed(row, item, raw, options) for row in shaped])
        if array.dtype.kind in "iu" and item.dtype == FLOAT32 and not options.mean:
            notes.append(
                f"input '{item.name}' takes float32, the samples are {array.dtype} from "
                f"{array.min()} to {array.max()}: were they normalised in training? "
                "--normalize mean,std"
            )
    lengths = sorted({len(column) for column in columns})
    if len(lengths) > 1:
        raise TinymlError(f"{raw.source}: arrays with different numbers of samples: {lengths}")
    if lengths == [0]:
        raise TinymlError(f"{raw.source}: the arrays hold no sample")
    return columns, notes


def _array_for(raw: RawData, item: ModelInput, inputs: Sequence[ModelInput]) -> str:
    if item.name in raw.arrays:
        return item.name
    if len(inputs) == 1 and len(raw.arrays) == 1:
        return next(iter(raw.arrays))
    needed = " and ".join(f"'{each.name}' {list(each.source_shape)}" for each in inputs)
    found = ", ".join(f"'{name}'" if name else "one without a name" for name in raw.arrays)
    raise TinymlError(
        f"{raw.source}: no array for input '{item.name}'; the model takes {needed}, found: {found}",
        hint="name the arrays: numpy.savez('calib.npz', "
        + ", ".join(_as_argument(each.name) for each in inputs)
        + ")",
    )


def _as_argument(name: str) -> str:
    return f"{name}=…" if name.isidentifier() else f"**{{'{name}': …}}"


def _shaped(array: Array, item: ModelInput, raw: RawData) -> list[Array]:
    """The samples as [1, …] in the .tflite's layout."""
    source, own = item.source_shape[1:], item.shape[1:]
    if item.permutation is not None and raw.is_raw_layout and array.shape[1:] == source:
        return [_laid_out(row[None], item) for row in array]
    for candidate in (array, array[None]):
        given = candidate.shape[1:]
        if given == own:
            return list(candidate.reshape(-1, *item.shape))
        if (
            given == item.shape
            or _without_ones(given) == _without_ones(own)
            or given == (prod(own),)
        ):
            if item.permutation is not None and raw.is_raw_layout and given != item.shape:
                rows = candidate.reshape(-1, *item.source_shape)
                return [_laid_out(row, item) for row in rows]
            return list(candidate.reshape(-1, *item.shape))
        if item.permutation is not None and given in (source, item.source_shape):
            rows = candidate.reshape(-1, *item.source_shape)
            return [_laid_out(row, item) for row in rows]
    listed = ", ".join(map(str, source))
    also = f" (or, channels last, [samples, {', '.join(map(str, own))}])" if source != own else ""
    raise TinymlError(
        f"{raw.source}: samples of shape {list(array.shape)}, input '{item.name}' needs "
        f"[samples, {listed}]{also}",
        hint="prepare them as for training; resize, crop or reshape them to that",
    )


def _without_ones(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _laid_out(row: Array, item: ModelInput) -> Array:
    """A sample in the source's layout, in that of the .tflite."""
    if item.permutation is None:
        return row
    return np.ascontiguousarray(np.transpose(row, item.permutation))


def _typed(row: Array, item: ModelInput, raw: RawData, options: DataOptions) -> Array:
    dtype = item.dtype.numpy
    if dtype.kind != "f":
        if np.any(np.mod(row, 1)):
            raise TinymlError(
                f"{raw.source}: input '{item.name}' takes {item.dtype}, not fractions"
            )
        return row.astype(dtype)
    if row.dtype.kind not in "fiub":
        raise TinymlError(
            f"{raw.source}: samples of type {row.dtype}, input '{item.name}' takes {item.dtype}"
        )
    if row.dtype.kind in "iu" and options.mean:
        mean, std = np.array(options.mean, np.float32), np.array(options.std, np.float32)
        return ((row - mean) / std).astype(dtype)
    held = row.astype(dtype)
    if not np.isfinite(held).all():
        count = int(np.size(held) - np.isfinite(held).sum())
        raise TinymlError(
            f"{raw.source}: input '{item.name}': a sample holds {count} values that are NaN or "
            "infinite",
            hint="leave such samples out: x[numpy.isfinite(x).reshape(len(x), -1).all(axis=1)]",
        )
    return held


def _coverage(columns: Sequence[Sequence[Array]], inputs: Sequence[ModelInput]) -> Iterator[str]:
    """What makes samples a poor picture of the data, a sentence each."""
    count = len(columns[0])
    if count < FEW:
        yield f"only {counted(count, 'sample')}; {FEW} to 500 typical ones are usual"
    for column, item in zip(columns, inputs, strict=True):
        held = np.stack(column)
        if held.dtype.kind != "f":
            continue
        name = f"input '{item.name}'"
        zeros = int((held == 0).reshape(count, -1).all(axis=1).sum())
        if zeros:
            yield f"{name}: {zeros} of {count} samples are all zero"
        if count > 1 and np.ptp(held, axis=0).max() == 0 and zeros < count:
            yield f"{name}: all samples are equal"
        largest = float(np.abs(held).max())
        if largest > _LARGE:
            yield (
                f"{name}: values reach {largest:g}; models mostly expect about -1..1: were they "
                "normalised as in training?"
            )
        half = np.abs(held[: count // 2]).max() if count > 1 else largest
        if count >= FEW and largest > _GROWTH * float(half):
            yield (
                f"{name}: the range still grew in the second half of the samples, from {half:g} "
                f"to {largest:g}; more samples would cover more"
            )


def _hash(samples: Sequence[Sequence[Array]]) -> str:
    state = hashlib.sha256()
    for sample in samples:
        for array in sample:
            state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()
