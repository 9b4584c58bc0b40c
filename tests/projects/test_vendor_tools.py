"""From the model to an image by a vendor's tools, played by a program that leaves what they do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.values.plans import TEMPLATE, planned_on, sine_plan
from tests.support.values.small_boards import board_of
from tinyml import api
from tinyml.codegen.generate import generate
from tinyml.measure.flash import find_build
from tinyml.project.build import build
from tinyml.project.create import create

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
PROGRAM = """\
#!{python}
import pathlib, shutil, sys
assert sys.argv[1:] == {arguments!r}, sys.argv
for name in {files!r}:
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".elf":
        shutil.copy({elf!r}, path)
    else:
        path.write_bytes(name.encode())
"""
SKETCH = "examples/digits"
TARGET = "arduino_nicla_vision/stm32h747xx/m7"
CASES = {  # template, board: program, its arguments, what it leaves, what is flashed where
    ("arduino", "nicla_vision"): (
        "arduino-cli",
        [
            *("compile", "--fqbn", "arduino:mbed_nicla:nicla_vision", "--library", "."),
            *("--output-dir", "build", SKETCH),
        ],
        ["build/digits.ino.elf", "build/digits.ino.bin"],
        {0x0804_0000: "digits.ino.bin"},
    ),
    ("platformio", "nicla_vision"): (
        "pio",
        ["run"],
        [f".pio/build/nicla_vision/firmware.{kind}" for kind in ("elf", "bin")],
        {0x0804_0000: "firmware.bin"},
    ),
    ("platformio", "esp32s3"): (
        "pio",
        ["run"],
        [
            f".pio/build/esp32-s3-devkitc-1/{name}"
            for name in ("firmware.elf", "firmware.bin", "bootloader.bin", "partitions.bin")
        ],
        {0x0: "bootloader.bin", 0x8000: "partitions.bin", 0x10000: "firmware.bin"},
    ),
    ("zephyr", "nicla_vision"): (
        "west",
        ["build", "-b", TARGET, "-d", "build", "app"],
        ["build/zephyr/zephyr.elf", "build/zephyr/zephyr.bin"],
        {0x0804_0000: "zephyr.bin"},
    ),
}


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Any ELF."""
    folder = tmp_path_factory.mktemp("elf")
    plan, board = sine_plan(), board_of()
    project = create(planned_on(plan, board, TEMPLATE), generate(plan, board), folder / "project")
    return build(project, "zig", folder).elf


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_vendors_tool_builds(
    case: tuple[str, str], elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, arguments, files, flashed = CASES[case]
    program = tmp_path / "bin" / name
    program.parent.mkdir()
    values = {"arguments": arguments, "files": files, "elf": str(elf), "python": sys.executable}
    program.write_text(PROGRAM.format(**values))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    template, board = case
    settings = api.Settings(template=template)
    built = api.build(DIGITS, api.load_board(board), settings)
    assert built.missing is None
    image, target = find_build(built.directory, None)
    assert target.name == board
    assert {start: path.name for start, path in image.segments} == flashed
