"""What a firmware may use of a board's memory: per region, by default, and beside a framework.

A board file's ``[memory]`` says what is free with the board's own template. A profile below
``[memory.profiles]`` replaces parts of it: one with the name of a template holds for projects of
that template; others (such as "wifi") are asked for by name. The user may override single numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.base.datafile import Table
from tinyml.target.chip import Region

SECTION = re.compile(r"\.?[A-Za-z_][A-Za-z0-9_.]{0,63}")


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
    slots: int = 1  # of the flash, each for an application: two take turns with updates


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


def _read_profile(table: Table, base: Memory, regions: Sequence[Region]) -> Memory:
    has_ram, has_flash = table.has("ram"), table.has("flash")
    memory = Memory(
        ram=tuple(_read_budget(item, regions, "ram") for item in table.tables("ram"))
        if has_ram
        else base.ram,
        flash=_read_budget(table.table("flash"), regions, "flash") if has_flash else base.flash,
        stack_bytes=table.integer("stack_bytes", base.stack_bytes, minimum=256),
        note=table.text("note"),
        slots=table.integer("slots", base.slots, minimum=1),
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
    problem = problem_of(memory)
    if problem:
        raise table.error(problem)


def problem_of(memory: Memory) -> str | None:
    """What makes these budgets impossible, or None."""
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
