"""Constants of which a file holds only some elements, as the whole arrays that they stand for.

The dimensions of a sparse tensor, and those of blocks that some are cut into, are gone through in
an order of the file's. At each one either all indices follow, or, compressed, a list of those that
are there: of what came before, number i has the indices from segment i up to segment i + 1.
Source: the schema of TensorFlow Lite; FormatConverter (kernels/internal/utils).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Array
from tinyml.model.protocols import Part, SparseDimension, Sparsity, Vector

_COMPRESSED = 1  # DimensionType
_WIDTHS = {1: "<i4", 2: "<u2", 3: "u1"}  # SparseIndexVector: Int32Vector, Uint16Vector, Uint8Vector
_FIRST_FIELD = 4  # its place in a table's list of fields

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Order:
    """How the dimensions are gone through."""

    traversal: tuple[int, ...]  # dimensions of the tensor, then those of the blocks
    blocks: tuple[int, ...]  # the dimension that each of the latter is in


def expanded(table: Sparsity, values: Array, shape: tuple[int, ...], label: str) -> Array:
    """The array of a shape whose elements are the values, in their order, and 0 elsewhere.

    Raises ModelError when the description is damaged.
    """
    order = _Order(_integers(table.TraversalOrderAsNumpy()), _integers(table.BlockMapAsNumpy()))
    rank, levels = len(shape), table.DimMetadataLength()
    if sorted(order.traversal) != list(range(rank + len(order.blocks))):
        raise _damaged(label, f"the order {list(order.traversal)} of {rank} dimensions")
    if levels != len(order.traversal) or any(not 0 <= i < rank for i in order.blocks):
        raise _damaged(label, f"{levels} dimensions, blocks in {list(order.blocks)}")
    dimensions = [table.DimMetadata(level) for level in range(levels)]
    sizes = _sizes(order, dimensions, shape, label)
    found, count = _walked(order, dimensions, sizes, label)
    if count != len(values):
        raise _damaged(label, f"{len(values)} values for {count} elements")
    at = [found[dimension] for dimension in range(rank)]
    for number, dimension in enumerate(order.blocks):
        at[dimension] = at[dimension] * sizes[rank + number] + found[rank + number]
    made = np.zeros(shape, values.dtype)
    made[tuple(at)] = values
    return made


def _sizes(
    order: _Order, dimensions: list[SparseDimension], shape: tuple[int, ...], label: str
) -> tuple[int, ...]:
    """The number of indices of each dimension, those of blocks last."""
    rank, sizes = len(shape), list(shape)
    place = {dimension: level for level, dimension in enumerate(order.traversal)}
    for number, dimension in enumerate(order.blocks):
        size = int(dimensions[place[rank + number]].DenseSize())
        if size < 1 or sizes[dimension] % size:
            raise _damaged(label, f"blocks of {size} in a dimension of {shape[dimension]}")
        sizes[dimension] //= size
        sizes.append(size)
    return tuple(sizes)


def _walked(
    order: _Order, dimensions: list[SparseDimension], sizes: tuple[int, ...], label: str
) -> tuple[dict[int, Indices], int]:
    """The index along each dimension of every value, and how many there are."""
    position: Indices = np.zeros(1, np.int64)
    found: dict[int, Indices] = {}
    for dimension, held in zip(order.traversal, dimensions, strict=True):
        size = sizes[dimension]
        if held.Format() == _COMPRESSED:
            segments = _list(held.ArraySegmentsType(), held.ArraySegments(), label)
            indices = _list(held.ArrayIndicesType(), held.ArrayIndices(), label)
            source, position = _followed(position, segments, len(indices), label)
            index = indices[position]
            if index.size and not 0 <= index.min() <= index.max() < size:
                raise _damaged(label, f"an index of {index.max()} in a dimension of {size}")
        else:
            if len(position) * size > prod(sizes):
                raise _damaged(label, "more elements than it has")
            source = np.repeat(np.arange(len(position)), size)
            index = np.tile(np.arange(size), len(position))
            position = position[source] * size + index
        found = {name: values[source] for name, values in found.items()} | {dimension: index}
    return found, len(position)


def _followed(
    position: Indices, segments: Indices, count: int, label: str
) -> tuple[Indices, Indices]:
    """What each of the positions before leads to: from which of them, and where in the list."""
    if len(segments) == 0 or (len(position) and position.max() + 1 >= len(segments)):
        raise _damaged(label, f"{len(segments)} segments")
    first, past = segments[position], segments[position + 1]
    if (first < 0).any() or (past < first).any() or (past > count).any():
        raise _damaged(label, f"segments outside of {count} indices")
    lengths = past - first
    if lengths.sum() > count:
        raise _damaged(label, "segments that overlap")
    source = np.repeat(np.arange(len(position)), lengths)
    before = np.cumsum(lengths) - lengths
    return source, np.arange(len(source)) - before[source] + first[source]


def _list(kind: int, table: Part | None, label: str) -> Indices:
    """A list of indices, whose elements have the width that its type says."""
    if kind not in _WIDTHS or table is None:
        raise _damaged(label, "a list of indices that is not there")
    offset = table.Offset(_FIRST_FIELD)
    if not offset:
        return np.zeros(0, np.int64)
    dtype = np.dtype(_WIDTHS[kind])
    start, count = table.Vector(offset), table.VectorLen(offset)
    if start + count * dtype.itemsize > len(table.Bytes):
        raise _damaged(label, "a list of indices that ends behind the file")
    return np.frombuffer(table.Bytes, dtype, count, start).astype(np.int64)


def _integers(values: Vector) -> tuple[int, ...]:
    return () if isinstance(values, int) else tuple(int(value) for value in values)


def _damaged(label: str, what: str) -> ModelError:
    return ModelError(
        f"{label} is stored sparse, and its description is damaged: {what}",
        hint="convert the model again, without sparsity (leave out EXPERIMENTAL_SPARSITY).",
    )
