"""The wheel built from this tree works from an empty directory in a fresh virtual environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        if "No matching distribution" in built.stderr or "Could not find" in built.stderr:
            pytest.skip("pip's index is out of reach: the build back end cannot be installed")
        pytest.fail(built.stderr)
    return next(folder.glob("*.whl"))


def test_wheel_holds_the_data_folders(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "tinyml/data/boards/nucleo_l4r5zi.toml",
        "tinyml/data/firmware/include/tml.h",
        "tinyml/data/templates/baremetal/template.toml",
        "tinyml/codegen/model.c.j2",
        "tinyml/report/page.html.j2",
        "tinyml/report/page.css",
        "tinyml/report/page.js",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


@pytest.mark.slow
def test_wheel_builds_firmware_in_an_empty_directory(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    # The packages of this environment serve the fresh one: only tinyml itself must come from
    # the wheel, and downloading the compiler again would take minutes.
    venv.create(home, with_pip=True, symlinks=True)
    packages = subprocess.run(
        [sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    python = home / "bin" / "python"
    own = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", str(wheel)], check=True)
    (own / "shared.pth").write_text(packages + "\n")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    work = tmp_path / "empty"
    work.mkdir()
    shutil.copy(DIGITS, work)
    result = subprocess.run(
        [home / "bin" / "tinyml", "build", "digits.tflite", "--board", "nucleo_l4r5zi", "--json"],
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["fits"] is True
    build = work / "build" / "digits-nucleo_l4r5zi"
    assert (build / "firmware.elf").stat().st_size > 10_000
    located = subprocess.run(
        [python, "-c", "import tinyml; print(tinyml.__file__)"],
        cwd=work,
        capture_output=True,
        text=True,
        check=True,
        env=env,
    )
    assert located.stdout.startswith(str(own))
