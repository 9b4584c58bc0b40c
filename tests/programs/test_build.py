from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.values.plans import MODEL_BYTES, TEMPLATE, planned_on, sine_plan
from tests.support.values.small_boards import board_of
from tinyml.backends.protocols import Toolchain
from tinyml.backends.toolchains import arm_gcc, zig
from tinyml.base import process
from tinyml.base.elf import read_elf
from tinyml.base.errors import BuildError
from tinyml.codegen.generate import generate
from tinyml.project.build import build
from tinyml.project.create import create
from tinyml.values.image import Image, load_image
from tinyml.values.project import Project


def make(folder: Path, optimize: str = "speed", core: str = "cortex-m4") -> Project:
    plan, board = sine_plan(optimize=optimize), board_of(core)
    sources = generate(plan, board, model_bytes=MODEL_BYTES)
    return create(planned_on(plan, board, TEMPLATE), sources, folder / "project")


def built(folder: Path, toolchain: str, optimize: str = "speed", core: str = "cortex-m4") -> Image:
    return build(make(folder, optimize, core), toolchain, folder)


@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_zig_image(tmp_path: Path, optimize: str) -> None:
    image = built(tmp_path, "zig", optimize)
    assert 500 < image.flash_bytes < 8000
    assert image.ram_bytes >= 32 + 2048
    assert {item.region for item in image.sections} == {"flash", "sram"}
    names = {name for name, _, _ in image.symbols}
    assert {"main", "sine_invoke", "sine_l0_weights"} <= names
    assert ("run_fully_connected_s8" in names) == (optimize == "size")
    assert "sine_model" not in names, "the descriptor must be dropped when nobody uses it"
    assert (tmp_path / "firmware.bin").stat().st_size == image.flash_bytes
    assert (tmp_path / "firmware.hex").read_text().endswith(":00000001FF\n")
    assert load_image(tmp_path / "image.json") == image


@pytest.mark.arm_gcc
def test_arm_gcc_image(tmp_path: Path) -> None:
    image = built(tmp_path, "arm_gcc")
    assert image.toolchain.startswith("arm_gcc ")
    assert 500 < image.flash_bytes < 8000


@pytest.mark.slow
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_zig_builds_for_every_core(tmp_path: Path, core: str) -> None:
    assert built(tmp_path, "zig", core=core).flash_bytes > 500


@pytest.mark.parametrize(
    "chain", [zig, pytest.param(arm_gcc, marks=pytest.mark.arm_gcc)], ids=["zig", "arm_gcc"]
)
def test_the_same_objects_from_any_folder(tmp_path: Path, chain: Callable[[], Toolchain]) -> None:
    """Therefore one project may take another's, and the same image comes of both."""
    projects = [make(tmp_path / name) for name in ("a", "b")]
    for source in projects[0].sources:
        made = [tmp_path / "a.o", tmp_path / "b.o"]
        for project, path in zip(projects, made, strict=True):
            process.run(chain().compile(project, source, path))
        assert made[0].read_bytes() == made[1].read_bytes(), source


def test_only_what_changed_is_compiled_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = make(tmp_path)
    build(project, "zig", tmp_path)
    before = {path.name for path in (tmp_path / "objects").iterdir()}
    header = project.directory / "firmware" / "include" / "tml_fixedpoint.h"
    header.write_text(header.read_text() + "\n/* changed */\n")
    build(project, "zig", tmp_path)
    after = {path.name for path in (tmp_path / "objects").iterdir()}
    assert [name.split("-")[0] for name in before - after] == ["model_sine"]
    caplog.clear()
    with caplog.at_level(logging.INFO, "tinyml"):
        build(project, "zig", tmp_path)
    assert caplog.messages == []


def test_objects_of_another_project_are_taken_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    projects = [make(tmp_path / name) for name in ("a", "b")]
    for project in projects:
        main = project.directory / "main.c"
        main.write_text(main.read_text() + f"/* {tmp_path} */\n")  # as nobody before
    with caplog.at_level(logging.INFO, "tinyml"):
        first = build(projects[0], "zig", tmp_path / "a")
        assert [text for text in caplog.messages if "-c main.c" in text]
        caplog.clear()
        second = build(projects[1], "zig", tmp_path / "b")
        assert not [text for text in caplog.messages if " -c " in text]
    assert first.elf.read_bytes() == second.elf.read_bytes()


def test_a_compiler_error_is_shown(tmp_path: Path) -> None:
    project = make(tmp_path)
    (project.directory / "main.c").write_text("int main(void) { return nonsense; }\n")
    with pytest.raises(BuildError) as caught:
        build(project, "zig", tmp_path)
    assert "compiling main.c" in caught.value.message
    assert "undeclared identifier 'nonsense'" in caught.value.message
    assert not list((tmp_path / "objects").glob("main-*"))


def test_an_image_that_does_not_fit_is_a_build_error(tmp_path: Path) -> None:
    project = make(tmp_path)
    script = project.directory / "linker.ld"
    script.write_text(script.read_text().replace("LENGTH = 524288", "LENGTH = 256"))
    with pytest.raises(BuildError, match="will not fit in region"):
        build(project, "zig", tmp_path)
    assert not (tmp_path / "firmware.elf").exists()


def test_a_linked_elf_reads_back(tmp_path: Path) -> None:
    elf = read_elf(built(tmp_path, "zig").elf)
    entry = elf.symbol("Reset_Handler")
    assert entry is not None
    assert (elf.machine, elf.entry, entry.kind) == (40, entry.address, "function")
    assert [item.name for item in elf.functions()[:2]] == ["main", "Reset_Handler"]
    assert {item.name: item.is_loaded for item in elf.sections} == {".text": True, ".bss": False}


def test_an_image_description_of_another_format(tmp_path: Path) -> None:
    (tmp_path / "image.json").write_text('{"format": 99}')
    with pytest.raises(BuildError, match="format 99, this version reads 2"):
        load_image(tmp_path / "image.json")
    (tmp_path / "image.json").write_text("[")
    with pytest.raises(BuildError, match="not an image description"):
        load_image(tmp_path / "image.json")
