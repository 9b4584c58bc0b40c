"""What the user's data say before the model is read: that they are there, and of which shape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tinyml.convert.data.read import check_data
from tinyml.convert.data.values import DataOptions, RawData
from tinyml.convert.importers.values import ImportOptions


def sample_shapes(names: Iterable[str], options: DataOptions) -> tuple[tuple[int, ...], ...]:
    """The shape of a sample with a batch of one, where the data are a single array; else none.

    All data are looked at, so that a mistake shows before a framework takes its time.
    Raises TinymlError for what cannot be read.
    """
    held = [check_data(name, options) for name in names]
    found = next((list(raw.arrays.values()) for raw in held if raw is not None), [])
    if len(found) != 1 or not found[0].ndim:
        return ()
    return ((1, *map(int, found[0].shape[1:])),)


def shaped(imports: ImportOptions, raw: RawData | None) -> ImportOptions:
    """The input shapes as the data has them; images are taken to be channels first."""
    if raw is None:
        return imports
    shapes = [(1, *array.shape[1:]) for array in raw.arrays.values()]
    if not raw.is_raw_layout:
        shapes = [(1, shape[-1], *shape[1:-1]) for shape in shapes]
    return replace(imports, input_shapes=tuple(shapes))
