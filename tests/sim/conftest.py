"""Small firmwares for the emulator, compiled by the ziglang wheel, and a made-up board."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.values.small_boards import board_with
from tinyml.base import process
from tinyml.base.elf import Elf, read_elf
from tinyml.base.process import Command
from tinyml.target.board import Board
from tinyml.target.caches import Backing, Cache
from tinyml.target.chip import Region, Uart

FOLDER = Path(__file__).parent / "firmware"
UART_BASE = 0x40011000
TARGETS = {
    "cortex-m0plus": ("--target=thumbv6m-none-eabi", "-mfloat-abi=soft"),
    "cortex-m3": ("--target=thumbv7m-none-eabi", "-mfloat-abi=soft"),
    "cortex-m4": ("--target=thumbv7em-none-eabihf", "-mfloat-abi=hard"),
    "cortex-m7": ("--target=thumbv7em-none-eabihf", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
    "cortex-m33": ("--target=thumbv8m.main-none-eabihf", "-mfloat-abi=hard"),
}

Compile = Callable[..., Elf]


@pytest.fixture(scope="session")
def compile_firmware(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compiles tests/sim/firmware/<name>.c for a core, with macros."""
    folder = tmp_path_factory.mktemp("firmware")
    done: dict[tuple[object, ...], Elf] = {}

    def build(name: str, core: str = "cortex-m4", **macros: int) -> Elf:
        key = (name, core, *sorted(macros.items()))
        if key not in done:
            stem = str(folder / f"{name}{len(done)}")
            zig = (sys.executable, "-m", "ziglang")
            defines = [f"-D{macro}={value}" for macro, value in macros.items()]
            flags = ("-ffreestanding", "-nostdinc", "-O2", "-fno-vectorize", "-fno-unroll-loops")
            compiler = ("clang", "--no-default-config", *TARGETS[core], f"-mcpu={core}", *flags)
            include = ("-isystem", str(_zig_include()))
            files = ("-c", str(FOLDER / f"{name}.c"), "-o", stem + ".o")
            process.run(Command((*zig, *compiler, *include, *defines, *files)))
            process.run(
                Command((*zig, "ld.lld", "-T", str(FOLDER / "test.ld"), stem + ".o", "-o", stem))
            )
            done[key] = read_elf(Path(stem))
        return done[key]

    return build


def _zig_include() -> Path:
    import ziglang

    return Path(ziglang.__file__).parent / "lib" / "include"


@pytest.fixture
def make_board() -> Callable[..., Board]:
    """A board with 64 KB of flash, small buffers before it, and 16 KB of RAM."""

    def make(core: str = "cortex-m4", uart: str = "stm32_v1", wait_cycles: int = 0) -> Board:
        flash = Region("flash", "flash", 0x08000000, 0x10000)
        board = board_with(flash, Region("sram", "ram", 0x20000000, 0x4000), core=core)
        memory = (Backing("flash", 8, wait_cycles, wait_cycles),)
        buffers = (
            Cache("code", "instructions", 64, 4, 16, memory, "made up"),
            Cache("constants", "data", 32, 2, 16, memory, "made up"),
        )
        chip = replace(
            board.chip,
            caches=buffers if wait_cycles else (),
            uart=Uart(uart, UART_BASE),
            reset_clock_hz=16_000_000,
            ready=((0x40020000, 0x2),),
        )
        return replace(board, chip=chip, stack_bytes=1024)

    return make
