"""The project with TFLM: as text, its glue against a stand-in of the API, built by CMake, run."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.running.tflm_tree import (
    API,
    COMPANIONS,
    TEMPLATE,
    sine_file,
    stand_in_tree,
    tflm_project,
)
from tests.support.values.projects import golden_text, listing
from tinyml import api
from tinyml.backends import simulator_of
from tinyml.backends.builders.cmake import CMake
from tinyml.base import resources
from tinyml.base.errors import BuildError, TinymlError
from tinyml.project.build import build
from tinyml.target.boards import load_board
from tinyml.target.template import load_template
from tinyml.tflm.table import sources

MACROS = ("-DMODEL=sine_model", "-DINIT=sine_init", "-DINVOKE=sine_invoke")
WARNINGS = ("-std=c++17", "-Wall", "-Wextra", "-Wshadow", "-Werror")
ARM = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")


def has_arm_libstdcxx() -> bool:
    """Whether arm-none-eabi-g++ has a C++ library."""
    program = shutil.which("arm-none-eabi-g++")
    if program is None:
        return False
    probe = [program, *ARM, "-x", "c++", "-fsyntax-only", "-include", "new", "/dev/null"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


needs_arm = pytest.mark.skipif(
    not has_arm_libstdcxx(),
    reason="arm-none-eabi-g++ or its C++ library (libstdc++-arm-none-eabi-newlib) is missing",
)
needs_host = pytest.mark.skipif(shutil.which("c++") is None, reason="c++ is not on PATH")


def includes(project: Path) -> tuple[str, ...]:
    firmware = project / "tinyml" / "firmware"
    folders = (API, project / "tinyml" / "model", firmware, firmware / "include")
    return tuple(f"-I{folder}" for folder in folders)


def test_project_as_text(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    project = tflm_project(tmp_path)
    golden(f"projects/{TEMPLATE}/files.txt", listing(tmp_path))
    made = (name for _, name in load_template(TEMPLATE).files)
    for name in (*made, "tinyml/model/sine.h", "tinyml/model/sine.cpp"):
        golden(f"projects/{TEMPLATE}/{name}", golden_text(project, name))


def test_regenerating_leaves_the_users_files_alone(tmp_path: Path) -> None:
    project = tflm_project(tmp_path)
    for name in ("main.c", "CMakeLists.txt", "sensor.c"):
        (tmp_path / name).write_text("mine\n")
    (tmp_path / "tinyml/model/sine.cpp").write_text("damaged\n")
    assert tflm_project(tmp_path) == project
    for name in ("main.c", "CMakeLists.txt", "sensor.c"):
        assert (tmp_path / name).read_text() == "mine\n"
    assert "sine_invoke" in (tmp_path / "tinyml/model/sine.cpp").read_text()


def test_without_the_agent_nothing_of_it_is_there(tmp_path: Path) -> None:
    tflm_project(tmp_path, agent=False)
    assert not list(tmp_path.rglob("tml_agent*"))


def test_the_array_is_the_model_file(tmp_path: Path) -> None:
    tflm_project(tmp_path)
    text = (tmp_path / "tinyml/model/sine_tflite.c").read_text()
    assert "_Alignas(16) const uint8_t sine_tflite" in text
    numbers = text[text.index("{") + 1 : text.rindex("}")].replace("\n", "").split(",")
    assert bytes(int(number) for number in numbers if number.strip()) == sine_file().data


def test_templates_and_runtimes_that_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(TinymlError, match="'baremetal' is for the runtime 'aot'") as caught:
        tflm_project(tmp_path, template="baremetal")
    assert "give --runtime aot" in str(caught.value.hint)
    settings = api.Settings(template=TEMPLATE, directory=tmp_path, project_only=True)
    model = tmp_path / "sine.tflite"
    model.write_bytes(sine_file().data)
    with pytest.raises(TinymlError, match="'cmake_tflm' is for the runtime 'tflm'"):
        api.build(model, load_board("nucleo_f446re"), settings)
    assert not (tmp_path / "project").exists()


@needs_arm
@pytest.mark.parametrize("agent", [True, False])
def test_the_glue_compiles_for_arm_without_a_warning(tmp_path: Path, agent: bool) -> None:
    project = tflm_project(tmp_path, agent=agent)
    defines = [f"-D{name}={value}" for name, value in project.defines]
    files = [tmp_path / name for name in project.sources if name.endswith(".cpp")]
    assert {path.name for path in files} == {"sine.cpp", "tml_tflm_log.cpp"}
    for path in files:
        flags = ("-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics", "-O2", "-c", "-o")
        command = ["arm-none-eabi-g++", *ARM, *WARNINGS, *defines, *includes(tmp_path), *flags]
        done = subprocess.run(
            [*command, str(tmp_path / "out.o"), str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        symbols = subprocess.run(
            ["arm-none-eabi-objdump", "-h", str(tmp_path / "out.o")],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert ".init_array" not in symbols, "a constructor would run before main"


@needs_host
def test_the_glue_on_this_machine(tmp_path: Path) -> None:
    tflm_project(tmp_path)
    model, firmware = tmp_path / "tinyml" / "model", tmp_path / "tinyml" / "firmware"
    sources = (
        model / "sine.cpp",
        firmware / "tflm" / "tml_tflm_log.cpp",
        API / "interpreter.cc",
        API / "check_glue.cpp",
    )
    array = subprocess.run(
        ["cc", "-std=c11", "-c", str(model / "sine_tflite.c"), "-o", str(tmp_path / "array.o")],
        check=True,
    )
    assert array.returncode == 0
    command = ["c++", *WARNINGS, *MACROS, '-DMODEL_HEADER="sine.h"', "-DTML_PROFILE=1"]
    command += [*includes(tmp_path), *map(str, sources), str(tmp_path / "array.o")]
    subprocess.run([*command, "-o", str(tmp_path / "check")], check=True)
    done = subprocess.run([str(tmp_path / "check")], capture_output=True, text=True, check=True)
    assert done.stdout.replace("\r", "").splitlines() == [
        "schema -1",
        "arena -3",
        "moved -4",
        "moved back -4",
        "ready 0",
        "layers 2 of 2",
        "stopped after 1",
        "again 2",
        "tflm: Node CONV_2D (number 3) failed with -7: 1.250 0xff",
        "tflm: next x%",
    ]


@needs_arm
@pytest.mark.cmake
@pytest.mark.sim
def test_cmake_builds_it_and_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in's outputs are the bytes of its input; all around it is real."""
    project = tflm_project(tmp_path / "project")
    include = project.directory / "tinyml" / "firmware" / "include"
    monkeypatch.setenv("TFLM_DIR", str(stand_in_tree(tmp_path)))
    monkeypatch.setenv("CXXFLAGS", f"-DMODEL=sine_model -I{include}")
    image = build(project, "cmake", tmp_path)
    assert image.toolchain.startswith("cmake ")
    assert image.segments[0][0] == project.board.region("flash").base
    samples = tuple((np.array([[value]], np.int8),) for value in (-128, 5, 127))
    run = simulator_of("unicorn").run(image, project.board, samples)
    assert [int(outputs[0].ravel()[0]) for outputs in run.outputs] == [-128, 5, 127]
    assert len(run.layers) == 2


