"""Flashers: one class per way to get an image onto a board.

Their options are tables ``[flasher.<name>]`` in the board's or the chip's file. This module holds
what they share; each way has a module of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tinyml.base.datafile import Table
from tinyml.base.errors import BuildError, DoesNotFit
from tinyml.base.process import Command
from tinyml.target.board import Board
from tinyml.values.flash_job import FlashJob, Part

PROGRAM_TIMEOUT_S = 180.0


def options(board: Board, flasher: str) -> Table:
    """The table of a flasher, to be read key by key and closed."""
    return Table(
        board.options.get("flasher", {}).get(flasher, {}), board.name, f"flasher.{flasher}."
    )


def check_region(job: FlashJob) -> None:
    """Raises DoesNotFit unless every part lies in the flash that the board gives to a firmware."""
    region = job.board.region(job.board.flash.region)
    for part in job.parts:
        end = part.address + len(part.data)
        if part.address < region.base or end > region.base + region.nbytes:
            raise DoesNotFit(
                f"the image takes {span(part.address, end)}, '{region.name}' of "
                f"{job.board.name} is {span(region.base, region.base + region.nbytes)}",
                hint=f"was it built for another board? Build again with --board {job.board.name}",
                where=part.file.name,
            )


def single_part(job: FlashJob, flasher: str) -> Part:
    """The only part; raises BuildError when there are several."""
    if len(job.parts) != 1:
        raise BuildError(
            f"the image has {len(job.parts)} parts, '{flasher}' writes exactly one",
            hint="choose another way with --flasher",
        )
    return job.parts[0]


def span(start: int, end: int) -> str:
    """A range of addresses for people, the last one included."""
    return f"0x{start:08X} to 0x{end - 1:08X}"


def missing(programs: Iterable[str]) -> str | None:
    """Which of the programs are not on PATH, as a phrase."""
    import shutil

    absent = [name for name in programs if shutil.which(name) is None]
    return f"{' and '.join(absent)} is not on PATH" if absent else None


def run_programs(commands: Sequence[Command]) -> None:
    """Runs command lines in order; raises ToolError."""
    from tinyml.base import process

    for command in commands:
        process.run(command, timeout_s=PROGRAM_TIMEOUT_S)


def lines(commands: Sequence[Command]) -> tuple[str, ...]:
    """Command lines as one could type them."""
    from tinyml.base import process

    return tuple(process.quoted(command) for command in commands)


def hex_beside(file: Path) -> Path:
    """The Intel HEX file that a build writes beside its .bin."""
    return file.with_suffix(".hex")
