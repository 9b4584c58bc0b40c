"""The emulated board behind a link and behind a pseudo-terminal."""

from __future__ import annotations

import os
import sys

import pytest

from tests.support.running.served import served
from tinyml.base.errors import BoardError, SimulationFault
from tinyml.device.link import SerialLink
from tinyml.simulate.link import MemoryLink
from tinyml.simulate.machine import Machine

pytestmark = pytest.mark.sim

UART_BASE = 0x40011000


def test_memory_link(compile_firmware, make_board):
    link = MemoryLink(Machine(compile_firmware("echo", UART_KIND=1, UART=UART_BASE), make_board()))
    assert link.read(1) == b"+\xa5"
    assert link.read(1) == b""
    link.write(b"HAL")
    assert link.read(1) == b"IBM"


def test_hung_firmware_is_a_timeout_in_board_time(compile_firmware, make_board):
    machine = Machine(compile_firmware("counters"), make_board())
    link = MemoryLink(machine)
    assert link.read(0.01) == b""
    assert machine.cycles == pytest.approx(1_000_000, rel=0.01)  # 10 ms at 100 MHz


def test_crash_comes_out_of_the_link(compile_firmware, make_board):
    link = MemoryLink(Machine(compile_firmware("faults", FAULT=4), make_board()))
    with pytest.raises(SimulationFault, match="culprit"):
        link.read(1)


def test_board_without_serial_port(compile_firmware, make_board):
    import dataclasses

    board = make_board()
    board = dataclasses.replace(board, chip=dataclasses.replace(board.chip, uart=None))
    with pytest.raises(BoardError, match="no serial port"):
        MemoryLink(Machine(compile_firmware("dot", TURNS=5), board))


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")
def test_clients_come_and_go_on_the_pty(compile_firmware, make_board):
    elf = compile_firmware("echo", UART_KIND=1, UART=UART_BASE)
    with served(elf, make_board()) as path:
        assert os.path.exists(path)
        first = SerialLink(path)
        while first.read(0.3):
            pass  # what the firmware says at boot, unless opening the port has thrown it away
        first.write(b"HAL")
        assert _read(first, 3) == b"IBM"
        first.close()
        second = SerialLink(path)
        second.write(b"abc")
        assert _read(second, 3) == b"bcd"
        second.close()


def _read(link: SerialLink, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = link.read(5)
        assert more, data
        data += more
    return data
