"""Object files that any project's build has made, kept in the user's cache for the next one.

Most of what a firmware consists of is the same for every model on a board: the agent, the port, the
C library. An object's name holds a hash of all that it was made from and one of what it is, so one
that is there under its own name is right, and any number of builds may put and take at once.
Nothing depends on the cache: what cannot be read or written there is compiled.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tinyml.base import resources
from tinyml.base.files import sha256_of

KEPT = 1000  # objects at most; those used last stay
LARGEST_BYTES = 1 << 20  # of one object: weights of large models are not worth the room
HASH_DIGITS = 16  # of an object's content, in its name
CONFIG = "tml_config.h"  # numbers of board and model, of which a source needs a few
_MACRO = re.compile(rb"^#define (\w+) .*$", re.MULTILINE)


def named(stem: str, made: Path) -> str:
    """The file name of an object with this content."""
    return f"{stem}-{sha256_of(made)[:HASH_DIGITS]}.o"


def relevant(files: Sequence[Path]) -> Iterator[bytes]:
    """The text of a source and of all its headers, without what cannot matter to its object.

    That are macros of ``CONFIG`` which no other file mentions; their names are never pasted.
    """
    texts = {file: file.read_bytes() for file in files}
    others = (text for file, text in texts.items() if file.name != CONFIG)
    mentioned = set(re.findall(rb"\w+", b"\n".join(others)))
    for file, text in texts.items():
        if file.name == CONFIG:
            text = _MACRO.sub(lambda line: line[0] if line[1] in mentioned else b"", text)
        yield text


def found(stem: str, folder: Path) -> Path | None:
    """The undamaged object of that name in a folder."""
    names = sorted(name for name in os.listdir(folder) if name.startswith(f"{stem}-"))
    return next((folder / name for name in names if name == named(stem, folder / name)), None)


def take(stem: str, folder: Path) -> Path | None:
    """The object, copied into a build's folder; None when no build has made it."""
    with suppress(OSError):
        kept = found(stem, _cache())
        if kept is not None:
            os.utime(kept)
            return _copied(kept, folder)
    return None


def keep(made: Path) -> None:
    """Keeps a copy of an object for other builds, and about KEPT in all: a tenth goes at once."""
    with suppress(OSError):
        folder = _cache()
        folder.mkdir(parents=True, exist_ok=True)
        if made.stat().st_size <= LARGEST_BYTES:
            _copied(made, folder)
        if len(os.listdir(folder)) > KEPT:
            last_used = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
            for path in last_used[: KEPT // 10 - KEPT]:
                path.unlink()


def _copied(path: Path, folder: Path) -> Path:
    """A copy under the same name, never seen half written."""
    partial = folder / f".{secrets.token_hex(8)}.o"
    try:
        shutil.copyfile(path, partial)
        return partial.replace(folder / path.name)
    finally:
        partial.unlink(missing_ok=True)


def _cache() -> Path:
    return resources.cache_dir() / "objects"
