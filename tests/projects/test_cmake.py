"""The cmake project: configured and built by CMake, its image runs like zig's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.values.projects import make_project
from tinyml import api
from tinyml.backends import simulator_of
from tinyml.base import process
from tinyml.base.elf import flat_image, read_elf
from tinyml.base.process import Command
from tinyml.evaluate.verification import verify
from tinyml.project.pipeline import build_plan
from tinyml.values.image import image_of

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
PRESET_KEYS = {"name", "hidden", "generator", "binaryDir", "toolchainFile", "inherits"}


def cmake(folder: Path, preset: str = "Release") -> Path:
    """Configures and builds as the README says; returns the folder with the results."""
    process.run(Command(("cmake", "--preset", preset), folder))
    process.run(Command(("cmake", "--build", "--preset", preset), folder))
    return folder / "build" / preset


def test_presets_are_what_cmake_documents(tmp_path: Path) -> None:
    make_project("cmake", tmp_path)
    presets = json.loads((tmp_path / "CMakePresets.json").read_text())
    assert presets["version"] == 3
    assert set(presets) == {"version", "cmakeMinimumRequired", "configurePresets", "buildPresets"}
    for item in presets["configurePresets"]:
        assert set(item) <= {*PRESET_KEYS, "cacheVariables"}
    names = {item["name"] for item in presets["configurePresets"] if not item.get("hidden")}
    assert names == {"Debug", "Release"}
    assert {item["configurePreset"] for item in presets["buildPresets"]} == names


@pytest.mark.cmake
@pytest.mark.sim
def test_the_same_outputs_as_zig(tmp_path: Path) -> None:
    board = api.load_board("nucleo_l4r5zi")
    plan = api.plan(api.load(DIGITS / "digits.tflite"), board).plan
    settings = api.Settings(toolchain="zig", directory=tmp_path, template="cmake")
    built = build_plan(plan, board, settings)
    samples = api.samples_of(plan.graph, DIGITS / "test.npz", 3).inputs
    wanted = api.simulate(built, samples)
    made = cmake(tmp_path / "project")
    address, content = flat_image(read_elf(made / "firmware.elf").segments)
    assert (made / "firmware.bin").read_bytes() == content
    image = image_of(made / "firmware.elf", ((address, made / "firmware.bin"),), board, "cmake")
    found = simulator_of("unicorn").run(image, board, samples)
    assert [[list(array.ravel()) for array in item] for item in found.outputs] == [
        [list(array.ravel()) for array in item] for item in wanted.outputs
    ]
    verify(plan.reference_graph, samples, api.simulate(built, samples).outputs)


@pytest.mark.cmake
@pytest.mark.parametrize(
    ("board", "agent"), [("rpi_pico", True), ("nucleo_h743zi2", False), ("nucleo_u575zi_q", True)]
)
def test_other_cores_build_without_a_warning(
    tmp_path: Path, board: str, agent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFLAGS", "-Werror")
    make_project("cmake", tmp_path, board=board, agent=agent)
    elf = read_elf(cmake(tmp_path, "Debug") / "firmware.elf")
    assert elf.symbol("Reset_Handler") is not None
