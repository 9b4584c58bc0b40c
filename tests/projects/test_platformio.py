"""PlatformIO projects: their files by the documented names, and every source compiled."""

from __future__ import annotations

import json
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.projects.test_arduino import COMMON, CPP, STAND_IN, C
from tests.support.values.projects import golden_text, listing, make_project
from tinyml import api
from tinyml.backends import builder_of
from tinyml.base import process
from tinyml.base.errors import BuildError
from tinyml.base.process import Command

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
CORES = {
    "nucleo_h743zi2": ("-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
    "nucleo_u575zi_q": ("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
}
# docs.platformio.org: sections [platformio] and [env]; board options of the platforms.
PLATFORMIO_KEYS = {"src_dir"}
ENV_KEYS = {
    *("platform", "board", "framework", "monitor_speed"),
    *("board_build.partitions", "board_upload.flash_size"),
}
BUILD_KEYS = {"flags", "unflags", "libArchive"}  # of library.json


def settings_of(folder: Path) -> ConfigParser:
    parser = ConfigParser(inline_comment_prefixes=None)
    parser.read_string((folder / "platformio.ini").read_text(encoding="utf-8"))
    return parser


@pytest.mark.parametrize(
    ("template", "board", "expected"),
    [
        ("platformio", "nicla_vision", ("ststm32", "nicla_vision", "arduino")),
        ("platformio", "nucleo_h743zi2", ("ststm32", "nucleo_h743zi2", "arduino")),
        ("platformio", "arduino_nano33ble", ("nordicnrf52", "nano33ble", "arduino")),
        ("platformio", "esp32s3", ("espressif32", "esp32-s3-devkitc-1", "espidf")),
    ],
)
def test_platformio_ini(
    template: str, board: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    make_project(template, tmp_path, board=board)
    parser = settings_of(tmp_path)
    environments = [name for name in parser.sections() if name.startswith("env:")]
    assert set(parser.sections()) <= {"platformio", *environments}
    (name,) = environments
    section = parser[name]
    assert name == f"env:{expected[1]}"
    assert (section["platform"], section["board"], section["framework"]) == expected
    assert section["monitor_speed"] == "115200"
    assert set(section) <= ENV_KEYS
    if parser.has_section("platformio"):
        assert set(parser["platformio"]) <= PLATFORMIO_KEYS
        assert (tmp_path / parser["platformio"]["src_dir"] / "main.c").is_file()


def test_library_json(tmp_path: Path) -> None:
    make_project("platformio", tmp_path)
    found = json.loads((tmp_path / "lib" / "sine" / "library.json").read_text(encoding="utf-8"))
    assert set(found) == {"name", "version", "description", "build"}
    assert found["name"] == "sine"
    assert set(found["build"]) == BUILD_KEYS
    assert "-fno-strict-aliasing" in found["build"]["flags"]


def test_the_idf_project_is_the_one_of_idf(tmp_path: Path) -> None:
    """The same files as idf.py builds, which other tests compile."""
    idf, pio = tmp_path / "esp_idf", tmp_path / "platformio_idf"
    projects = [make_project(folder.name, folder) for folder in (idf, pio)]
    own = {"platformio.ini", "README.md", ".gitignore"}
    assert set(listing(idf).splitlines()) | own == set(listing(pio).splitlines())
    for name in set(listing(idf).splitlines()) - own:
        texts = [golden_text(project, name) for project in projects]
        lines = [text.replace(" --template platformio_idf", "") for text in texts]
        assert lines[0] == lines[1], name


@pytest.mark.arm_gcc
@pytest.mark.parametrize(("board", "agent"), [("nucleo_h743zi2", True), ("nucleo_u575zi_q", False)])
def test_every_file_compiles(tmp_path: Path, board: str, agent: bool) -> None:
    settings = api.Settings(
        directory=tmp_path, template="platformio", agent=agent, project_only=True
    )
    api.build(DIGITS, api.load_board(board), settings)
    project = tmp_path / "project"
    library = project / "lib" / "digits"
    flags = json.loads((library / "library.json").read_text())["build"]["flags"]
    for path in sorted([*project.rglob("*.c"), *project.rglob("*.cpp")]):
        language = C if path.suffix == ".c" else CPP
        includes = (f"-I{library / 'src'}", f"-I{STAND_IN}")
        made = tmp_path / f"{path.stem}.o"
        argv = (*language, *CORES[board], *COMMON, *flags, *includes, "-c", str(path))
        process.run(Command((*argv, "-o", str(made)), project))


def test_what_pio_leaves(tmp_path: Path) -> None:
    project = make_project("platformio", tmp_path)
    builder = builder_of("platformio")
    assert [command.argv for command in builder.commands(project)] == [("pio", "run")]
    with pytest.raises(BuildError, match=r"pio did not leave firmware.elf and firmware.bin"):
        builder.image(project)
