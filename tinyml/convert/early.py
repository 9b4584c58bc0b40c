"""What can be known before a framework takes its time: of the data, and of code that makes a model.

Data must be there, and say of which shape they are; a Python file must have the function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinyml.base.errors import ModelError
from tinyml.convert.calibration import check_labels
from tinyml.convert.data.read import check_data
from tinyml.convert.data.values import DataOptions, RawData
from tinyml.convert.importers.values import ImportOptions, Source
from tinyml.convert.python_text import check_name
from tinyml.convert.values import FloatModel


def sample_shapes(data: tuple[str, str], options: DataOptions) -> tuple[tuple[int, ...], ...]:
    """The shape of a sample with a batch of one, where the data are a single array; else none.

    All ``data``, for calibration and evaluation ("" for none), are looked at, so that a mistake
    shows before a framework takes its time. Raises TinymlError for what cannot be read.
    """
    held = [check_data(name, options) if name else None for name in data]
    if held[1] is not None:
        check_labels(held[1])
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


def check_shapes(source: Source, imports: ImportOptions) -> None:
    """Raises ModelError for code that makes a model when nothing says the shape of its inputs."""
    if source.entry and not imports.input_shapes:
        raise ModelError(
            "a PyTorch module does not say the shape of its inputs",
            hint="say it, batch first: --input-shape 1,3,32,32; or give calibration data.",
            where=str(source.path),
        )


def check_function(source: Source) -> None:
    """Raises ModelError when a Python file has no such function, as far as its text says."""
    if source.entry:
        check_name(source.path, source.entry, ModelError, "that returns the network")


def check_given(model: FloatModel, shapes: Sequence[tuple[int, ...]]) -> None:
    """Raises ModelError where the user's shapes are not those that the model has, once it is read.

    What is fixed in a model stays as it is; only the batch may be another number.
    """
    for item, given in zip(model.inputs, shapes, strict=False):
        if given[1:] != item.source_shape[1:] and given != item.source_shape:
            raise ModelError(
                f"input '{item.name}' has the shape {list(item.source_shape)}, and --input-shape "
                f"says {list(given)}",
                hint="leave --input-shape out: the sizes are fixed in the model; or export it with "
                "these.",
                where=model.file_name,
            )
