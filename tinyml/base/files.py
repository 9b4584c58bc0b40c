"""Writing files so that nobody ever sees half of one, and only where they belong."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tinyml.base.errors import TinymlError

# What parts of paths from data are held to: no option, nothing that a shell or CMake reads.
_PART = re.compile(r"[A-Za-z0-9_.+@][A-Za-z0-9_.+@-]*")


def write_atomic(path: Path, content: str | bytes) -> bool:
    """Writes a file through a temporary name; returns False when it already was the same.

    An unchanged file keeps its time stamp, so that build tools see nothing to do. Text is written
    as UTF-8 with Unix line ends on every system. What is there afterwards is the old file or the
    new one, also when the disk is full or the power goes. Only a regular file is replaced, and a
    link is: what it leads to stays. Raises TinymlError when the file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name[:80]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        if path.is_file() and not path.is_symlink() and path.read_bytes() == data:
            return False
        refuse_special(path, "write")
        make_folder(path.parent)
        try:
            with temporary.open("xb") as file:  # never an existing file, nor through a link
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise cannot("write", path, error) from error
    return True


def refuse_special(path: Path, verb: str = "read") -> None:
    """Raises TinymlError when a path is there and is no regular file: a folder, a pipe, a device.

    Reading a pipe waits for good, a device may never end, and neither is to be replaced by a file.
    """
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "a device or a pipe"
        raise TinymlError(
            f"cannot {verb} {path}: it is {kind}",
            hint="remove it, or choose a place of your own: a regular file",
        )


def refuse_own(path: Path | None, used: Iterable[Path | None], folder: Path | None = None) -> None:
    """Raises TinymlError when what a command is to write is what it reads, or lies in its build.

    ``used`` are files that it reads; in ``folder`` the build's own files are.
    """
    if path is None:
        return
    real = path.resolve()
    for other in used:
        if other is not None and real == other.resolve():
            raise TinymlError(f"{path} is read by this command", hint="give another file to write")
    if folder is not None and folder.is_dir() and real.is_relative_to(folder.resolve()):
        raise TinymlError(
            f"{path} lies among the files of the build", hint="give a file outside of its folder"
        )


def sha256_of(path: Path) -> str:
    """The hash of a file's content; raises TinymlError when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise cannot("read", path, error) from error


def seal(path: Path) -> None:
    """Writes the hash of a file that is kept beside it, for is_sealed()."""
    write_atomic(_seal_of(path), sha256_of(path))


def is_sealed(path: Path) -> bool:
    """Whether a file that is kept is there and is what seal() saw."""
    try:
        return path.is_file() and _seal_of(path).read_text() == sha256_of(path)
    except (OSError, UnicodeDecodeError):
        return False


def _seal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


@contextmanager
def work_folder(path: Path) -> Iterator[Path]:
    """An empty folder of that name, gone afterwards; what a killed process left there goes first.

    For one process at a time.
    """
    try:
        _remove(path)
        make_folder(path)
        yield path
    finally:
        with suppress(OSError):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def make_folder(path: Path) -> None:
    """Makes a folder and those above it; raises TinymlError when that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot("make the folder", path, error) from error


@contextmanager
def temporary_folder(beside: Path) -> Iterator[Path]:
    """A folder in ``beside`` that is gone afterwards; raises TinymlError when it cannot be made."""
    make_folder(beside)
    try:
        held = tempfile.TemporaryDirectory(prefix=".tinyml-", dir=beside)
    except OSError as error:
        raise cannot("make a folder in", beside, error) from error
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


def cannot(verb: str, path: Path, error: OSError) -> TinymlError:
    """The error for something that the system does not let us do with a file."""
    return TinymlError(
        f"cannot {verb} {path}: {error.strerror or error}",
        hint="choose a place that is yours and has room (--output, or TINYML_CACHE_DIR for what "
        "is kept between builds)",
    )


def near(path: Path) -> Path:
    """The path as seen from the working directory, where that is shorter: below it."""
    relative = Path(os.path.relpath(path))
    return path if str(relative).startswith("..") else relative
