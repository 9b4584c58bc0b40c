"""The wheel built from this tree works from an empty directory in a fresh virtual environment."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.support.running.wheels import ROOT, built_wheel, newcomer

DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("wheel"))


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
        "tinyml/report/scripts/agent.js",
        "tinyml/data/firmware/port/wasm/page.c",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


@pytest.mark.slow
def test_wheel_builds_firmware_in_an_empty_directory(wheel: Path, tmp_path: Path) -> None:
    user = newcomer(wheel, tmp_path)
    shutil.copy(DIGITS, user.work)
    command = ("tinyml", "build", "digits.tflite", "--board", "nucleo_l4r5zi", "--json")
    assert json.loads(user.runs(*command))["fits"] is True
    build = user.work / "build" / "digits-nucleo_l4r5zi"
    assert (build / "firmware.elf").stat().st_size > 10_000
