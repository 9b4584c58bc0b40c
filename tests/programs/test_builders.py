"""Projects that a vendor's tools build: where files go, what runs, what is said when it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.running.cli import run_tinyml
from tests.support.running.images import esp_partitions
from tests.support.values.plans import MODEL_BYTES, TEMPLATE, planned_on, sine_plan
from tests.support.values.small_boards import board_of
from tinyml import api
from tinyml.backends import builder_of
from tinyml.backends.builders import contained
from tinyml.base.errors import BoardError, BuildError, ToolMissing
from tinyml.base.registry import names_of
from tinyml.codegen.generate import generate
from tinyml.measure.builds import open_build
from tinyml.plan.values import Plan
from tinyml.project.build import build
from tinyml.project.create import Template, create, load_template
from tinyml.project.settings import resolve
from tinyml.target.libraries import with_libraries
from tinyml.values.image import load_image
from tinyml.values.project import Project

ROOT = Path(__file__).parents[2]
VENDOR = str(ROOT / "tests" / "support" / "stand_ins" / "vendor_template")
MODEL = str(ROOT / "examples" / "digits" / "digits.tflite")
DOCKER = "https://docs.docker.com/engine/install"
EXPORT = "https://docs.espressif.com/projects/esp-idf, then run its export script"

# What ESP-IDF leaves behind, without ESP-IDF.
IDF = """\
#!{python}
import json, os, pathlib, shutil, sys
assert sys.argv[1:] == ["build"], sys.argv
if os.environ.get("FAKE_IDF_FAILS"):
    sys.exit("main.c:1: error: expected ';'")
build = pathlib.Path("build")
build.mkdir(exist_ok=True)
(build / "bootloader.bin").write_bytes(b"boot")
(build / "app.bin").write_bytes(b"application")
shutil.copy({elf!r}, build / "app.elf")
files = {{"0x10000": "app.bin", "0x0": "bootloader.bin"}}
if os.environ.get("FAKE_IDF_TABLE"):
    shutil.copy(os.environ["FAKE_IDF_TABLE"], build / "table.bin")
    files["0x8000"] = "table.bin"
(build / "flasher_args.json").write_text(json.dumps({{"flash_files": files}}))
(build / "project_description.json").write_text(
    json.dumps({{"app_elf": "app.elf", "app_bin": "app.bin", "git_revision": "v5.5.1"}}))
