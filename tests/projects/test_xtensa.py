"""The ESP32-S3 project on an emulated Xtensa core: outputs equal to the reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.esp_nn import STAND_IN
from tests.support.xtensa import build_project, emulate
from tinyml import api, process
from tinyml.backends.base import Project
from tinyml.codegen.generate import generate
from tinyml.device.agent import AgentClient
from tinyml.device.link import PipeLink
from tinyml.profile import profile
from tinyml.project import create

DIGITS = Path(__file__).parents[2] / "examples" / "digits"

pytestmark = [pytest.mark.xtensa, pytest.mark.sim]


@pytest.mark.parametrize("kernels", [(), ("esp_nn",)], ids=["own", "esp_nn"])
def test_the_digits_on_xtensa(kernels: tuple[str, ...], tmp_path: Path) -> None:
    board = api.with_libraries(api.load_board("esp32s3"), kernels)
    plan = api.plan(api.load(DIGITS / "digits.tflite"), board)
    project: Project = create(plan, generate(plan, board), board, "esp_idf", tmp_path / "p")
    folder = tmp_path / "o"
    folder.mkdir()
    program = build_project(project, folder, [STAND_IN / "esp_nn.c"] if kernels else [])
    samples = api.samples_of(plan.graph, DIGITS / "test.npz", 5).inputs
    with process.running(emulate(program)) as (stdin, stdout):
        run = profile(AgentClient(PipeLink("qemu", stdin, stdout)), board.name, samples)
    api.verify(plan.graph, samples, run.outputs)
    assert len(run.layers) == len(plan.steps)
