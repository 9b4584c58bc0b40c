"""What starts core 1 of an RP2040 and hands work to it, on a PC.

tests/support/stand_ins/rp2_fifo.c is the FIFO between the cores and the boot ROM on core 1, whose
loop runs on a thread. Images with it are run in tests/sim/test_two_cores_on_board.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyml.backends.toolchains import host_compiler
from tinyml.base import process, resources
from tinyml.base.process import Command

pytestmark = pytest.mark.host_cc

SOURCE = Path(__file__).parent / "support" / "stand_ins" / "rp2_fifo.c"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "tml_config.h").write_text("#define TML_STACK_BYTES 4096\n")
    firmware = resources.path("firmware")
    includes = [f"-I{folder}" for folder in (tmp_path, firmware, firmware / "include")]
    made = tmp_path / "program"
    words = (*host_compiler(), "-std=gnu11", "-O1", "-w", *includes, str(SOURCE), "-lpthread")
    process.run(Command((*words, "-o", str(made))))
    return made


def test_core_1_is_started_and_runs_second_halves(program: Path) -> None:
    """After two wrong answers, and a thousand times without losing a wake-up."""
    assert process.run(Command((str(program),))) == "alone 1 shared 1 right 1\n"


def test_without_an_answer_all_runs_on_core_0(program: Path) -> None:
    assert process.run(Command((str(program), "mute"))) == "alone 1 shared 0 right 0\n"
