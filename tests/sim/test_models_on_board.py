"""Profile and verify with whole models: the emulated board over a pty, QEMU over its UART."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.running.served import served
from tests.support.values.plans import planned_on
from tinyml import api
from tinyml.backends.simulators import Qemu, _pty_path
from tinyml.base import process
from tinyml.base.elf import read_elf
from tinyml.base.errors import MismatchError
from tinyml.codegen.generate import generate
from tinyml.device.link import PipeLink
from tinyml.measure import onboard
from tinyml.project.build import build as build_project
from tinyml.project.create import create
from tinyml.target.boards import load_board

pytestmark = [
    pytest.mark.sim,
    pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows"),
]

ROOT = Path(__file__).parents[2]
MODELS = {
    "digits": ROOT / "examples" / "digits" / "digits.tflite",
    "kws": ROOT / "tests" / "models" / "kws_ref_model.tflite",
}
BOARDS = [
    pytest.param("nucleo_l4r5zi", id="pty"),
    pytest.param("stm32f405", id="qemu", marks=pytest.mark.qemu),
]
BROKEN = "firmware/kernels/dsp/fully_connected_s8.h"  # the second half of a word is read wrongly
RIGHT, WRONG = "sxtb16 r5, r4, ror #8", "sxtb16 r5, r4, ror #16"


@contextmanager
def running(built: api.Built, board: str) -> Iterator[str]:
    """The port of a board that runs the build: on QEMU where the board's file names a machine."""
    target = load_board(board)
    if "qemu_machine" not in target.options.get("simulator", {}):
        with served(read_elf(built.linked().elf), target) as path:
            yield path
        return
    with process.running(Qemu().command(built.linked(), target)) as (stdin, stdout):
        yield _pty_path(PipeLink("qemu", stdin, stdout))


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("model", MODELS)
def test_profile_verify_and_a_broken_kernel(model: str, board: str, tmp_path: Path) -> None:
    path = MODELS[model]
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the checkout")
    target = load_board(board)
    built = api.build(path, target, api.Settings(directory=tmp_path))
    feed = api.samples_of(built.plan.graph, None, 2)
    with running(built, board) as port:
        client = onboard.connect_build(built, port)
        measured = onboard.profile_build(built, client, feed, runs=2, warmup=1)
        found = onboard.verify_build(built, client, feed)
        client.close()
    run = measured.report.run
    assert run is not None
    assert run["equal_to_reference"] == 2
    assert len(run["predicted"]["layers"]) == len(built.plan.steps)
    assert found.samples == 2
    with running(with_broken_kernel(built, board), board) as port:
        client = onboard.connect_build(built, port)
        with pytest.raises(MismatchError) as caught:
            onboard.verify_build(built, client, feed)
        client.close()
    (layer,) = (
        step
        for step in built.plan.steps
        if step.call is not None and "fully_connected" in step.call.function
    )
    assert layer.call is not None
    number = built.plan.steps.index(layer)
    text = str(caught.value)
    assert f"the first layer that differs is layer {number}, FULLY_CONNECTED '" in text
    assert f"', kernel {layer.call.function}" in text


def with_broken_kernel(built: api.Built, board: str) -> api.Built:
    """The same firmware, compiled with a wrong instruction in one kernel."""
    target = load_board(board)
    folder = built.directory / "broken"
    template = target.backends["template"]
    project = create(
        planned_on(built.plan, target, template), generate(built.plan, target), folder / "project"
    )
    header = project.directory / BROKEN
    text = header.read_text()
    assert text.count(RIGHT) == 1
    header.write_text(text.replace(RIGHT, WRONG))
    # The compiler's fault, not ours: the firmware says that it is the build.
    (config,) = project.directory.rglob("tml_config.h")
    said = config.read_text()
    assert said.count(project.fingerprint) == 1
    config.write_text(said.replace(project.fingerprint, built.report.fingerprint))
    return replace(built, image=build_project(project, None, folder))
