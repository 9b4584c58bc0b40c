"""The models of a folder, with inputs: golden ones that lie beside a model, or made ones.

Beside ``m.tflite`` may lie ``m.npz`` (arrays with the names of the inputs and, where what is right
is known from elsewhere, of the outputs; samples along the first axis) or ``m.csv`` (a row per
sample: the raw values of all inputs, then of all outputs or nothing).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinyml.base.errors import TinymlError
from tinyml.conformance.values import Case, Vector
from tinyml.evaluate.arrayfile import read_array_file
from tinyml.evaluate.samples import read_samples
from tinyml.ir.graph import Array, Graph, Tensor
from tinyml.model.file import read_model
from tinyml.model.reader import load
from tinyml.ops.reference import sequence


def models_in(folder: Path, *, without: Path | None = None) -> tuple[Path, ...]:
    """All .tflite files below a folder, sorted; raises TinymlError when there is none.

    ``without`` is a folder that does not count: the run's own, with the models that it made.
    """
    own = without.resolve() if without is not None else None
    found = tuple(
        path
        for path in sorted(folder.rglob("*.tflite"))
        if own is None or not path.resolve().is_relative_to(own)
    )
    if not found:
        raise TinymlError(f"{folder} holds no .tflite file", hint="give a folder of models")
    return found


def read_case(path: Path, samples: int) -> Case:
    """A model with its inputs and what the reference makes of them; raises TinymlError."""
    graph = load(read_model(path))
    vectors = _golden_inputs(path, graph)[:samples] or made_vectors(graph, samples)
    return Case(path, graph, vectors, sequence(graph, vectors))


def made_vectors(graph: Graph, count: int) -> tuple[Vector, ...]:
    """Uniform values, the two ends, values near each other, the zero point; then uniform ones."""
    rng = np.random.default_rng(zlib.crc32(graph.source.sha256.encode()))
    return tuple(
        tuple(_values(rng, graph.tensors[i], number) for i in graph.inputs)
        for number in range(count)
    )


def golden_outputs(case: Case) -> tuple[Vector, ...]:
    """What the files beside a model say is right; nothing where they do not."""
    made = [case.graph.tensors[i] for i in case.graph.outputs]
    npz, csv = case.path.with_suffix(".npz"), case.path.with_suffix(".csv")
    if npz.is_file():
        arrays = read_array_file(npz)
        if not all(tensor.name in arrays for tensor in made):
            return ()
        columns = [_rows(arrays[tensor.name], tensor, npz) for tensor in made]
        return tuple(zip(*columns, strict=True))[: len(case.vectors)]
    if csv.is_file():
        given = [case.graph.tensors[i] for i in case.graph.inputs]
        rows = _csv_rows(csv, given, made)
        return tuple(row[len(given) :] for row in rows if len(row) > len(given))
    return ()


def _golden_inputs(path: Path, graph: Graph) -> tuple[Vector, ...]:
    npz, csv = path.with_suffix(".npz"), path.with_suffix(".csv")
    if npz.is_file():
        return read_samples(npz, graph).inputs
    if csv.is_file():
        given, made = ([graph.tensors[i] for i in ends] for ends in (graph.inputs, graph.outputs))
        return tuple(row[: len(given)] for row in _csv_rows(csv, given, made))
    return ()


def _rows(array: Array, tensor: Tensor, path: Path) -> list[Array]:
    """The samples of one output: raw values along the first axis, or one sample."""
    if array.dtype != tensor.dtype.numpy or array.size % tensor.elements:
        raise TinymlError(
            f"{path}: '{tensor.name}' is {array.dtype}{list(array.shape)}, samples of "
            f"{tensor.dtype}{list(tensor.shape)} are needed",
            hint="golden outputs are raw values, as the model writes them",
        )
    return list(array.reshape(-1, *tensor.shape))


def _csv_rows(path: Path, given: Sequence[Tensor], made: Sequence[Tensor]) -> list[Vector]:
    """Each row cut into tensors; raises TinymlError where a row is too short or no number."""
    sizes = [tensor.elements for tensor in (*given, *made)]
    lengths = (sum(sizes[: len(given)]), sum(sizes))
    rows: list[Vector] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            values = np.array(line.split(","), np.float64)
        except ValueError as error:
            raise TinymlError(f"{path}, line {number}: {error}", hint="rows of numbers") from error
        if len(values) not in lengths:
            raise TinymlError(
                f"{path}, line {number}: {len(values)} values, {lengths[0]} inputs and "
                f"{lengths[1] - lengths[0]} outputs are needed",
                hint="a row is one sample: all inputs, then all outputs or none",
            )
        row, at = [], 0
        for tensor in (*given, *made)[: len(given) if len(values) == lengths[0] else None]:
            part = values[at : at + tensor.elements]
            row.append(part.astype(tensor.dtype.numpy).reshape(tensor.shape))
            at += tensor.elements
        rows.append(tuple(row))
    return rows


def _values(rng: np.random.Generator, tensor: Tensor, number: int) -> Array:
    dtype, shape = tensor.dtype.numpy, tensor.shape
    if dtype.kind == "f":
        return (rng.uniform(-10, 10, shape) * 10.0 ** (number % 3 - 1)).astype(dtype)
    if dtype.kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    info = np.iinfo(dtype) if tensor.quant else np.iinfo(np.int8)
    low, high = int(info.min), int(info.max)
    if number == 1:
        return np.asarray(rng.choice([low, high], shape), dtype)
    if number == 2:
        near = rng.integers(-3, 4, shape) + int(rng.integers(low + 8, high - 8))
        return np.asarray(near, dtype)
    if number == 3:
        return np.full(shape, tensor.quant.zero_point if tensor.quant else 0, dtype)
    return rng.integers(low, high, shape, dtype, endpoint=True)
