"""Builds the native parts of the emulators once per machine and keeps them in the user's cache."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tinyml.base import process, resources
from tinyml.base.errors import ToolError
from tinyml.base.files import is_sealed, seal
from tinyml.base.process import Command

SOURCES = tuple(Path(__file__).with_name(name) for name in ("hook.c", "caches.c", "caches.h"))
FLAGS = ("-shared", "-O2", "-fPIC", "-nostdlib", "-fno-stack-protector", "-fno-sanitize=all")


def build_command(
    sources: Sequence[Path], library: Path, flags: Sequence[str], what: str
) -> Command:
    """How C files become a library for this machine, with the compiler of the ziglang wheel."""
    files = (*map(str, sources), "-o", str(library))
    return Command((sys.executable, "-m", "ziglang", "cc", *flags, *files), message=what)


def hook_library() -> Path:
    """The path of the compiled hooks, built when it is not in the cache yet.

    Raises ToolError when it cannot be built here.
    """
    if sys.platform == "win32":
        raise ToolError("the native hooks are not available on Windows")
    return native_library("hook", SOURCES, FLAGS, "native hooks")


def native_library(stem: str, files: Sequence[Path], flags: Sequence[str], what: str) -> Path:
    """The path of the library that C files make; headers among them are part of its key.

    Raises ToolError when it cannot be built here.
    """
    texts = [path.read_text(encoding="utf-8") for path in files]
    key = hashlib.sha256(
        "\0".join((*texts, platform.machine(), sys.platform, *flags)).encode()
    ).hexdigest()
    suffix = ".dll" if sys.platform == "win32" else ".so"
    library = resources.cache_dir() / "simulate" / f"{stem}-{key[:16]}{suffix}"
    if not is_sealed(library):
        sources = [path for path in files if path.suffix == ".c"]
        try:
            library.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=library.parent) as folder:
                made = Path(folder) / library.name
                process.run(build_command(sources, made, flags, what))
                os.replace(made, library)
                seal(library)
        except OSError as error:
            raise ToolError(f"cannot write to the cache: {error}", where=str(library)) from error
    return library
