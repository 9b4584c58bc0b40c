"""The wheel of this tree, and a fresh virtual environment that has it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def built_wheel(folder: Path) -> Path:
    """The wheel, built into a folder; skips the test where pip's index is out of reach."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(folder)]
    built = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, check=False)
    if built.returncode:
        if "No matching distribution" in built.stderr or "Could not find" in built.stderr:
            pytest.skip("pip's index is out of reach: the build back end cannot be installed")
        pytest.fail(built.stderr)
    return next(folder.glob("*.whl"))


@dataclass(frozen=True)
class Newcomer:
    """Who has installed the wheel and stands in an empty folder."""

    home: Path  # of the virtual environment
    work: Path

    def runs(self, *command: str) -> str:
        """What one of the environment's programs prints; the test fails where it fails."""
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        program, *arguments = command
        done = subprocess.run(
            [str(self.home / "bin" / program), *arguments],
            **{"cwd": self.work, "env": env, "capture_output": True, "text": True, "check": False},
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout


def newcomer(wheel: Path, folder: Path) -> Newcomer:
    """A fresh virtual environment with the wheel, and an empty folder beside it.

    All other packages are those of this environment: downloading the compiler again would take
    minutes, the frameworks more.
    """
    home, work = folder / "venv", folder / "work"
    venv.create(home, with_pip=True, symlinks=True)
    work.mkdir()
    made = Newcomer(home, work)
    made.runs("python", "-m", "pip", "install", "-q", "--no-deps", str(wheel))
    place = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(made.runs("python", "-c", place).strip())
    (own / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    located = made.runs("python", "-c", "import tinyml; print(tinyml.__file__)")
    assert located.startswith(str(own))
    return made
