"""Every plain kernel header compiles on its own, as C11 and as C++17, without a warning."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.running.host_c import WARNINGS
from tinyml.base import resources

FIRMWARE = resources.path("firmware")
OTHER_CORES = ("dsp", "esp_nn", "mve")  # want instructions or a library that this machine has not
HEADERS = sorted(
    header
    for header in FIRMWARE.glob("kernels/*/*.h")
    if header.parent.name not in OTHER_CORES and "_H\n#define TML_" in header.read_text("utf-8")
)  # bodies and walks have no guard: they are included once for each type
LANGUAGES = {
    "c11": ("gcc", "c", "-std=c11", *WARNINGS),
    "c++17": ("g++", "c++", "-std=c++17", *(w for w in WARNINGS if w != "-Wmissing-prototypes")),
}


@pytest.mark.host_cc
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_headers_stand_alone(language: str, tmp_path: Path) -> None:
    program, suffix, *flags = LANGUAGES[language]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not on PATH")
    sources = []
    for header in HEADERS:
        source = tmp_path / f"{header.parent.name}_{header.stem}.{suffix}"
        source.write_text(f'#include "{header.relative_to(FIRMWARE)}"\n', encoding="utf-8")
        sources.append(str(source))
    include = (f"-I{FIRMWARE}", f"-I{FIRMWARE / 'include'}")
    command = [program, "-fsyntax-only", *flags, *include, *sources]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.host_cc
def test_headers_live_together(tmp_path: Path) -> None:
    """No two kernels share the name of a helper or a type."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not on PATH")
    source = tmp_path / "all.c"
    source.write_text(
        "".join(f'#include "{h.relative_to(FIRMWARE)}"\n' for h in HEADERS), encoding="utf-8"
    )
    include = (f"-I{FIRMWARE}", f"-I{FIRMWARE / 'include'}")
    command = ["gcc", "-fsyntax-only", "-std=c11", *WARNINGS, *include, str(source)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
