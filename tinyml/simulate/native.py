"""Builds the native block hook once per machine and keeps it in the user's cache."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
from pathlib import Path

from tinyml.base import process, resources
from tinyml.base.errors import ToolError
from tinyml.base.files import is_sealed, seal
from tinyml.base.process import Command

SOURCE = Path(__file__).with_name("hook.c")
FLAGS = ("-shared", "-O2", "-fPIC", "-nostdlib", "-fno-stack-protector", "-fno-sanitize=all")


def build_command(source: Path, library: Path) -> Command:
    """How the hook is compiled for this machine, with the compiler of the ziglang wheel."""
    argv = (sys.executable, "-m", "ziglang", "cc", *FLAGS, "-o", str(library), str(source))
    return Command(argv, message="native block hook")


def hook_library() -> Path:
    """The path of the compiled hook, built when it is not in the cache yet.

    Raises ToolError when it cannot be built here.
    """
    if sys.platform == "win32":
        raise ToolError("the native block hook is not available on Windows")
    key = hashlib.sha256(
        "\0".join((SOURCE.read_text(), platform.machine(), sys.platform, *FLAGS)).encode()
    ).hexdigest()
    library = resources.cache_dir() / "simulate" / f"hook-{key[:16]}.so"
    if not is_sealed(library):
        try:
            library.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=library.parent) as folder:
                made = Path(folder) / library.name
                process.run(build_command(SOURCE, made))
                os.replace(made, library)
                seal(library)
        except OSError as error:
            raise ToolError(f"cannot write to the cache: {error}", where=str(library)) from error
    return library
