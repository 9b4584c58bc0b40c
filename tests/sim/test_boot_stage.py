"""Both second boot stages of the RP2040, on a core with a model of flash and interface."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.running.serial_flash import QE, Flash, Ssi, code_of
from tinyml.base import resources

pytestmark = pytest.mark.sim

PORT = resources.path("firmware") / "port" / "rp2"
SSI, PADS, SYSTEM = 0x18000000, 0x40020000, 0xE000E000
FLASH, STAGE, STACK, RESET = 0x10000000, 0x20041F00, 0x20040000, 0x20000100
CONTENT = random.Random(7).randbytes(1 << 16)


def words_of(name: str) -> list[int]:
    text = (PORT / name).read_text(encoding="utf-8")
    return [int(word, 16) for word in re.findall(r"0x([0-9A-F]{8})u", text)]


def started(stage: bytes, status_2: int) -> tuple[Ssi, dict[str, int]]:
    """The interface as a boot stage leaves it, and where the processor is then."""
    import unicorn
    from unicorn import arm_const as arm

    ssi = Ssi(Flash(CONTENT, status_2))
    engine: Any = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    engine.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M0)
    engine.mem_map(0x20000000, 0x42000)
    engine.mem_map(FLASH, 0x1000)
    engine.mem_map(SYSTEM, 0x1000)
    vectors = STACK.to_bytes(4, "little") + (RESET | 1).to_bytes(4, "little")
    engine.mem_write(FLASH + 0x100, vectors)
    engine.mem_write(STAGE, stage)
    refused: list[AssertionError] = []

    def told(what: Callable[..., int | None], *values: int) -> int:
        """What the model says; an exception would not come out of the emulator."""
        try:
            return what(*values) or 0
        except AssertionError as error:
            refused.append(error)
            engine.emu_stop()
            return 0

    engine.mmio_map(
        *(SSI, 0x1000, lambda uc, at, size, _: told(ssi.read, at), None),
        *(lambda uc, at, size, value, _: told(ssi.write, at, value), None),
    )
    pads: dict[int, int] = {}
    engine.mmio_map(
        PADS,
        0x1000,
        lambda uc, at, size, _: pads.get(at, 0x52),
        None,
        lambda uc, at, size, value, _: pads.update({at: value}),
        None,
    )
    engine.reg_write(arm.UC_ARM_REG_SP, STACK)
    engine.emu_start(STAGE | 1, RESET, count=5000)
    if refused:
        raise refused[0]
    vtor = int.from_bytes(engine.mem_read(0xE000ED08, 4), "little")
    ends = {"pc": engine.reg_read(arm.UC_ARM_REG_PC), "msp": engine.reg_read(arm.UC_ARM_REG_MSP)}
    return ssi, ends | {"vtor": vtor}


@pytest.mark.parametrize("name", ["boot2.c", "boot2_quad.c"])
@pytest.mark.parametrize("status_2", [0x00, 0x40, QE, QE | 0x40])
def test_flash_is_read_in_place_afterwards(name: str, status_2: int) -> None:
    ssi, ends = started(code_of(words_of(name)[:-1]), status_2)
    assert ends == {"pc": RESET, "msp": STACK, "vtor": FLASH + 0x100}
    for address in random.Random(1).sample(range(0, len(CONTENT), 4), 200):
        assert ssi.executed_in_place(address) == CONTENT[address : address + 4]
    is_quad = name == "boot2_quad.c"
    assert ssi.flash.is_continuous == is_quad
    assert ssi.flash.status_2 == (status_2 | QE if is_quad else status_2)  # no other bit changes


def test_a_stage_that_forgets_four_wires_is_caught() -> None:
    """The model must refuse what a chip would not understand."""
    stage = code_of(words_of("boot2_quad.c")[:-1])
    for right, wrong, message in (
        (0x31, 0x11, "unknown command 0x11"),  # MOVS r0: write status register 2
        (0x50, 0x06, "unknown command 0x6"),  # MOVS r0: enable writing
    ):
        at = stage.index(bytes([right, 0x20]), stage.index(bytes([0x35, 0x20])))
        broken = stage[:at] + bytes([wrong]) + stage[at + 1 :]
        with pytest.raises(AssertionError, match=message):
            started(broken, 0)


@pytest.mark.arm_gcc
def test_the_words_are_what_the_comment_says(tmp_path: Path) -> None:
    text = (PORT / "boot2_quad.c").read_text(encoding="utf-8")
    comment = text[text.index("GNU as reads it:") : text.index("* Source:")]
    lines = [line.removeprefix(" *") for line in comment.splitlines()[1:]]
    source = [".syntax unified", ".cpu cortex-m0plus", ".thumb", *lines, ".pool", ""]
    (tmp_path / "stage.s").write_text("\n".join(source))
    tool = "arm-none-eabi-"
    commands = (f"{tool}gcc -c stage.s -o stage.o", f"{tool}objcopy -O binary stage.o stage.bin")
    for command in commands:
        subprocess.run(command.split(), cwd=tmp_path, check=True)
    assert (tmp_path / "stage.bin").read_bytes() == code_of(words_of("boot2_quad.c")[:-1])
