"""Samples from .npz, .npy and .csv files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinyml.base.errors import TinymlError
from tinyml.convert.data.values import LABEL_NAMES, DataOptions, RawData
from tinyml.convert.values import ModelInput
from tinyml.evaluate.arrayfile import label_array, read_array_file
from tinyml.ir.graph import Array


def read_arrays(
    path: Path, options: DataOptions, inputs: Sequence[ModelInput] | None = None
) -> RawData:
    """The arrays of a file; one called "labels" (or "y", "targets") is what should come out.

    The name of an input, where they are known, is that input's.
    """
    held = read_array_file(path)
    if not held:
        raise TinymlError(f"{path}: the file holds no array")
    name = label_array(held, {item.name for item in inputs or ()}, LABEL_NAMES)
    labels = held.pop(name) if name is not None and len(held) > 1 else None
    for key, array in held.items():
        if array.ndim == 0:
            raise TinymlError(f"{path}: array '{key}' is a single number, not samples")
    limit = options.limit
    return RawData(
        {key: array[:limit] for key, array in held.items()},
        path.name,
        None if labels is None else labels[:limit],
    )


def read_table(path: Path, options: DataOptions) -> RawData:
    """The numbers of a table, one sample a row; a column called "label" is the class.

    Values are normalised as ``options`` say. Raises TinymlError naming the line at fault.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TinymlError(f"{path}: cannot be read as text: {error}") from error
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:4000], ",;\t ")
    except csv.Error:
        dialect = csv.excel
    try:
        rows = [(i, row) for i, row in enumerate(csv.reader(text.splitlines(), dialect), 1) if row]
    except csv.Error as error:
        raise TinymlError(f"{path}: not a readable table: {error}") from error
    if not rows:
        raise TinymlError(f"{path}: the table is empty")
    header = rows.pop(0)[1] if not _are_numbers(rows[0][1]) else []
    rows = rows[: options.limit]
    if not rows:
        raise TinymlError(f"{path}: the table has a header and no row")
    width = len(header) or len(rows[0][1])
    label = next((i for i, name in enumerate(header) if name.strip().lower() in LABEL_NAMES), None)
    values, labels = [], []
    for line, row in rows:
        if len(row) != width:
            raise TinymlError(f"{path}:{line}: {len(row)} columns, the table has {width}")
        fields = [field for i, field in enumerate(row) if i != label]
        if not _are_numbers(fields):
            wrong = next(field for field in fields if not _are_numbers([field]))
            raise TinymlError(f"{path}:{line}: '{wrong}' is not a number")
        values.append([float(field) for field in fields])
        labels += [row[label].strip()] if label is not None else []
    array = normalised(np.array(values, np.float32), options, path)
    return RawData({"": array}, path.name, classes(labels, options, path) if labels else None)


def classes(names: list[str], options: DataOptions, path: Path) -> Array:
    """Class indices for names: by --labels, else numbers as they are, else in sorted order."""
    if _are_numbers(names) and not set(names) <= set(options.labels):
        numbers = np.array([float(name) for name in names])  # numpy and pandas write 9 as 9.0
        if np.all(np.mod(numbers, 1) == 0):
            return numbers.astype(np.int64)
    known = list(options.labels) or sorted(set(names))
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise TinymlError(
            f"{path}: class '{unknown[0]}' is not among the labels: {', '.join(known[:10])}",
            hint="give all of them: --labels a,b,c in the order of the model's outputs",
        )
    return np.array([known.index(name) for name in names])


def normalised(values: Array, options: DataOptions, path: Path) -> Array:
    """(values - mean) / std, by the last axis or as a whole."""
    if not options.mean:
        return values
    for given in (options.mean, options.std):
        if len(given) not in (1, values.shape[-1]):
            raise TinymlError(
                f"{path}: --normalize gives {len(given)} numbers for {values.shape[-1]} channels",
                hint="give one number, or one per channel: --normalize 123,117,104/58,57,57",
            )
    mean, std = np.array(options.mean, np.float32), np.array(options.std, np.float32)
    return np.asarray((values - mean) / std, np.float32)


def _are_numbers(fields: list[str]) -> bool:
    try:
        [float(field) for field in fields]
    except ValueError:
        return False
    return True
