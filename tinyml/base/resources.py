"""Finds the data folders (firmware, boards, templates) and the user's cache; nobody else does.

The folders lie at the root of a checkout and under ``tinyml/data`` in an installed wheel.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["firmware", "boards", "templates"]


@cache  # each header that a build copies asks
def path(kind: Kind) -> Path:
    """The folder of that kind, absolute."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "data" / kind
    return installed if installed.is_dir() else package.parent / kind


def cache_dir() -> Path:
    """Where files are kept that are dear to make and the same for every project.

    TINYML_CACHE_DIR wins; else the platform's habit. The folder need not exist yet.
    """
    chosen = os.environ.get("TINYML_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().resolve()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "tinyml"
