"""Boards made in code, for tests that need no data files."""

from __future__ import annotations

from dataclasses import replace

from tinyml.conformance.targets import made_board
from tinyml.target.board import Board
from tinyml.target.chip import Region
from tinyml.target.memory import Budget

FLASH = Region("flash", "flash", 0x08000000, 1 << 20)


def board_with(*regions: Region, core: str = "cortex-m4", isa: tuple[str, ...] = ()) -> Board:
    """A board with some regions, flash first; RAM is filled in their order, to the last byte."""
    board = made_board("testboard", *regions, core=core, isa=isa)
    chip = replace(board.chip, name="testchip", title="Test chip", source="made up")
    return replace(board, chip=chip, title="Test board", source="made up")


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
