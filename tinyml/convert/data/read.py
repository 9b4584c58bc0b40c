"""Opens data by what it is: .npz, .npy, .csv, a folder of images or sounds, module:function."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tinyml.base.errors import TinymlError
from tinyml.convert.data.values import DataOptions, RawData
from tinyml.convert.values import ModelInput

HOW_TO_MAKE = (
    "make some of a few hundred typical inputs, prepared as in training: "
    "numpy.savez('calib.npz', input=x_train[:300]); also a folder of images or .wav files, a .csv, "
    "or module:function. '--calibration random' is for measuring size and speed only."
)
_FUNCTION = re.compile(r"([\w./\\-]+?)(?:\.py)?:([A-Za-z_]\w*)")
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")


def read_data(
    text: str, options: DataOptions, inputs: Sequence[ModelInput] | None = None
) -> RawData:
    """The samples that the user named.

    ``inputs`` are those of the model where it is known already; images are scaled to its size.
    Raises TinymlError for what cannot be read, naming the file at fault.
    """
    path = Path(text)
    if path.is_dir():
        return _folder(path, options, inputs)
    if path.exists():
        return _file(path, options, inputs)
    match = _FUNCTION.fullmatch(text)
    if match is None:
        raise TinymlError(f"{text}: no such file or folder", hint=HOW_TO_MAKE)
    from tinyml.convert.data.functions import read_function

    return read_function(match[1], match[2], options)


def check_data(text: str, options: DataOptions) -> RawData | None:
    """What a file holds, before a model is known; None for a folder and a function.

    Of these it is asked whether they are there. Raises TinymlError as ``read_data`` does.
    """
    path = Path(text)
    if path.is_dir():
        _check_folder(path, options)
    elif path.exists():
        return _file(path, options, None)
    else:
        match = _FUNCTION.fullmatch(text)
        if match is None or (".py:" in text and not Path(f"{match[1]}.py").is_file()):
            raise TinymlError(f"{text}: no such file or folder", hint=HOW_TO_MAKE)
        check_name_in(match[1], match[2])
    return None


def _check_folder(path: Path, options: DataOptions) -> None:
    """Raises TinymlError for a folder without images and sounds, or with one that is damaged."""
    images, sounds = _kinds(path)
    if len(images) >= len(sounds):
        from tinyml.convert.data.images import check_image

        for image in images[: options.limit]:
            check_image(image)
        return
    from tinyml.convert.data.sounds import check_wav

    for sound in sounds[: options.limit]:
        check_wav(sound)


def check_name_in(module: str, name: str) -> None:
    """Raises TinymlError where the text of a module says that it has no such function."""
    from tinyml.convert.data.functions import file_of
    from tinyml.convert.python_text import check_name

    path = file_of(module)
    if path is not None:
        check_name(path, name, TinymlError, "that yields samples")


def _file(path: Path, options: DataOptions, inputs: Sequence[ModelInput] | None) -> RawData:
    from tinyml.convert.data import arrays

    if path.suffix.lower() in (".npz", ".npy"):
        return arrays.read_arrays(path, options, inputs)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return arrays.read_table(path, options)
    raise TinymlError(f"{path}: neither .npz, .npy, .csv nor a folder", hint=HOW_TO_MAKE)


def _folder(path: Path, options: DataOptions, inputs: Sequence[ModelInput] | None) -> RawData:
    images, sounds = _kinds(path)
    if len(images) >= len(sounds):
        from tinyml.convert.data.images import read_images

        return read_images(path, images, options, inputs)
    from tinyml.convert.data.sounds import read_sounds

    return read_sounds(path, sounds, options, inputs)


def _kinds(path: Path) -> tuple[list[Path], list[Path]]:
    """The images and the sounds of a folder; raises TinymlError when there are none."""
    files = sorted(item for item in path.rglob("*") if item.is_file() and item.name[0] != ".")
    images = [item for item in files if item.suffix.lower() in _IMAGES]
    sounds = [item for item in files if item.suffix.lower() == ".wav"]
    if not images and not sounds:
        kinds = ", ".join(sorted({item.suffix for item in files})[:6]) or "nothing"
        raise TinymlError(
            f"{path}: the folder holds neither images nor .wav files; found: {kinds}",
            hint=HOW_TO_MAKE,
        )
    return images, sounds