"""


def make(dest: Path, template: str = VENDOR) -> Project:
    plan, board = sine_plan(), board_of()
    return create(
        planned_on(plan, board, template), generate(plan, board, model_bytes=MODEL_BYTES), dest
    )


@pytest.fixture
def idf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program idf.py on PATH."""
    image = build(make(tmp_path / "elf" / "project", TEMPLATE), "zig", tmp_path / "elf")
    program = tmp_path / "bin" / "idf.py"
    program.parent.mkdir()
    program.write_text(IDF.format(python=sys.executable, elf=str(image.elf)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


def test_the_layout_of_a_template(tmp_path: Path) -> None:
    project = make(tmp_path)
    component = tmp_path / "components" / "sine"
    assert project.sources == (
        "components/sine/sine.c",
        "components/sine/sine_weights.c",
        "components/sine/firmware/port/host/host.c",
    )
    assert project.include_dirs == ("components/sine", "components/sine/firmware")
    assert (component / "tml.h").is_file()
    assert (component / "firmware" / "kernels" / "fully_connected" / "s8.h").is_file()
    assert not (component / "firmware" / "include").exists()
    assert (tmp_path / "main" / "sine_main.c").read_text() == '#include "sine.h"\n'
    assert (component / "CMakeLists.txt").read_text() == (
        "idf_component_register(\n"
        "    SRCS sine.c sine_weights.c firmware/port/host/host.c\n"
        "    INCLUDE_DIRS . firmware\n"
        ")\n"
        "# tinyml build sine.tflite --board testboard --optimize speed\n"
    )


def test_files_named_after_the_model_may_be_the_users_own(tmp_path: Path) -> None:
    make(tmp_path)
    mine = tmp_path / "main" / "sine_main.c"
    mine.write_text("/* mine */\n")
    make(tmp_path)
    assert mine.read_text() == "/* mine */\n"


def test_the_longest_folder_of_a_layout_decides() -> None:
    layout = {"firmware": "src", "firmware/include": "inc", "model": "."}
    template = Template(Path(), "t", "library", (), (), "", (), (), layout)
    assert template.place("firmware/kernels/add/s8.h") == "src/kernels/add/s8.h"
    assert template.place("firmware/include/tml.h") == "inc/tml.h"
    assert template.place("firmware/included/x.h") == "src/included/x.h"
    assert template.place("firmware") == "src"
    assert template.place("model/sine.c") == "sine.c"
    assert template.place("model") == "."
    assert load_template("library").place("model/sine.c") == "model/sine.c"


def test_idf_builds_the_project(tmp_path: Path, idf: None) -> None:
    project = make(tmp_path / "project")
    image = build(project, "esp_idf", tmp_path)
    assert image.toolchain == "esp_idf 5.5.1"
    assert image.elf == project.directory / "build" / "app.elf"
    assert [(start, file.read_bytes()) for start, file in image.segments] == [
        (0x0, b"boot"),
        (0x10000, b"application"),
    ]
    assert image.flash_bytes == len(b"application")
    assert "sine_invoke" in {name for name, _, _ in image.symbols}
    assert load_image(tmp_path / "image.json") == image


def test_what_is_larger_than_its_partition_is_no_build(
    tmp_path: Path, idf: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build was said to fit whose application was larger than its own partitions.csv allows."""
    table = tmp_path / "table.bin"
    monkeypatch.setenv("FAKE_IDF_TABLE", str(table))
    table.write_bytes(esp_partitions(("factory", 0, 0x10000, 10)))
    with pytest.raises(BuildError, match=r"app\.bin has 11 bytes, its partition 'factory' 10"):
        build(make(tmp_path / "project"), "esp_idf", tmp_path)
    assert not (tmp_path / "image.json").exists()


def functions(plan: Plan) -> list[str]:
    return [step.call.function for step in plan.steps if step.call]


@pytest.mark.parametrize("kernels", [(), ("esp_nn",)], ids=["own", "esp_nn"])
def test_a_build_opens_again_with_the_kernels_it_was_made_with(
    kernels: tuple[str, ...], tmp_path: Path, idf: None
) -> None:
    board = with_libraries(api.load_board("esp32s3"), kernels)
    built = api.build(Path(MODEL), board, api.Settings(directory=tmp_path / "b"))
    opened = open_build(tmp_path / "b")
    assert opened.image == built.image
    assert opened.board.libraries == kernels
    assert functions(opened.plan) == functions(api.plan(MODEL, board).plan)


def test_what_idf_says_when_it_fails(
    tmp_path: Path, idf: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_IDF_FAILS", "1")
    with pytest.raises(BuildError) as caught:
        build(make(tmp_path / "project"), "esp_idf", tmp_path)
    assert "main.c:1: error: expected ';'" in caught.value.message
    assert "idf.py build" in str(caught.value.hint)
    assert not (tmp_path / "image.json").exists()


@pytest.mark.parametrize("damage", ["{", "[]", '{"git_revision": "v5"}'])
def test_what_idf_leaves_is_checked(tmp_path: Path, idf: None, damage: str) -> None:
    project = make(tmp_path / "project")
    build(project, "esp_idf", tmp_path)
    (project.directory / "build" / "project_description.json").write_text(damage)
    with pytest.raises(BuildError, match="did not leave what was expected"):
        builder_of("esp_idf").image(project)


def test_without_idf_the_message_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    project = make(tmp_path / "project")
    container = contained(builder_of("esp_idf"), project)[0].argv
    with pytest.raises(ToolMissing) as caught:
        build(project, "esp_idf", tmp_path)
    assert caught.value.message == (
        "the project is complete, but was not built: the program 'idf.py' is not there or not on "
        "PATH"
    )
    assert str(caught.value.hint).splitlines() == [
        f"install ESP-IDF 5.1 or later ({EXPORT}), then the same again, or",
        f"  (cd {project.directory} && idf.py build)",
        f"with Docker instead ({DOCKER}): the same again with --docker, or",
        f"  (cd {project.directory} && {' '.join(container)})",
    ]
    with pytest.raises(ToolMissing, match="'docker' is not there"):
        build(project, "esp_idf", tmp_path, container=True)


def test_docker_that_does_not_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho Cannot connect to the Docker daemon. >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(ToolMissing) as caught:
        build(make(tmp_path / "project"), "esp_idf", tmp_path, container=True)
    assert caught.value.message == (
        "the project is complete, but was not built: Docker does not work: "
        "Cannot connect to the Docker daemon."
    )


def test_the_container_sees_the_project_only(tmp_path: Path) -> None:
    argv = contained(builder_of("esp_idf"), make(tmp_path))[0].argv
    assert argv[:7] == ("docker", "run", "--rm", "-v", f"{tmp_path}:/project", "-w", "/project")
    assert argv[-3:] == ("espressif/idf:v5.5", "idf.py", "build")


@pytest.mark.parametrize(("template", "toolchain"), [(TEMPLATE, "esp_idf"), ("esp_idf", "zig")])
def test_toolchains_and_templates_that_do_not_go_together(template: str, toolchain: str) -> None:
    """Said before a file is written."""
    board = api.load_board("esp32s3" if template == "esp_idf" else "nucleo_l4r5zi")
    settings = api.Settings(template=template, toolchain=toolchain)
    with pytest.raises(BoardError, match=f"'{toolchain}' cannot build a project of the template"):
        resolve(board, settings)


def test_a_compiler_has_no_container(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="there is no container image for 'zig'"):
        build(make(tmp_path / "c", TEMPLATE), "zig", tmp_path, container=True)


@pytest.mark.parametrize("name", names_of("builders"))
def test_every_builder_says_what_it_needs(name: str, tmp_path: Path) -> None:
    builder, project = builder_of(name), make(tmp_path)
    assert builder.name == name
    assert builder.title
    assert builder.requires
    for command in builder.commands(project):
        assert command.argv[0] in builder.requires
        assert command.cwd == project.directory
        assert command.message


def tinyml(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_tinyml(*arguments, cwd=cwd, env={**os.environ, "PATH": "/nowhere"})


def test_a_missing_toolchain_leaves_project_and_report(tmp_path: Path) -> None:
    arguments = ("build", MODEL, "--board", "esp32c3", "--template", VENDOR)
    result = tinyml(*arguments, cwd=tmp_path)
    assert result.returncode == 3, result.stderr
    made = tmp_path / "build" / "digits-esp32c3-vendor_template"
    assert (made / "project" / "components" / "digits" / "digits.c").is_file()
    report = json.loads((made / "report.json").read_text())
    assert report["toolchain"] is None
    assert report["memory"][0]["predicted_bytes"] > 0
    assert report["command"].endswith(f"--template {VENDOR}")
    assert "wrote build/digits-esp32c3-vendor_template/project" in result.stdout
    assert "error: the project is complete, but was not built" in result.stderr
    assert "idf.py build)" in result.stderr
    assert tinyml(*arguments, "--project-only", cwd=tmp_path).returncode == 0


def test_what_is_not_built_cannot_be_simulated(tmp_path: Path) -> None:
    arguments = ("--board", "esp32c3", "--template", VENDOR)
    assert tinyml("build", MODEL, *arguments, cwd=tmp_path).returncode == 3
    result = tinyml("flash", "--board", "esp32c3", cwd=tmp_path)
    assert result.returncode == 1
    assert "there is no build in build/*-esp32c3" in result.stderr
