"""One model through every simulator: the emulated core, QEMU, this machine, and a serial client."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tinyml import api
from tinyml.backends import simulator_of
from tinyml.base.elf import read_elf
from tinyml.base.errors import ToolError
from tinyml.device.agent import AgentClient
from tinyml.device.link import SerialLink
from tinyml.device.profile import profile
from tinyml.evaluate.verification import verify
from tinyml.simulate.machine import Machine
from tinyml.simulate.pty import PtyServer
from tinyml.target.boards import load_board
from tinyml.values.image import Image

pytestmark = pytest.mark.sim

MODEL = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory):
    """Builds the digits example for a board, once."""
    done: dict[str, api.Built] = {}

    def make(board: str) -> api.Built:
        if board not in done:
            folder = tmp_path_factory.mktemp(board)
            done[board] = api.build(MODEL, load_board(board), api.Settings(directory=folder))
        return done[board]

    return make


def _samples(count: int):
    rng = np.random.default_rng(3)
    return tuple((rng.integers(-128, 128, (1, 8, 8, 1), np.int8),) for _ in range(count))


def _image(built: api.Built) -> Image:
    assert built.image is not None
    return built.image


@pytest.mark.parametrize(
    "board", ["nucleo_l4r5zi", "nucleo_g0b1re", "nucleo_u575zi_q", "nucleo_h743zi2", "rpi_pico"]
)
def test_unicorn(build, board):
    built, samples = build(board), _samples(3)
    run = simulator_of("unicorn").run(_image(built), load_board(board), samples)
    verify(built.plan.reference_graph, samples, run.outputs)
    assert run.is_estimate
    assert sum(layer.cycles for layer in run.layers) == run.total.cycles
    assert run.total.instructions is not None
    assert 80_000 < run.total.instructions < 2_000_000
    assert run.stack_bytes is not None
    assert 100 < run.stack_bytes < load_board(board).stack_bytes
    assert run.details["is_alignment_checked"]
    assert not run.log  # nothing had to be asked twice


@pytest.mark.qemu
def test_qemu_through_its_uart(build):
    board, samples = load_board("stm32f405"), _samples(2)
    built = build("stm32f405")
    run = simulator_of("qemu").run(_image(built), board, samples)
    verify(built.plan.reference_graph, samples, run.outputs)
    assert run.target == "qemu"


@pytest.mark.host_cc
def test_host(build):
    board, samples = load_board("nucleo_g0b1re"), _samples(2)
    built = build("nucleo_g0b1re")
    run = simulator_of("host").run(_image(built), board, samples)
    verify(built.plan.reference_graph, samples, run.outputs)
    assert not run.is_estimate


def test_qemu_knows_no_such_board(build):
    with pytest.raises(ToolError, match="no machine of QEMU") as caught:
        simulator_of("qemu").run(
            _image(build("nucleo_l4r5zi")), load_board("nucleo_l4r5zi"), _samples(1)
        )
    assert "unicorn" in (caught.value.hint or "")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")
def test_serial_client_on_the_pty(build):
    built, samples = build("nucleo_l4r5zi"), _samples(2)
    board = load_board("nucleo_l4r5zi")
    server = PtyServer(Machine(read_elf(_image(built).elf), board))
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            server.step()

    thread = threading.Thread(target=serve)
    thread.start()
    client = AgentClient(SerialLink(server.path, board.baud))
    try:
        run = profile(client, board.name, samples)
        assert client.model() == "digits"
    finally:
        is_over.set()
        thread.join()
        client.close()
        server.close()
    verify(built.plan.reference_graph, samples, run.outputs)
    assert run.target == f"serial {server.path}"
