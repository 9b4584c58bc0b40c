"""Boards made in code, for tests that need no data files."""

from __future__ import annotations

from dataclasses import replace

from tinyml.board import Board
from tinyml.budget import Budget
from tinyml.chip import Chip, Region

FLASH = Region("flash", "flash", 0x08000000, 1 << 20)


def board_with(*regions: Region, core: str = "cortex-m4", isa: tuple[str, ...] = ()) -> Board:
    """A board with some regions, flash first; RAM is filled in their order, to the last byte."""
    chip = Chip(
        name="testchip",
        title="Test chip",
        source="made up",
        core=core,
        isa=isa,
        clock_hz=100_000_000,
        reset_clock_hz=4_000_000,
        regions=regions,
        boot_region=regions[0].name,
        port=(),
        cycle_counter="dwt",
        timer=None,
        uart=None,
        defines={},
        ready=(),
    )
    return Board(
        name="testboard",
        title="Test board",
        source="made up",
        chip=chip,
        usb=(),
        ram=tuple(Budget(region.name, region.nbytes) for region in regions[1:]),
        flash=Budget(regions[0].name, regions[0].nbytes),
        stack_bytes=0,
        backends={},
        baud=115_200,
        defines={},
        options={},
    )


def board_of(core: str = "cortex-m4") -> Board:
    """A board with flash, one RAM and nothing else."""
    regions = (replace(FLASH, nbytes=512 * 1024), Region("sram", "ram", 0x20000000, 64 * 1024))
    board = board_with(*regions, core=core)
    return replace(board, ram=(Budget("sram", 60 * 1024),), stack_bytes=2048)


def small_board(isa: tuple[str, ...] = (), **regions: int) -> Board:
    """A board with the given RAM regions (name=bytes), first choice first, and 1 MiB of flash."""
    rams = [
        Region(name, "ram", 0x20000000 + 0x01000000 * i, nbytes)
        for i, (name, nbytes) in enumerate(regions.items())
    ]
    return board_with(FLASH, *rams, isa=isa)
