"""Boards made in code, for tests that need no data files."""

from __future__ import annotations

from tinyml.board import Board
from tinyml.budget import Budget
from tinyml.chip import Chip, Region


def small_board(isa: tuple[str, ...] = (), **regions: int) -> Board:
    """A board with the given RAM regions (name=bytes), first choice first, and 1 MiB of flash."""
    rams = tuple(
        Region(name, "ram", 0x20000000 + 0x01000000 * i, nbytes)
        for i, (name, nbytes) in enumerate(regions.items())
    )
    chip = Chip(
        name="testchip",
        title="Test chip",
        source="made up",
        core="cortex-m4",
        isa=isa,
        clock_hz=100_000_000,
        reset_clock_hz=4_000_000,
        regions=(Region("flash", "flash", 0x08000000, 1 << 20), *rams),
        boot_region="flash",
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
        ram=tuple(Budget(region.name, region.nbytes) for region in rams),
        flash=Budget("flash", 1 << 20),
        stack_bytes=0,
        backends={},
        baud=115_200,
        defines={},
        options={},
    )
