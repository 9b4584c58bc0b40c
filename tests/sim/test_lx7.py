"""Base instructions of the emulated LX7 core: random programs print what QEMU's core prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.running.xtensa import emulate
from tests.support.running.xtensa_programs import program
from tinyml.bare import xtensa
from tinyml.base import process
from tinyml.base.errors import SimulationFault
from tinyml.simulate.lx7.program import run_program

pytestmark = [pytest.mark.xtensa, pytest.mark.sim]

STATEMENTS, ROUNDS = 150, 100  # about 35,000 instructions a program


def built(text: str, folder: Path) -> Path:
    source, made = folder / "program.s", folder / "program.o"
    source.write_text(text, encoding="utf-8")
    xtensa.run(*xtensa.MC, str(source), "-o", str(made))
    return xtensa.link([made], folder)


@pytest.mark.parametrize("seed", range(6))
def test_random_programs(seed: int, tmp_path: Path) -> None:
    image = built(program(seed, STATEMENTS, ROUNDS), tmp_path)
    with process.running(emulate(image)) as (stdin, stdout):
        stdin.close()
        wanted = stdout.read()
    assert len(wanted) == ROUNDS * 44
    assert run_program(image, b"", xtensa.RAM) == wanted


_START = "    .text\n    .p2align 2\n    .global main\nmain:\n    entry a1, 32\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("movi a2, 16\n    l32i a3, a2, 0", "read 4 bytes at 0x00000010, where no memory is"),
        ("movi a2, 16\n    s8i a3, a2, 0", "wrote 1 bytes at 0x00000010, where no memory"),
        ("movi a2, 0\n    quou a3, a3, a2", "divided by 0"),
        ("movi a2, 16\n    jx a2", "jumped to where no code is"),
        ("ill", "raised an exception"),
        (".byte 0x04, 0x01, 0x78", "an instruction that is not emulated"),
        (".byte 0x00, 0x00, 0x0C", "an instruction that an LX7 does not have"),
    ],
)
def test_what_the_chip_would_not_do_is_said(body: str, message: str, tmp_path: Path) -> None:
    image = built(f"{_START}    {body}\n    retw\n", tmp_path)
    with pytest.raises(SimulationFault, match=message):
        run_program(image, b"", xtensa.RAM)
