"""One process at a time in a folder: a lock file that its holder's end releases, however it ends.

The operating system holds the lock, not the file's presence, so that nothing stale can remain. The
file says who holds it, for the others, and is removed by its holder.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tinyml.base.errors import BuildError
from tinyml.base.files import cannot, make_folder

log = logging.getLogger("tinyml")

NAME = ".tinyml.lock"
TIMEOUT_S = 900.0  # as long as a large build may take
POLL_S = 0.05
WORDS = 160  # characters of the holder's command line


@contextmanager
def locked(*folders: Path, timeout_s: float = TIMEOUT_S) -> Iterator[None]:
    """Holds folders for this process alone; says for whom it waits.

    A folder inside of another one is held with it. Raises BuildError after ``timeout_s``.
    """
    held = sorted({folder.resolve() for folder in folders})
    with ExitStack() as stack:
        for folder in held:  # always in one order: nobody waits in a circle
            if not any(folder != other and folder.is_relative_to(other) for other in held):
                stack.enter_context(_held(folder, timeout_s))
        yield


@contextmanager
def _held(folder: Path, timeout_s: float) -> Iterator[None]:
    is_new = not folder.exists()
    path = folder / NAME
    descriptor = _acquired(path, timeout_s)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} ({_command()})".encode(errors="replace"))
        yield
    finally:
        with suppress(OSError):  # Windows: a file that is open stays
            path.unlink()
        os.close(descriptor)
        if is_new:
            with suppress(OSError):  # in which something was made, or somebody else waits
                folder.rmdir()


def _acquired(path: Path, timeout_s: float) -> int:
    """A descriptor of the lock file with the lock on it."""
    end, is_said = time.monotonic() + timeout_s, False
    while True:
        make_folder(path.parent)  # again: its last holder removes one that stayed empty
        try:
            # no link: what is written here must not end up elsewhere
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        except OSError as error:
            raise cannot("lock", path, error) from error
        if _is_locked(descriptor) and _is_current(descriptor, path):
            return descriptor
        holder = _holder(descriptor)
        os.close(descriptor)
        if time.monotonic() >= end:
            raise BuildError(
                f"{holder} still uses {path.parent} after {timeout_s:g} s",
                hint="wait for it or end it, or give another folder with --output",
            )
        if not is_said:
            log.warning("waiting for %s, which uses %s", holder, path.parent)
            is_said = True
        time.sleep(POLL_S)


def _is_locked(descriptor: int) -> bool:
    """Takes the lock if nobody else has it; so does a file system that knows no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # beyond the text, which others read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
    return True


def _is_current(descriptor: int, path: Path) -> bool:
    """Whether the file is still the one of that name: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def _holder(descriptor: int) -> str:
    with suppress(OSError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        text = os.read(descriptor, 2 * WORDS).decode(errors="replace")
        return "".join(c for c in text if c.isprintable()) or "another process"
    return "another process"


def _command() -> str:
    words = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return words if len(words) <= WORDS else words[:WORDS] + " …"
