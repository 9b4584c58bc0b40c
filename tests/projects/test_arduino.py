"""The Arduino library: its metadata, and every file of it compiled as the Arduino builder does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.values.projects import make_project
from tinyml import api
from tinyml.backends import builder_of, simulator_of
from tinyml.base import process
from tinyml.base.elf import flat_image, read_elf
from tinyml.base.process import Command
from tinyml.evaluate.verification import verify
from tinyml.target.boards import load_board
from tinyml.target.limits import with_budgets
from tinyml.values.image import image_of

STAND_IN = Path(__file__).parents[1] / "support" / "stand_ins" / "arduino"
CUBE = STAND_IN.parent / "cubemx"
DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
# ArduinoCore-mbed: platform.txt, boards.txt and the variants' cflags.txt, cxxflags.txt.
CORES = {
    "nicla_vision": ("-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=softfp"),
    "arduino_nano33ble": ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=softfp"),
}
COMMON = (
    *("-mthumb", "-Os", "-DARDUINO=10819", "-ffunction-sections", "-funsigned-char"),
    *("-Wall", "-Wextra", "-Werror"),
)
C = ("arm-none-eabi-gcc", "-std=gnu11")
CPP = ("arm-none-eabi-g++", "-std=gnu++14", "-fno-exceptions", "-fno-rtti")
# Fields of the library specification; all but the last two are required.
FIELDS = [
    *("name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url"),
    *("architectures", "includes"),
]


def digits(folder: Path, board: str, *, agent: bool = True) -> Path:
    """The project of a model with convolutions, written and not built; raises nothing."""
    settings = api.Settings(directory=folder, template="arduino", agent=agent, project_only=True)
    api.build(DIGITS, load_board(board), settings)
    return folder / "project"


def compiled(project: Path, board: str, *, as_cpp: bool) -> None:
    """Compiles src/ with all its folders and the sketch; only src/ is searched for headers."""
    for path in sorted([*project.rglob("*.c"), *project.rglob("*.cpp"), *project.rglob("*.ino")]):
        language = CPP if as_cpp or path.suffix != ".c" else C
        extra = ("-x", "c++", "-include", "Arduino.h") if path.suffix == ".ino" else ()
        kind = ("-x", "c++") if as_cpp and path.suffix == ".c" else ()
        includes = (f"-I{project / 'src'}", f"-I{STAND_IN}")
        flags = (*language, *CORES[board], *COMMON, *includes, *kind, *extra)
        made = project / "objects" / f"{path.name}.o"
        made.parent.mkdir(exist_ok=True)
        process.run(Command((*flags, "-c", str(path), "-o", str(made)), project))


def left_undefined(objects: Path) -> set[str]:
    """What the objects need and none of them has."""
    names: dict[str, set[str]] = {"U": set(), "": set()}
    for path in objects.glob("*.o"):
        for line in process.run(Command(("arm-none-eabi-nm", str(path)))).splitlines():
            kind, name = line.split()[-2:]
            names["U" if kind == "U" else ""].add(name)
    return names["U"] - names[""]


def test_library_properties_follow_the_specification(tmp_path: Path) -> None:
    make_project("arduino", tmp_path)
    lines = (tmp_path / "library.properties").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    assert list(fields) == FIELDS
    assert all(fields.values())
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]*", fields["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] == "Data Processing"
    assert fields["architectures"] == "mbed_nicla"
    assert all((tmp_path / "src" / name).is_file() for name in fields["includes"].split(","))


@pytest.mark.arm_gcc
@pytest.mark.parametrize("agent", [True, False], ids=["agent", "no agent"])
@pytest.mark.parametrize("board", CORES)
def test_every_file_compiles_as_the_arduino_builder_does(
    tmp_path: Path, board: str, agent: bool
) -> None:
    project = digits(tmp_path, board, agent=agent)
    compiled(project, board, as_cpp=False)
    missing = left_undefined(project / "objects")
    assert not [name for name in missing if "tml" in name or "digits" in name], missing


@pytest.mark.arm_gcc
def test_every_file_is_cpp14_too(tmp_path: Path) -> None:
    compiled(digits(tmp_path, "nicla_vision"), "nicla_vision", as_cpp=True)


@pytest.mark.arm_gcc
def test_the_model_is_optimised_and_free_of_aliasing_rules(tmp_path: Path) -> None:
    """-Os of the core must not reach the kernels: src/tml_build.h says otherwise."""
    project = digits(tmp_path, "nicla_vision")
    flags = (*C, *CORES["nicla_vision"], *COMMON, f"-I{project / 'src'}")
    symbols = []
    for optimize in (("-Os",), ("-O3", "-fno-strict-aliasing", "-fno-math-errno")):
        made = tmp_path / "digits.o"
        source = str(project / "src" / "digits.c")
        process.run(Command((*flags, *optimize, "-c", source, "-o", str(made))))
        symbols.append(process.run(Command(("arm-none-eabi-nm", "-S", str(made)))))
    sizes = [
        sum(int(line.split()[1], 16) for line in text.splitlines() if " t " in line.lower())
        for text in symbols
    ]
    assert abs(sizes[0] - sizes[1]) < 0.05 * sizes[1], sizes


def test_the_commands_and_the_name_of_the_board(tmp_path: Path) -> None:
    project = make_project("arduino", tmp_path)
    (command,) = builder_of("arduino_cli").commands(project)
    assert command.argv == (
        *("arduino-cli", "compile", "--fqbn", "arduino:mbed_nicla:nicla_vision"),
        *("--library", ".", "--output-dir", "build", "examples/sine"),
    )


@pytest.mark.arm_gcc
@pytest.mark.sim
def test_the_sketch_runs_the_model(tmp_path: Path) -> None:
    """Library, port and sketch with the least of a core, on the emulated board."""
    board = with_budgets(load_board("nicla_vision"), template="arduino")
    project = digits(tmp_path, "nicla_vision")
    compiled(project, "nicla_vision", as_cpp=False)
    core = CORES["nicla_vision"]
    script = (CUBE / "STM32H743XX_FLASH.ld").read_text().replace("0x08000000", "0x08040000")
    (tmp_path / "sketch.ld").write_text(script.replace("2048K", "1792K"))
    elf = tmp_path / "sketch.elf"
    sources = (str(STAND_IN / "core.cpp"), str(CUBE / "startup_stm32h743xx.s"))
    objects = sorted(str(path) for path in (project / "objects").glob("*.o"))
    link = ("-nostartfiles", "--specs=nano.specs", "--specs=nosys.specs", "-Wl,--gc-sections")
    flags = (
        "arm-none-eabi-gcc",
        *CPP[1:],
        *core,
        "-mthumb",
        "-O2",
        *link,
        "-T",
        str(tmp_path / "sketch.ld"),
    )
    process.run(Command((*flags, *sources, *objects, "-o", str(elf))))
    address, content = flat_image(read_elf(elf).segments)
    elf.with_suffix(".bin").write_bytes(content)
    image = image_of(elf, ((address, elf.with_suffix(".bin")),), board, "arduino")
    graph = api.load(DIGITS)
    samples = api.samples_of(graph, limit=2).inputs
    run = simulator_of("unicorn").run(image, board, samples)
    shapes = [graph.tensors[index].shape for index in graph.outputs]
    verify(
        graph,
        samples,
        [tuple(a.reshape(s) for a, s in zip(out, shapes, strict=True)) for out in run.outputs],
    )
    assert len(run.layers) == len(api.plan(graph, board).plan.steps)
