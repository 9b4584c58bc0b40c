"""Other limits than a board file's own: those beside a template's framework, a profile, options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tinyml.base.errors import BoardError, did_you_mean
from tinyml.target.board import Board
from tinyml.target.libraries import with_libraries
from tinyml.target.memory import Budget, Memory, problem_of
from tinyml.target.second_core import with_cores

_SIZE = re.compile(r"(?:(\w+)=)?([0-9][0-9_]*)([kKmM]?)")
_FACTORS = {"": 1, "k": 1024, "m": 1024 * 1024}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a user says of memory, kernels and cores; nothing: what the board's file says."""

    memory: str | None = None  # a profile of the board's file
    ram_budget: tuple[str, ...] = ()  # SIZE or REGION=SIZE
    flash_budget: str | None = None
    kernels: tuple[str, ...] = ()  # libraries of the chip's vendor
    cores: int = 1  # of the chip's, that large layers are shared between


def limited(board: Board, limits: Limits, template: str | None) -> Board:
    """The board as the limits leave it for a template; raises BoardError."""
    board = with_cores(with_libraries(board, limits.kernels), limits.cores)
    ram, flash = limits.ram_budget, limits.flash_budget
    return with_budgets(board, limits.memory, ram, flash, template=template)


def with_budgets(
    board: Board,
    profile: str | None = None,
    ram: Sequence[str] = (),
    flash: str | None = None,
    *,
    template: str | None = None,
) -> Board:
    """The board with the budgets of a profile, or beside a template, then with single other limits.

    A limit is ``REGION=SIZE``, or ``SIZE`` for the first RAM region and no other; sizes are bytes,
    or KiB and MiB with a K or M; ``REGION=0`` takes a region away. Raises BoardError for what the
    board does not have.
    """
    usable = _with_profile(board, profile) if profile else for_template(board, template)
    return _with_limits(usable, ram, flash)


def _with_profile(board: Board, name: str) -> Board:
    memory = board.profiles.get(name)
    if memory is None:
        known = ", ".join(sorted(board.profiles))
        hint = did_you_mean(name, board.profiles) if known else "the board file names none"
        raise BoardError(f"board '{board.name}' has no memory profile '{name}'", hint=hint)
    return _with_memory(board, memory, ("--memory", name))


def for_template(board: Board, template: str | None) -> Board:
    """The board with what is free beside a template's framework, where the file says so.

    None is the board's own template. Budgets that the user chose stay.
    """
    name = template or board.backends.get("template", "")
    memory = None if board.memory_options else board.profiles.get(name)
    return board if memory is None else _with_memory(board, memory, ())


def _with_limits(board: Board, ram: Sequence[str], flash: str | None) -> Board:
    memory = Memory(board.ram, board.flash, board.stack_bytes, board.memory_note, board.slots)
    words: list[str] = []
    for text in ram:
        region, nbytes = _size(text)
        memory = replace(memory, ram=_limited(board, memory.ram, region, nbytes))
        words += ["--ram-budget", text]
    if flash is not None:
        region, nbytes = _size(flash)
        if region not in ("", board.flash.region):
            raise BoardError(
                f"the flash of '{board.name}' is called '{board.flash.region}', not '{region}'",
                hint="--flash-budget takes a size alone",
            )
        memory = replace(memory, flash=_resized(board, memory.flash, nbytes))
        words += ["--flash-budget", flash]
    problem = problem_of(memory)
    if problem:
        raise BoardError(problem, hint="give that region more")
    return _with_memory(board, memory, tuple(words)) if words else board


def _with_memory(board: Board, memory: Memory, words: tuple[str, ...]) -> Board:
    return replace(
        board,
        ram=memory.ram,
        flash=memory.flash,
        stack_bytes=memory.stack_bytes,
        memory_note=memory.note,
        slots=memory.slots,
        memory_options=(*board.memory_options, *words),
    )


def _size(text: str) -> tuple[str, int]:
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise BoardError(
            f"'{text}' is no budget", hint="write bytes or KiB: 65536, 64K, or dtcm=64K"
        )
    region, number, unit = match.groups()
    return region or "", int(number) * _FACTORS[unit.lower()]


def _limited(board: Board, ram: tuple[Budget, ...], region: str, nbytes: int) -> tuple[Budget, ...]:
    names = tuple(item.region for item in ram)
    if not region:
        return (_resized(board, ram[0], nbytes),)
    if region not in names:
        raise BoardError(
            f"board '{board.name}' has no RAM region '{region}'", hint=did_you_mean(region, names)
        )
    if not nbytes:
        rest = tuple(item for item in ram if item.region != region)
        if region == names[0]:
            raise BoardError(
                f"'{region}' holds the stack and cannot be taken away",
                hint=f"limit it: {region}={board.stack_bytes + 4096}",
            )
        return rest
    return tuple(_resized(board, item, nbytes) if item.region == region else item for item in ram)


def _resized(board: Board, budget: Budget, nbytes: int) -> Budget:
    region = board.region(budget.region)
    if not 0 < nbytes <= region.nbytes:
        raise BoardError(
            f"'{region.name}' of '{board.name}' has {region.nbytes:,} bytes, the budget wants "
            f"{nbytes:,}",
            hint="give a number of bytes from 1 up to that",
        )
    return replace(budget, max_bytes=nbytes)