@needs_arm
@pytest.mark.cmake
def test_a_tree_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tflm_project(tmp_path / "project")
    monkeypatch.setenv("TFLM_DIR", str(tmp_path))
    with pytest.raises(BuildError, match=r"TFLM_DIR is\s+'.*',\s+but\s+there\s+is\s+no"):
        build(project, "cmake", tmp_path)


@needs_arm
@pytest.mark.cmake
def test_sources_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives were unpacked without a look at their hash; a commit's id is one of its content."""
    project = tflm_project(tmp_path / "project")
    monkeypatch.delenv("TFLM_DIR", raising=False)
    include = project.directory / "tinyml" / "firmware" / "include"
    monkeypatch.setenv("CXXFLAGS", f"-DMODEL=sine_model -I{include}")
    trees = {"TFLM": stand_in_tree(tmp_path)}
    trees |= {name: tmp_path / folder for name, (folder, _) in COMPANIONS.items()}
    recipe = project.directory / "cmake" / "tflm.cmake"
    text = recipe.read_text(encoding="utf-8")
    for pin in sources()["pins"]:
        tree = tmp_path / f"{pin['name']}.git"
        shutil.copytree(trees[pin["name"]], tree)
        repository, commit = pin["url"].removesuffix(".tar.gz").split("/archive/")
        text = text.replace(f"{repository}.git", tree.as_uri()).replace(commit, committed(tree))
    wrong = re.sub(r"[0-9a-f]{40}", lambda found: found[0][::-1], text, count=1)
    recipe.write_text(wrong, encoding="utf-8")
    with pytest.raises(BuildError, match=r"cannot\s+be\s+fetched"):
        build(project, "cmake", tmp_path)
    recipe.write_text(text, encoding="utf-8")
    build(project, "cmake", tmp_path)
    for pin in sources()["pins"]:
        shutil.rmtree(tmp_path / f"{pin['name']}.git")
    build(project, "cmake", tmp_path)


def committed(tree: Path) -> str:
    """Makes a Git repository of a folder; returns the commit's id."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    for argv in (("init", "-q"), ("add", "-A", "-f"), (*who, "commit", "-q", "-m", "all")):
        subprocess.run(["git", *argv], cwd=tree, check=True, capture_output=True)
    said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tree, check=True, capture_output=True)
    return said.stdout.decode().strip()


@needs_arm
@pytest.mark.cmake
def test_what_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tflm_project(tmp_path / "project")
    monkeypatch.delenv("TFLM_DIR", raising=False)
    include = project.directory / "tinyml" / "firmware" / "include"
    monkeypatch.setenv("CXXFLAGS", f"-DMODEL=sine_model -I{include}")
    recipe = project.directory / "cmake" / "tflm.cmake"
    repository = sources()["pins"][0]["url"].split("/archive/")[0] + ".git"
    text = recipe.read_text(encoding="utf-8").replace(repository, (tmp_path / "none").as_uri())
    recipe.write_text(text, encoding="utf-8")
    with pytest.raises(BuildError, match=r"cannot\s+be\s+fetched") as caught:
        build(project, "cmake", tmp_path)
    assert "-DTFLM_DIR=" in caught.value.message
    monkeypatch.setenv("TFLM_DIR", str(stand_in_tree(tmp_path)))  # from now on it is there
    assert build(project, "cmake", tmp_path).elf.is_file()


def test_the_commands_are_those_of_the_readme(tmp_path: Path) -> None:
    project = tflm_project(tmp_path)
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    lines = [" ".join(command.argv) for command in CMake().commands(project)]
    assert lines == ["cmake --preset Release", "cmake --build --preset Release"]
    assert "\n".join(f"    {line}" for line in lines) in readme


def test_the_boards_with_our_port_have_the_template() -> None:
    for path in resources.path("boards").glob("*.toml"):
        board = load_board(path)
        if "cmake" in board.templates:
            assert TEMPLATE in board.templates, board.name
