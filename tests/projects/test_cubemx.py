"""The folder for CubeMX, brought into a stand-in of its CMake project as the README says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.values.projects import make_project
from tinyml import api
from tinyml.backends import simulator_of
from tinyml.base import process
from tinyml.base.elf import flat_image, read_elf
from tinyml.base.process import Command
from tinyml.evaluate.verification import verify
from tinyml.target.limits import with_budgets
from tinyml.values.image import image_of

STAND_IN = Path(__file__).parents[1] / "support" / "stand_ins" / "cubemx"
DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"


def bring_in(folder: Path, readme: str) -> None:
    """Follows the README: its two CMake lines, its three marks in main.c."""
    lines = re.findall(r"^        (add_sub.*|target_link.*)$", readme, re.MULTILINE)
    assert len(lines) == 2
    cmake = folder / "CMakeLists.txt"
    cmake.write_text(cmake.read_text().replace("# @HERE@", "\n".join(lines)))
    main = folder / "Core" / "Src" / "main.c"
    text = main.read_text()
    marks = re.findall(r"^        (/\* USER CODE BEGIN \w+ \*/)\n +(.*)$", readme, re.MULTILINE)
    assert len(marks) == 3
    for mark, line in marks:
        assert mark in text
        text = text.replace(mark, f"{mark}\n{line}")
    main.write_text(text)


@pytest.mark.cmake
@pytest.mark.parametrize(("agent", "preset"), [(True, "Debug"), (False, "Release")])
def test_the_readme_brings_it_into_a_project(tmp_path: Path, agent: bool, preset: str) -> None:
    made, project = tmp_path / "made", tmp_path / "cube"
    make_project("cubemx", made, agent=agent)
    shutil.copytree(STAND_IN, project)
    shutil.copytree(made / "tinyml", project / "tinyml")
    bring_in(project, (made / "tinyml" / "README.md").read_text(encoding="utf-8"))
    process.run(Command(("cmake", "--preset", preset), project))
    process.run(Command(("cmake", "--build", "--preset", preset), project))
    elf = read_elf(project / "build" / preset / "stand_in.elf")
    for name in ("tinyml_app_init", "tinyml_app_poll", "sine_invoke"):
        assert elf.symbol(name) is not None
    assert (elf.symbol("tml_agent_poll") is not None) == agent


def test_it_takes_no_memory_that_cubemx_does_not_place(tmp_path: Path) -> None:
    make_project("cubemx", tmp_path)
    assert "section(" not in (tmp_path / "tinyml" / "model" / "sine.c").read_text()


@pytest.mark.cmake
@pytest.mark.sim
def test_its_agent_runs_the_model_through_the_hal(tmp_path: Path) -> None:
    board = with_budgets(api.load_board("nucleo_h743zi2"), template="cubemx")
    settings = api.Settings(directory=tmp_path / "made", template="cubemx")
    built = api.build(DIGITS, board, settings)
    project, folder = tmp_path / "cube", built.directory / "project" / "tinyml"
    shutil.copytree(STAND_IN, project)
    shutil.copytree(folder, project / "tinyml")
    bring_in(project, (folder / "README.md").read_text(encoding="utf-8"))
    process.run(Command(("cmake", "--preset", "Release"), project))
    process.run(Command(("cmake", "--build", "--preset", "Release"), project))
    elf = project / "build" / "Release" / "stand_in.elf"
    address, content = flat_image(read_elf(elf).segments)
    elf.with_suffix(".bin").write_bytes(content)
    image = image_of(elf, ((address, elf.with_suffix(".bin")),), board, "cubemx")
    samples = api.samples_of(built.plan.graph, limit=2).inputs
    run = simulator_of("unicorn").run(image, board, samples)
    shapes = [built.plan.graph.tensors[index].shape for index in built.plan.graph.outputs]
    outputs = [
        tuple(array.reshape(shape) for array, shape in zip(result, shapes, strict=True))
        for result in run.outputs
    ]
    verify(built.plan.reference_graph, samples, outputs)
    assert len(run.layers) == len(built.plan.steps)
