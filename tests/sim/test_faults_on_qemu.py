"""What a firmware says when the core stops it, on QEMU: our own emulator has no exceptions."""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.running.port_image import build_image
from tinyml.backends.toolchains import arm_gcc
from tinyml.simulate.addresses import Addresses
from tinyml.target.boards import load_board

DEADLINE_S = 30
MAIN = """\
#include "tml_port.h"

int main(void);

__attribute__((noinline)) static int dig(int depth, volatile int *above)
{
    volatile int here[64];
    here[0] = depth + above[0];
    return depth > 0 ? dig(depth - 1, here) + here[0] : here[0];
}

int main(void)
{
    volatile int fault = FAULT;
    tml_port_init();
    tml_port_write('>');
    return fault == 1 ? *(volatile int *)0x60000000u : dig(1000, &fault);
}
"""


def output_of(fault: int, folder: Path) -> tuple[str, int]:
    """The two lines that the image prints, and where main lies."""
    source = folder / "main.c"
    source.write_text(MAIN.replace("FAULT", str(fault)))
    elf = build_image(load_board("stm32f405"), arm_gcc(), (source,), folder)
    symbol = elf.symbol("main")
    assert symbol is not None
    command = ["qemu-system-arm", "-M", "netduinoplus2", "-display", "none", "-monitor", "none"]
    command += ["-serial", "stdio", "-kernel", str(folder / "firmware.elf")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        timer = threading.Timer(DEADLINE_S, process.kill)
        timer.start()
        text = process.stdout.readline() + process.stdout.readline()
        timer.cancel()
        process.kill()
    return text.decode(), symbol.address & ~1


@pytest.mark.qemu
@pytest.mark.arm_gcc
def test_bad_address_is_reported(tmp_path: Path) -> None:
    text, main = output_of(1, tmp_path)
    rest = r" registers( [0-9A-F]{8}){6}"
    where = r"at ([0-9A-F]{8}) from [0-9A-F]{8}"
    cause = "status 00008200 address 60000000"
    match = re.fullmatch(rf">\r\ne-\[fault 3 {where} {cause}{rest}\]\r\n", text)
    assert match, text
    assert main <= int(match[1], 16) < main + 64
    line = MAIN.splitlines().index("int main(void)") + 1
    explained = Addresses(tmp_path / "firmware.elf").explain(text.splitlines()[-1])
    found = re.search(r"main\+0x[0-9a-f]+ \(.*main\.c:(\d+)\)", explained)
    assert found, explained
    assert line < int(found[1]) <= line + 6
    assert "cause: read or write at an address where nothing answers" in explained
    assert "address 0x60000000" in explained


@pytest.mark.qemu
@pytest.mark.arm_gcc
def test_stack_overflow_is_reported(tmp_path: Path) -> None:
    text, _ = output_of(2, tmp_path)
    assert text.startswith(">\r\ne-[fault 3, stack overflow status "), text
    assert "raise stack_bytes" in Addresses(tmp_path / "firmware.elf").explain(text)
