"""A firmware that resets its chip: the emulated board boots again and is of use."""

from __future__ import annotations

import pytest

from tests.support.running.port_image import FAKE_MODEL, build_image
from tinyml.backends.toolchains import zig
from tinyml.device.agent import AgentClient
from tinyml.simulate.link import MemoryLink
from tinyml.simulate.machine import Machine
from tinyml.target.boards import load_board

pytestmark = pytest.mark.sim


@pytest.mark.parametrize("name", ["nucleo_l4r5zi", "nucleo_g0b1re", "rpi_pico"])
def test_reset_boot_time_and_first_inference(name, tmp_path):
    board = load_board(name)
    elf = build_image(board, zig(), FAKE_MODEL, tmp_path)
    client = AgentClient(MemoryLink(Machine(elf, board)))
    before = client.boot_time()
    assert before.first_cycles == 0
    client.load_input(0, bytes(40))
    client.load_input(1, bytes(4))
    client.infer()
    # Its code comes from flash for the first time, on an RP2040 over four wires.
    most = 15_000 if name == "rpi_pico" else 5000
    assert 1500 <= client.boot_time().first_cycles < most
    if board.chip.timer is None:
        assert 100 < before.ready_us < 100_000
    client.restart()
    assert client.boot_time() == before
    client.load_input(0, bytes(40))
    assert not client.infer().was_input_fresh  # one of two
    client.load_input(0, bytes(40))
    client.load_input(1, bytes(4))
    assert client.infer().was_input_fresh
