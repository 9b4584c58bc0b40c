"""The Zephyr module and application: their files by the documented names, every source compiled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.support.values.projects import make_project
from tinyml import api
from tinyml.backends import builder_of
from tinyml.base import process
from tinyml.base.errors import BuildError
from tinyml.base.process import Command
from tinyml.project.settings import Settings, resolve
from tinyml.target.boards import all_boards, load_board

STAND_IN = Path(__file__).parents[1] / "support" / "stand_ins" / "zephyr"
DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
COMMON = ("-Os", "-ffreestanding", "-Wall", "-Wextra", "-Werror")
GCC = ("arm-none-eabi-gcc", "-mthumb", "-std=c99")  # until Zephyr 3.7; c17 since
CORES = {
    "nucleo_l4r5zi": ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    "rpi_pico2": ("-mcpu=cortex-m33", "-mfloat-abi=soft"),
}
# Zephyr documentation: Modules (module.yml), Test Runner (sample.yaml).
MODULE_KEYS = {"name", "build", "samples"}
TEST_KEYS = {"build_only", "platform_allow", "tags"}
ZEPHYR = {"SERIAL", "TIMING_FUNCTIONS", "REBOOT", "INIT_STACKS", "THREAD_STACK_INFO"}
SETTINGS = {"MAIN_STACK_SIZE", "BOOT_BANNER"}


def test_module_and_sample_as_documented(tmp_path: Path) -> None:
    make_project("zephyr", tmp_path)
    module = yaml.safe_load((tmp_path / "zephyr" / "module.yml").read_text(encoding="utf-8"))
    assert set(module) == MODULE_KEYS
    assert (tmp_path / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (tmp_path / module["build"]["kconfig"]).is_file()
    assert (tmp_path / module["samples"][0] / "sample.yaml").is_file()
    sample = yaml.safe_load((tmp_path / "app" / "sample.yaml").read_text(encoding="utf-8"))
    assert set(sample) == {"sample", "tests"}
    assert set(sample["sample"]) == {"name", "description"}
    (test,) = sample["tests"].values()
    assert set(test) == TEST_KEYS
    assert test["platform_allow"] == "nucleo_l4r5zi"


@pytest.mark.parametrize("agent", [True, False], ids=["agent", "no agent"])
def test_settings_are_declared(tmp_path: Path, agent: bool) -> None:
    """Every CONFIG_ of prj.conf and CMakeLists.txt is Zephyr's or in our Kconfig."""
    make_project("zephyr", tmp_path, agent=agent)
    kconfig = (tmp_path / "zephyr" / "Kconfig").read_text()
    own = set(re.findall(r"^config (\w+)$", kconfig, re.MULTILINE))
    assert own == {"TINYML_SINE", *(["TINYML_AGENT"] if agent else [])}
    assert set(re.findall(r"^\tselect (\w+)$", kconfig, re.MULTILINE)) == (
        ZEPHYR if agent else set()
    )
    lines = (tmp_path / "app" / "prj.conf").read_text().splitlines()
    values = dict(line.split("=") for line in lines if line and not line.startswith("#"))
    used = {name.removeprefix("CONFIG_") for name in values}
    used |= set(re.findall(r"CONFIG_(\w+)", (tmp_path / "zephyr" / "CMakeLists.txt").read_text()))
    assert used - SETTINGS == own
    assert values["CONFIG_MAIN_STACK_SIZE"] == "2048"


def test_cmake_names_every_file_once(tmp_path: Path) -> None:
    make_project("zephyr", tmp_path)
    text = (tmp_path / "zephyr" / "CMakeLists.txt").read_text()
    named = re.findall(r"MODULE_DIR\}/(\S+\.c)$", text, re.MULTILINE)
    there = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.c")]
    assert sorted(named) == sorted(name for name in there if name != "app/src/main.c")
    assert text.count("if(") == text.count("endif()") * 2


@pytest.mark.arm_gcc
@pytest.mark.parametrize(("board", "agent"), [("nucleo_l4r5zi", True), ("rpi_pico2", False)])
def test_every_file_compiles(tmp_path: Path, board: str, agent: bool) -> None:
    settings = api.Settings(directory=tmp_path, template="zephyr", agent=agent, project_only=True)
    api.build(DIGITS, api.load_board(board), settings)
    project = tmp_path / "project"
    defines = ("-DTML_AGENT=1", "-DTML_PROFILE=1") if agent else ()
    folders = ("model", "firmware", "firmware/include")
    includes = (*(f"-I{project / name}" for name in folders), f"-I{STAND_IN}")
    for path in sorted(project.rglob("*.c")):
        made = ("-c", str(path), "-o", str(tmp_path / f"{path.stem}.o"))
        process.run(Command((*GCC, *CORES[board], *COMMON, *defines, *includes, *made), project))


def test_what_west_runs_and_leaves(tmp_path: Path) -> None:
    project = make_project("zephyr", tmp_path, board="nicla_vision")
    builder = builder_of("zephyr")
    (command,) = builder.commands(project)
    target = "arduino_nicla_vision/stm32h747xx/m7"
    assert command.argv == ("west", "build", "-b", target, "-d", "build", "app")
    with pytest.raises(BuildError, match=r"west did not leave zephyr.elf and zephyr.bin"):
        builder.image(project)


def test_names_of_boards_are_targets() -> None:
    for board in all_boards():
        if "zephyr" in board.templates:
            name = board.options["template"]["zephyr"]["board"]
            assert re.fullmatch(r"[a-z0-9_]+(/[a-z0-9_]+){0,2}", name)


@pytest.mark.cmake
def test_the_modules_cmake_file_runs(tmp_path: Path) -> None:
    """With a stand-in of Zephyr's CMake extensions; -Werror and the core come from outside."""
    project, build = tmp_path / "project", tmp_path / "build"
    make_project("zephyr", project)
    settings = {
        "MODULE": project,
        "CONFIGS": "CONFIG_TINYML_SINE;CONFIG_TINYML_AGENT",
        "CMAKE_SYSTEM_NAME": "Generic",
        "CMAKE_C_COMPILER": "arm-none-eabi-gcc",
        "CMAKE_TRY_COMPILE_TARGET_TYPE": "STATIC_LIBRARY",
        "CMAKE_C_FLAGS": "-mcpu=cortex-m4 -mthumb -Wall -Wextra -Werror",
    }
    words = tuple(f"-D{name}={value}" for name, value in settings.items())
    process.run(Command(("cmake", "-G", "Ninja", "-S", str(STAND_IN), "-B", str(build), *words)))
    process.run(Command(("cmake", "--build", str(build))))
    assert (build / "module" / "libtinyml_sine.a").is_file()


def test_the_stack_that_nothing_bounds_is_larger() -> None:
    """Code that Zephyr links is not seen, so its stack is not what the linked code needs."""
    board = load_board("nucleo_l4r5zi")
    assert resolve(board, Settings()).board.stack_bytes == board.stack_bytes == 2048
    assert resolve(board, Settings(template="zephyr")).board.stack_bytes == 4096
