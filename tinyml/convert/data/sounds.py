"""Samples from a folder of .wav files; sub-folders are classes."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np

from tinyml.base.errors import TinymlError
from tinyml.convert.data.arrays import classes
from tinyml.convert.data.functions import function_of
from tinyml.convert.data.values import DataOptions, RawData
from tinyml.convert.values import ModelInput
from tinyml.ir.graph import Array

MAX_SOUND_BYTES = 1 << 29  # of one file: hours of speech
_WIDTHS = (1, 2, 3, 4)  # bytes per sample


def read_sounds(
    folder: Path,
    files: Sequence[Path],
    options: DataOptions,
    inputs: Sequence[ModelInput] | None,
) -> RawData:
    """What the feature function makes of each file; without one, the samples themselves.

    The function gets the sound (float32 in -1..1, [frames] or [frames, channels]) and the rate in
    Hz. Without one, a sound is cut or filled with silence to the length of the model's input.
    """
    chosen = list(files)[: options.limit]
    function = function_of(options.features) if options.features else None
    rows = []
    for path in chosen:
        sound, rate = read_wav(path)
        if function is not None:
            try:
                rows.append(np.asarray(function(sound, rate), np.float32))
            except Exception as error:  # the user's own code
                raise TinymlError(f"{path}: {options.features} failed: {error!r}") from error
        else:
            rows.append(_of_length(sound, path, inputs))
    shapes = {row.shape for row in rows}
    if len(shapes) > 1:
        found = ", ".join(str(list(shape)) for shape in sorted(shapes)[:4])
        raise TinymlError(
            f"{folder}: the files give samples of different shapes: {found}",
            hint="let the feature function cut or fill each sound to one length",
        )
    names = [path.parent.relative_to(folder).as_posix() for path in chosen]
    labels = classes(names, options, folder) if set(names) != {"."} else None
    return RawData({"": np.stack(rows)}, f"{folder.name}/", labels)


def _of_length(sound: Array, path: Path, inputs: Sequence[ModelInput] | None) -> Array:
    if not inputs or len(inputs) != 1 or sound.ndim != 1:
        raise TinymlError(
            f"{path}: how a sound becomes the model's input is not known",
            hint="give a function: --features module:function, called with (sound, rate in Hz)",
        )
    shape = inputs[0].source_shape
    count = prod(shape)
    filled = np.zeros(count, np.float32)
    filled[: min(count, len(sound))] = sound[:count]
    return filled.reshape(shape[1:])


def check_wav(path: Path) -> None:
    """Raises TinymlError for what is no .wav file, by its beginning."""
    _opened(path, 0)


def _opened(path: Path, frames: int | None = None) -> tuple[bytes, int, int, int]:
    """(samples, bytes of each, channels, rate in Hz), of the first frames or of all."""
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            if width not in _WIDTHS or path.stat().st_size > MAX_SOUND_BYTES:
                raise wave.Error(
                    f"{width} bytes per sample, {path.stat().st_size:,} in all; 1 to 4 and at most "
                    f"{MAX_SOUND_BYTES:,} are read"
                )
            count = file.getnframes() if frames is None else frames
            return file.readframes(count), width, channels, rate
    except Exception as error:
        # damage comes as wave.Error, EOFError, OSError, struct.error, RuntimeError …
        raise TinymlError(
            f"{path}: not a readable .wav file: {error}",
            hint="only uncompressed PCM is read; convert it, for instance with sox or ffmpeg",
        ) from error


def read_wav(path: Path) -> tuple[Array, int]:
    """The sound in -1..1, [frames] or [frames, channels], and its rate in Hz."""
    raw, width, channels, rate = _opened(path)
    frame = width * channels
    raw = raw[: len(raw) // frame * frame]  # the end of a file that is cut off
    if width == 1:
        sound = (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128
    elif width == 3:
        padded = np.zeros((len(raw) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        sound = padded.view("<i4")[:, 0].astype(np.float32) / (1 << 31)
    else:
        sound = np.frombuffer(raw, f"<i{width}").astype(np.float32) / (1 << (8 * width - 1))
    return (sound.reshape(-1, channels) if channels > 1 else sound), rate
