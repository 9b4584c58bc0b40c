"""The command line as a program, in forks of a Python that has imported tinyml.

Most of what ``tinyml boards`` takes is the import of two hundred modules. Where signals, closed
streams or the import itself are the point, tests start ``python -m tinyml``.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import tinyml
from tests.support.running.warm import warm_python

SCRIPT = Path(__file__).with_name("cli_script.py")
PACKAGE = Path(tinyml.__file__).parent
LIBRARIES = ("jinja2", "rich.progress", "rich.table", "tflite", "unicorn")


def modules() -> tuple[str, ...]:
    """What a command may import: all of tinyml, and libraries that are there in any case."""
    paths = sorted(path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py"))
    names = (".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths)
    return *(name for name in names if name != "tinyml.__main__"), *LIBRARIES


@cache
def _python() -> Path:
    """Of this process, and as long as it is there."""
    folder = Path(tempfile.mkdtemp(prefix="tinyml-cli-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return warm_python(folder, os.getpid(), "tinyml", modules())


def run_tinyml(
    *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What ``python -m tinyml`` prints and returns; ``env`` None is the environment of the test."""
    return subprocess.run(
        [str(_python()), str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=None if env is None else {"TINYML_PROGRESS": "none", **env},
    )
