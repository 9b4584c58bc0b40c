"""Writing files so that nobody ever sees half of one, and only where they belong."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinyml.errors import TinymlError

# What parts of paths from data are held to: no option, nothing that a shell or CMake reads.
_PART = re.compile(r"[A-Za-z0-9_.+@][A-Za-z0-9_.+@-]*")


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


def is_below(name: str) -> bool:
    """Whether a text from a data file names something below a folder, in plain characters.

    No "..", no absolute path, nothing that begins like an option.
    """
    parts = name.split("/")
    return all(_PART.fullmatch(part) and part.strip(".") for part in parts)


def inside(root: Path, path: Path) -> Path:
    """The path; raises TinymlError when ".." or a symbolic link leads it out of ``root``.

    A link in the last part does not count: files are replaced, not written through.
    """
    real = path.parent.resolve() / path.name
    if path.name in ("", "..") or not real.is_relative_to(root.resolve()):
        raise TinymlError(
            f"{path} lies outside of {root}: it would be written to {real}",
            hint="remove the symbolic link, or give another folder with --output",
        )
    return path


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
