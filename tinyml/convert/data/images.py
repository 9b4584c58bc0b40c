"""Samples from a folder of images; sub-folders are classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.base.errors import TinymlError
from tinyml.convert.data.arrays import classes, normalised
from tinyml.convert.data.values import DataOptions, RawData
from tinyml.convert.environment import require
from tinyml.convert.importers.values import plain
from tinyml.convert.values import ModelInput
from tinyml.ir.graph import Array

MAX_PIXELS = 64_000_000  # of one picture, unpacked
_TO_UNIT = ((0.0,), (255.0,))  # mean and std when the user gives none


def read_images(
    folder: Path,
    files: Sequence[Path],
    options: DataOptions,
    inputs: Sequence[ModelInput] | None,
) -> RawData:
    """The images as [samples, height, width, channels], resized and normalised as told.

    Size and number of channels are the model's unless ``options`` say otherwise.
    """
    require("PIL")
    width, height, channels = _target(folder, options, inputs)
    chosen = list(files)[: options.limit]
    held = np.stack(
        [_pixels(path, (width, height), channels, options.image_fit) for path in chosen]
    )
    notes: tuple[str, ...] = ()
    if not options.mean:
        mean, std = _TO_UNIT
        held = (held - np.float32(mean[0])) / np.float32(std[0])
        notes = ("pixels were divided by 255; --normalize mean,std says otherwise",)
    else:
        held = normalised(held, options, folder)
    names = [path.parent.relative_to(folder).as_posix() for path in chosen]
    labels = classes(names, options, folder) if set(names) != {"."} else None
    return RawData({"": held}, f"{folder.name}/", labels, notes, is_raw_layout=False)


def check_image(path: Path) -> None:
    """Raises TinymlError for what is no image, by its beginning."""
    require("PIL")
    from PIL import Image

    try:
        with Image.open(path):
            pass
    except Exception as error:  # a dozen types, as when it is read
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> TinymlError:
    return TinymlError(
        f"{path}: not a readable image: {plain(str(error))}",
        hint="leave it out of the folder, or write it again",
    )


def _target(
    folder: Path, options: DataOptions, inputs: Sequence[ModelInput] | None
) -> tuple[int, int, int]:
    """(width, height, channels)."""
    shape = inputs[0].shape if inputs else ()
    if inputs and (len(inputs) != 1 or len(shape) not in (3, 4)):
        raise TinymlError(
            f"{folder}: a folder of images serves one input of [1, height, width, channels]; "
            f"the model takes {' and '.join(str(list(item.shape)) for item in inputs)}",
            hint="write the samples with numpy.savez, or give module:function",
        )
    if options.image_size is not None:
        channels = shape[3] if len(shape) == 4 else 1 if inputs else 3
        return (*options.image_size, channels)
    if not inputs:
        raise TinymlError(
            f"{folder}: the size of the images is not known before the model is",
            hint="say it: --input-shape 1,3,96,96",
        )
    return shape[2], shape[1], shape[3] if len(shape) == 4 else 1


def _pixels(path: Path, size: tuple[int, int], channels: int, fit: str) -> Array:
    """[height, width, channels] in 0..255."""
    from PIL import Image, ImageOps

    modes = {1: "L", 3: "RGB", 4: "RGBA"}
    if channels not in modes:
        raise TinymlError(f"{path}: the model takes {channels} channels, images have 1, 3 or 4")
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise TinymlError(
                    f"{path}: {opened.width} x {opened.height} pixels; at most {MAX_PIXELS:,} are "
                    "read",
                    hint="make the images smaller: the model's input is all that is kept of them",
                )
            image: Any = ImageOps.exif_transpose(opened).convert(modes[channels])
    except TinymlError:
        raise
    except Exception as error:
        # damage comes as OSError, SyntaxError, ValueError, struct.error, DecompressionBombError …
        raise _damaged(path, error) from error
    if fit == "crop":
        image = ImageOps.fit(image, size)
    elif fit == "pad":
        image = ImageOps.pad(image, size)
    elif image.size != size:
        image = image.resize(size)
    return np.asarray(image, np.float32).reshape(size[1], size[0], channels)
