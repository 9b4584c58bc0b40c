"""What a firmware may use of a board's memory: per region, by default, and beside a framework.

A board file's ``[memory]`` says what is free with the board's own template. A profile below
``[memory.profiles]`` replaces parts of it: one with the name of a template holds for projects of
that template; others (such as "wifi") are asked for by name. The user may override single numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tinyml.datafile import Table
from tinyml.errors import BoardError, did_you_mean

if TYPE_CHECKING:
    from tinyml.board import Board
    from tinyml.chip import Region

_SIZE = re.compile(r"(?:(\w+)=)?([0-9][0-9_]*)([kKmM]?)")
SECTION = re.compile(r"\.?[A-Za-z_][A-Za-z0-9_.]{0,63}")
_FACTORS = {"": 1, "k": 1024, "m": 1024 * 1024}


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a region a firmware may use."""

    region: str
    max_bytes: int
    section: str = ""  # where the linker puts an arena of this region; "": .arena_<region>
    address: int = 0  # of an arena that no linker script knows of; 0: the linker places it


@dataclass(frozen=True, slots=True)
class Memory:
    """The budgets of all regions."""

    ram: tuple[Budget, ...]  # first choice first; .data, .bss and the stack lie in ram[0]
    flash: Budget
    stack_bytes: int  # reserved for the stack that runs the model
    note: str = ""  # what takes the rest, with its source


def read_memory(
    table: Table, stack_bytes: int, regions: Sequence[Region]
) -> tuple[Memory, dict[str, Memory]]:
    """The default of ``[memory]`` and its profiles; raises BoardError."""
    memory = Memory(
        ram=tuple(_read_budget(item, regions, "ram") for item in table.tables("ram")),
        flash=_read_budget(table.table("flash"), regions, "flash"),
        stack_bytes=stack_bytes,
        note=table.text("note", ""),
    )
    _check(memory, table)
    profiles = table.table("profiles", {})
    for name in profiles.names():
        profiles.check_word(name, name)
    return memory, {
        name: _read_profile(profiles.table(name), memory, regions) for name in profiles.names()
    }


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
    memory = Memory(board.ram, board.flash, board.stack_bytes, board.memory_note)
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
    problem = _problem(memory)
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
            hint="give a number of bytes up to that",
        )
    return replace(budget, max_bytes=nbytes)


def _read_profile(table: Table, base: Memory, regions: Sequence[Region]) -> Memory:
    has_ram, has_flash = table.has("ram"), table.has("flash")
    memory = Memory(
        ram=tuple(_read_budget(item, regions, "ram") for item in table.tables("ram"))
        if has_ram
        else base.ram,
        flash=_read_budget(table.table("flash"), regions, "flash") if has_flash else base.flash,
        stack_bytes=table.integer("stack_bytes", base.stack_bytes, minimum=256),
        note=table.text("note"),
    )
    table.close()
    _check(memory, table)
    return memory


def _read_budget(table: Table, regions: Sequence[Region], kind: str) -> Budget:
    name = table.choice("region", tuple(item.name for item in regions))
    region = next(item for item in regions if item.name == name)
    budget = Budget(
        region.name,
        table.integer("max_bytes", region.nbytes, minimum=1),
        table.word("section", "", SECTION),
        table.integer("address", 0),
    )
    if kind == "flash":
        table.has("reserved_bytes")  # read with the chip
    if region.kind != kind:
        raise table.error(f"budget for {kind} names region '{region.name}', which is {region.kind}")
    if budget.max_bytes > region.nbytes:
        raise table.error(
            f"'{region.name}' has {region.nbytes:,} bytes, the budget wants {budget.max_bytes:,}"
        )
    end = region.base + region.nbytes
    if budget.address and not region.base <= budget.address <= end - budget.max_bytes:
        raise table.error(f"an arena at 0x{budget.address:08X} is not inside '{region.name}'")
    table.close()
    return budget


def _check(memory: Memory, table: Table) -> None:
    problem = _problem(memory)
    if problem:
        raise table.error(problem)


def _problem(memory: Memory) -> str | None:
    if memory.stack_bytes % 8:
        return f"'stack_bytes' must be a multiple of 8, found {memory.stack_bytes}"
    main = memory.ram[0]
    if memory.stack_bytes >= main.max_bytes:
        return (
            f"the stack ({memory.stack_bytes:,} bytes) leaves nothing of '{main.region}' "
            f"({main.max_bytes:,} bytes)"
        )
    if len({budget.region for budget in memory.ram}) < len(memory.ram):
        return "two RAM budgets name the same region"
    return None
