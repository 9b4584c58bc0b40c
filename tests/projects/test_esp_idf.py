"""The ESP-IDF project without ESP-IDF: files by real parsers, C against stand-in headers."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.support.running.esp_idf import (
    STAND_INS,
    check_partitions,
    known_settings,
    read_partitions,
    read_sdkconfig,
    write_sdkconfig_header,
)
from tests.support.running.esp_nn import STAND_IN
from tests.support.values.plans import planned_on, sine_plan
from tests.support.values.projects import make_project
from tinyml import api
from tinyml.backends import builder_of
from tinyml.backends.toolchains import host_compiler, zig
from tinyml.base import process
from tinyml.base.errors import BoardError
from tinyml.base.process import Command
from tinyml.codegen.generate import generate
from tinyml.project.create import create
from tinyml.target.boards import load_board
from tinyml.target.cores import core_named
from tinyml.target.libraries import with_libraries
from tinyml.target.limits import with_budgets
from tinyml.values.image import image_of
from tinyml.values.project import Project
from tinyml.variants.esp_nn_issues import LEAST_VERSION

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
BOARDS = ("esp32s3", "esp32c3")
WARNINGS = ("-std=gnu17", "-Wall", "-Wextra", "-Werror", "-Wshadow")


def text(project: Path, name: str) -> str:
    return (project / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("board", BOARDS)
def test_sdkconfig_has_names_of_every_supported_version(tmp_path: Path, board: str) -> None:
    make_project("esp_idf", tmp_path, board=board)
    settings = read_sdkconfig(text(tmp_path, "sdkconfig.defaults"))
    known = known_settings()
    assert settings.keys() <= known.keys()
    for name, value in settings.items():
        assert {"bool": value == "y", "int": value.isdigit(), "string": True}[known[name]], name
    assert settings["IDF_TARGET"] == board
    assert (tmp_path / settings["PARTITION_TABLE_CUSTOM_FILENAME"]).is_file()
    assert f"ESP_DEFAULT_CPU_FREQ_MHZ_{load_board(board).chip.clock_hz // 1_000_000}" in settings
    assert "SPIRAM" not in settings, "external RAM that nobody uses costs start-up time and power"


@pytest.mark.parametrize("board", BOARDS)
def test_partitions(tmp_path: Path, board: str) -> None:
    make_project("esp_idf", tmp_path, board=board)
    options = load_board(board).options["flasher"]["esptool"]
    flash_bytes = int(options["flash_size"].removesuffix("MB")) * 1024 * 1024
    table = read_partitions(text(tmp_path, "partitions.csv"))
    check_partitions(table, flash_bytes)
    app = next(item for item in table if item.type == "app")
    assert (app.offset, app.nbytes) == (0x10000, 1024 * 1024)


@pytest.mark.parametrize("profile", ["ota", "wifi_ota"])
@pytest.mark.parametrize("name", BOARDS)
def test_updates_over_the_air_have_two_partitions(tmp_path: Path, name: str, profile: str) -> None:
    board = with_budgets(load_board(name), profile)
    plan = sine_plan("dram", name)
    create(planned_on(plan, board, "esp_idf"), generate(plan, board), tmp_path)
    options = board.options["flasher"]["esptool"]
    flash_bytes = int(options["flash_size"].removesuffix("MB")) * 1024 * 1024
    table = read_partitions(text(tmp_path, "partitions.csv"))
    check_partitions(table, flash_bytes)
    first, second = (item for item in table if item.type == "app")
    assert (first.offset, first.nbytes) == (0x10000, second.nbytes)
    framework = board.options["template"]["esp_idf"]["framework_bytes"]
    assert board.flash.max_bytes == first.nbytes - framework  # what fits the budget fits a slot
    assert flash_bytes - second.offset - second.nbytes < 2 * 0x10000


@pytest.mark.parametrize(
    ("weights_mb", "app_mb"), [(1, 1.9375), (3, 4.9375), (6, 7.9375)], ids=["1MB", "3MB", "6MB"]
)
def test_the_application_partition_grows_with_the_model(
    tmp_path: Path, weights_mb: int, app_mb: float
) -> None:
    from tinyml.plan.values import Use

    board = load_board("esp32s3")
    plan = replace(
        sine_plan("dram", board.name), uses=(Use("flash", "weights", weights_mb * 1024 * 1024),)
    )
    create(planned_on(plan, board, "esp_idf"), generate(plan, board), tmp_path)
    table = read_partitions(text(tmp_path, "partitions.csv"))
    check_partitions(table, 8 * 1024 * 1024)
    assert table[-1].nbytes == app_mb * 1024 * 1024


def test_external_ram_is_switched_on_for_a_model_that_needs_it(tmp_path: Path) -> None:
    board = load_board("esp32s3")
    plan = sine_plan("dram", board.name)
    plan = replace(plan, arena_bytes=(*plan.arena_bytes, ("psram", 64)))
    create(planned_on(plan, board, "esp_idf"), generate(plan, board), tmp_path)
    settings = read_sdkconfig(text(tmp_path, "sdkconfig.defaults"))
    wanted = {"SPIRAM", "SPIRAM_MODE_OCT", "SPIRAM_ALLOW_BSS_SEG_EXTERNAL_MEMORY"}
    assert wanted <= settings.keys() <= known_settings().keys()


def test_the_watchdog_is_patient_with_a_slow_layer(tmp_path: Path) -> None:
    board = load_board("esp32s3")
    plan = sine_plan("dram", board.name)
    call = plan.steps[0].call
    assert call is not None
    slow = replace(call, cost=replace(call.cost, instructions=2_400_000_000))  # 20 s
    plan = replace(plan, steps=(replace(plan.steps[0], call=slow), plan.steps[1]))
    create(planned_on(plan, board, "esp_idf"), generate(plan, board), tmp_path)
    settings = read_sdkconfig(text(tmp_path, "sdkconfig.defaults"))
    assert settings["ESP_TASK_WDT_TIMEOUT_S"] == "42"


def test_the_manifest(tmp_path: Path) -> None:
    make_project("esp_idf", tmp_path)
    manifest = yaml.safe_load(text(tmp_path, "components/sine_model/idf_component.yml"))
    assert manifest == {
        "version": "1.0.0",
        "description": "sine.tflite as C, made by tinyml",
        "dependencies": {"idf": ">=5.1"},
    }


def test_the_manifest_with_espressifs_kernels(tmp_path: Path) -> None:
    board = with_libraries(load_board("esp32s3"), ["esp_nn"])
    plan = sine_plan("dram", board.name)
    create(planned_on(plan, board, "esp_idf"), generate(plan, board), tmp_path)
    manifest = yaml.safe_load(text(tmp_path, "components/sine_model/idf_component.yml"))
    assert manifest["dependencies"] == {"idf": ">=5.1", "espressif/esp-nn": "^1.2.3"}
    assert board.chip.libraries["esp_nn"] == LEAST_VERSION
    assert "--kernels esp_nn" in text(tmp_path, "README.md")


def test_kernels_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="no kernel library 'esp_nm'") as caught:
        with_libraries(load_board("esp32s3"), ["esp_nm"])
    assert caught.value.hint == "did you mean 'esp_nn'?"
    with pytest.raises(BoardError, match="no kernel library 'esp_nn' for the ESP32-C3"):
        with_libraries(load_board("esp32c3"), ["esp_nn"])
    board = with_libraries(load_board("esp32s3"), ["esp_nn", "esp_nn"])
    assert board.options_given == ("--kernels", "esp_nn")
    plan = sine_plan("dram", board.name)
    with pytest.raises(BoardError, match="'library' does not bring the kernel library 'esp_nn'"):
        create(planned_on(plan, board, "library"), generate(plan, board), tmp_path)


def test_a_board_file_that_does_not_say_enough(tmp_path: Path) -> None:
    """It used to be a traceback of the template engine."""
    board = load_board("esp32c3")
    options = {name: table for name, table in board.options.items() if name != "template"}
    board = replace(board, options=options)
    plan = sine_plan("dram", board.name)
    with pytest.raises(BoardError) as caught:
        create(planned_on(plan, board, "esp_idf"), generate(plan, board), tmp_path)
    assert str(caught.value) == (
        "esp32c3: the files of the board and its chip do not say all that sdkconfig.defaults "
        "wants: 'dict object' has no attribute 'target'\n"
        "hint: compare [template.esp_idf] and [flasher] with those of a board of ours"
    )
    assert not list(tmp_path.iterdir())


def test_the_readme_names_the_container_that_is_used(tmp_path: Path) -> None:
    make_project("esp_idf", tmp_path)
    assert f" {builder_of('esp_idf').container} idf.py build" in text(tmp_path, "README.md")


def test_every_source_of_the_component_is_there(tmp_path: Path) -> None:
    project = make_project("esp_idf", tmp_path)
    component = tmp_path / "components" / "sine_model"
    listed = re.search(r"SRCS\n(.*?)    INCLUDE_DIRS", text(component, "CMakeLists.txt"), re.DOTALL)
    assert listed is not None
    names = listed[1].split()
    assert names == [name.removeprefix("components/sine_model/") for name in project.sources]
    assert all((component / name).is_file() for name in names)


def compiled(project: Project, command: list[str], folder: Path) -> list[Path]:
    """Every C file of the project, main.c among them, as objects."""
    write_sdkconfig_header(project.directory, folder)
    folders = [*(project.directory / name for name in project.include_dirs), STAND_INS, folder]
    defines = [f"-D{name}={value}" for name, value in (*project.defines, ("TML_PAUSE", "1"))]
    objects = []
    for source in ("main/main.c", *project.sources):
        objects.append(folder / (source.replace("/", "_") + ".o"))
        argv = [*command, *WARNINGS, *defines, *(f"-I{item}" for item in folders), "-c"]
        argv += [str(project.directory / source), "-o", str(objects[-1])]
        process.run(Command(tuple(argv)))
    return objects


@pytest.mark.parametrize("agent", [True, False], ids=["agent", "bare"])
def test_all_c_compiles_for_risc_v(tmp_path: Path, agent: bool) -> None:
    chain = zig()
    flags = core_named("rv32imc").clang
    libc = tmp_path / "libc"
    libc.mkdir()
    (libc / "stdio.h").write_text("int printf(const char *, ...);\n")
    command = [str(chain.program), "clang", "--no-default-config", *flags, "-nostdinc"]
    command += ["-isystem", str(chain.library / "include"), "-isystem", str(libc)]
    string = Path(__file__).parents[2] / "firmware" / "libc"
    command += ["-isystem", str(string), "-Os"]
    project = make_project("esp_idf", tmp_path / "p", board="esp32c3", agent=agent)
    assert all(path.stat().st_size for path in compiled(project, command, tmp_path / "o"))


@pytest.mark.arm_gcc
@pytest.mark.parametrize("kernels", [[], ["esp_nn"]], ids=["own", "esp_nn"])
def test_all_c_compiles_where_int32_is_long(kernels: list[str], tmp_path: Path) -> None:
    """As with Espressif's compilers and newlib: pointers to int and to int32_t do not mix there.

    Only compiled, not assembled: kernels for the vector unit hold Xtensa's instructions.
    """
    board = with_libraries(load_board("esp32s3"), kernels)
    plan = api.plan(api.load(DIGITS), board).plan
    project = create(planned_on(plan, board, "esp_idf"), generate(plan, board), tmp_path / "p")
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-O2", "-S", f"-I{STAND_IN}"]
    assert all(path.stat().st_size for path in compiled(project, command, tmp_path / "o"))


MEMORY_MAP = """\
SECTIONS {
  .iram0.text 0x40380000 : { *(.iram) }
  .dram0.dummy 0x3FC80000 (NOLOAD) : { . += 64; }
  .dram0.bss 0x3FC80100 (NOLOAD) : { *(.bss) }
  .flash.text 0x42000020 : { *(.text) }
  .flash_rodata_dummy 0x3C000020 (NOLOAD) : { . += 32; }
  .flash.rodata 0x3C010020 : { *(.rodata) }
  .ext_ram.bss 0x3C020000 (NOLOAD) : { *(.ext_ram.bss) }
}
"""
MEMORY_USE = """\
.section .iram,"ax"; .zero 64
.section .text,"ax"; .zero 400
.section .rodata,"a"; .zero 300
.section .bss,"aw",@nobits; .zero 200
.section .ext_ram.bss,"aw",@nobits; .zero 5000
"""


def test_sections_of_esp_idf_lie_in_the_boards_regions(tmp_path: Path) -> None:
    """Constants have addresses of their own, code in RAM too, and dummies only reserve some."""
    chain = zig()
    script, source, made, elf = (tmp_path / name for name in ("x.ld", "x.s", "x.o", "x.elf"))
    script.write_text(MEMORY_MAP)
    source.write_text(MEMORY_USE)
    flags = core_named("rv32imc").clang
    compile_it = (str(chain.program), "clang", "--no-default-config", *flags, "-c", str(source))
    process.run(Command((*compile_it, "-o", str(made))))
    process.run(
        Command((str(chain.program), "ld.lld", "-T", str(script), str(made), "-o", str(elf)))
    )
    board = load_board("esp32s3")
    image = image_of(elf, (), board, "test")
    places = {item.name: (item.region, item.nbytes) for item in image.sections}
    assert places[".flash.text"] == ("flash", 400)
    assert places[".flash.rodata"] == ("flash", 300)
    assert places[".dram0.bss"][0] == places[".dram0.dummy"][0] == "none"  # those of another chip
    assert places[".flash_rodata_dummy"][0] == "none"
    assert places[".ext_ram.bss"] == ("psram", 5000)
    image = image_of(elf, (), load_board("esp32c3"), "test")
    assert image.ram_bytes == 64 + 200 + load_board("esp32c3").stack_bytes
    assert image.flash_bytes == 700


def spoken(tmp_path: Path, said: str) -> str:
    """What the project answers on a PC, where fake.c is ESP-IDF."""
    project = make_project("esp_idf", tmp_path / "p")
    host = [*host_compiler(), "-O1"]
    objects = compiled(project, host, tmp_path / "o")
    program = tmp_path / "program"
    fake = [f"-I{STAND_INS}", f"-I{tmp_path / 'o'}", str(STAND_INS / "fake.c")]
    command = [*host, *fake, *map(str, objects), "-o", str(program)]
    process.run(Command(tuple(command)))
    done = subprocess.run(
        [program], input=said.encode(), capture_output=True, check=False, timeout=20
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


@pytest.mark.host_cc
def test_the_agent_answers_on_both_ports(tmp_path: Path) -> None:
    answers = spoken(tmp_path, "name%infer 2 1%layers%mem%baud 230400%\x01name%baud 1%\x02name%")
    assert answers.startswith(
        "[task model 3584 1 1]\n[uart 115200 8N1]\nm-init-done\r\nm-ready\r\n"
        "m-name-dut-[tinyml]\r\nm-ready\r\n"
    )
    assert "m-infer-done\r\n" in answers
    assert "m-layer-[1,30000000]" in answers  # one look at the counter from the next
    assert "m-mem-[32,3584,1000]" in answers
    assert "[uart 230400]\n" in answers
    usb = "".join(re.findall(r"<([^>]*)>", answers))
    assert usb == "m-name-dut-[tinyml]\r\nm-ready\r\nm-baud-[1]-C782\r\nm-ready\r\n"
    assert "[uart 1]" not in answers
    assert answers.count("m-name-dut-[tinyml]") == 2  # once in each spelling of the UART
    paused = re.search(r"\[(\d+) delays\]", answers)
    assert paused is not None
    assert int(paused[1]) >= 2


@pytest.mark.host_cc
def test_reset_restarts_the_chip(tmp_path: Path) -> None:
    assert spoken(tmp_path, "reset%").endswith("[restart]\n")
