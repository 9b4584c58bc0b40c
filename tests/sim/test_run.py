"""``tinyml run``: build, flash through a boot loader, boot what was flashed, measure it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.running.ptys import serving
from tests.support.running.stm32_rom import Stm32Rom
from tinyml.base.elf import read_elf
from tinyml.cli import cli
from tinyml.simulate.machine import Machine
from tinyml.target.boards import load_board

pytestmark = [
    pytest.mark.sim,
    pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows"),
]

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
BOARD = "nucleo_l4r5zi"
SLICE_CYCLES = 2_000_000


class WholeBoard(Stm32Rom):
    """A boot loader that runs what is in its flash: the same port then leads to the firmware."""

    def __init__(self, elf: Path) -> None:
        super().__init__([4096] * 16)
        self.elf = elf

    def _go(self) -> None:
        super()._go()
        elf = read_elf(self.elf)
        segment = replace(elf.segments[0], load_address=self.base, data=bytes(self.flash))
        machine = Machine(replace(elf, segments=(segment,)), load_board(BOARD))
        uart = machine.uart
        assert uart is not None
        while True:
            uart.received.extend(self.wire.read_some(0.002))
            machine.run(SLICE_CYCLES)
            self.wire.write(bytes(uart.sent))
            uart.sent.clear()


def test_from_a_model_to_a_report_measured_on_the_board(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    with serving(WholeBoard(folder / "firmware.elf")) as board:
        line = ["run", str(DIGITS / "digits.tflite"), "--board", BOARD, "--output", str(folder)]
        line += ["--flasher", "stm32_uart", "--port", board.wire.path, "--yes", "--runs", "3"]
        done = CliRunner().invoke(cli, [*line, "--inputs", str(DIGITS / "test.npz")])
    assert done.exit_code == 0, done.output
    assert "stm32_uart will erase 0x08000000 to 0x0800" in done.output
    assert "bytes written and read back; started" in done.output
    assert "Cycles of 3 inferences on nucleo_l4r5zi (serial " in done.output
    assert "outputs equal to the reference" in done.output
    report = json.loads((folder / "report.json").read_text())
    assert report["run"]["equal_to_reference"] == 3
    assert (folder / "report.html").stat().st_size > 50_000
