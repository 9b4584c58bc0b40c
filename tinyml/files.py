"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinyml.errors import TinymlError


def write_atomic(path: Path, content: str | bytes) -> bool:
    """Writes a file through a temporary name; returns False when it already was the same.

    An unchanged file keeps its time stamp, so that build tools see nothing to do. Text is written
    as UTF-8 with Unix line ends on every system. Raises TinymlError when it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.is_file() and path.read_bytes() == data:
            return False
        make_folder(path.parent)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot("write", path, error) from error
    return True


def make_folder(path: Path) -> None:
    """Makes a folder and those above it; raises TinymlError when that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot("make the folder", path, error) from error


@contextmanager
def temporary_folder(beside: Path) -> Iterator[Path]:
    """A folder in ``beside`` that is gone afterwards; raises TinymlError when it cannot be made."""
    make_folder(beside)
    try:
        held = tempfile.TemporaryDirectory(prefix=".tinyml-", dir=beside)
    except OSError as error:
        raise _cannot("make a folder in", beside, error) from error
    with held as name:
        yield Path(name)


def _cannot(verb: str, path: Path, error: OSError) -> TinymlError:
    return TinymlError(
        f"cannot {verb} {path}: {error.strerror or error}",
        hint="choose a place that is yours and has room (--output, or TINYML_CACHE_DIR for what "
        "is kept between builds)",
    )


def near(path: Path) -> Path:
    """The path as seen from the working directory, where that is shorter: below it."""
    relative = Path(os.path.relpath(path))
    return path if str(relative).startswith("..") else relative
