"""Arrays from .npz and .npy files that anybody may have made.

What a file declares is compared with what it has room for before anything is unpacked: an archive
of a few kilobytes can say that it holds terabytes, and numpy would ask for the memory.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Sequence
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from tinyml.base.errors import TinymlError
from tinyml.base.files import refuse_special
from tinyml.ir.graph import Array

MAX_DATA_BYTES = 2 << 30  # unpacked, of one file; samples for a microcontroller take megabytes
_SUFFIXES = (".npz", ".npy")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what numpy writes; unpacked in pieces


def read_array_file(path: Path) -> dict[str, Array]:
    """The arrays of a .npz by name, or the one of a .npy under the name "".

    Raises TinymlError for a file that is absent, damaged, too large, or holds Python objects.
    """
    try:
        refuse_special(path)
        _refuse_lies(path)
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"": loaded}
        with loaded:
            return {name: np.asarray(loaded[name]) for name in loaded.files}
    except TinymlError:
        raise
    except FileNotFoundError:
        raise TinymlError(f"{path}: no such file", hint=_near(path)) from None
    except Exception as error:
        # zip, header and pickle problems come as half a dozen unrelated exception types
        reason = "it holds Python objects, or something else" if "pickle" in str(error) else error
        raise TinymlError(
            f"{path}: not a readable .npz or .npy file ({reason})",
            hint="write it with numpy.savez(path, input=samples, labels=classes)",
        ) from error


def _near(path: Path) -> str:
    """What lies beside a file that is not there, or how to make it."""
    try:
        there = sorted(item.name for item in path.parent.iterdir() if item.suffix in _SUFFIXES)
    except OSError:
        there = []
    if there:
        return f"data there: {', '.join(there[:8])}"
    return "write it with numpy.savez(path, input=samples, labels=classes)"


def label_array(
    names: Collection[str], inputs: Collection[str], known: Sequence[str]
) -> str | None:
    """The array that holds what should come out: one with a name for labels, in any case.

    Never one with the name of a model's input.
    """
    free = {name.lower(): name for name in names if name not in inputs}
    return next((free[label] for label in known if label in free), None)


def _refuse_lies(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            _refuse_size(_declared_bytes(file), path.stat().st_size, path, "")
        return
    with zipfile.ZipFile(path) as archive:
        held = archive.infolist()
        total = sum(item.file_size for item in held)
        if total > MAX_DATA_BYTES:
            raise _too_large(path, total)
        for item in held:
            if item.compress_type not in _METHODS:
                raise TinymlError(
                    f"{path}: '{item.filename}' is packed in another way than numpy packs",
                    hint="write it with numpy.savez or numpy.savez_compressed",
                )
            with archive.open(item) as file:
                _refuse_size(_declared_bytes(file), item.file_size, path, item.filename)


def _declared_bytes(file: IO[bytes]) -> int:
    """Bytes of the array that a header announces; raises ValueError for what is no header."""
    layout: Any = np.lib.format
    version = layout.read_magic(file)
    # Version 3 differs from 2 only in the encoding of field names, which nothing here asks for.
    read = layout.read_array_header_1_0 if version == (1, 0) else layout.read_array_header_2_0
    shape, _, dtype = read(file)
    return int(prod(shape)) * int(dtype.itemsize)


def _refuse_size(declared: int, room: int, path: Path, name: str) -> None:
    if declared > MAX_DATA_BYTES:
        raise _too_large(path, declared)
    if declared > room:
        what = f"array '{name}'" if name else "the array"
        raise TinymlError(
            f"{path}: damaged: {what} declares {declared:,} bytes, the file has {room:,}",
            hint="copy or write it again",
        )


def _too_large(path: Path, nbytes: int) -> TinymlError:
    return TinymlError(
        f"{path}: would unpack to {nbytes:,} bytes; at most {MAX_DATA_BYTES:,} are read",
        hint="give fewer samples: some hundreds are enough",
    )
