"""Chips: the silicon on a board, as its data file ``boards/chips/<name>.toml`` describes it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tinyml.base import resources
from tinyml.base.datafile import Table
from tinyml.base.errors import did_you_mean
from tinyml.target.caches import MOST_CACHES, Cache, read_caches
from tinyml.target.cores import Core, core_named

FEATURES = ("dsp", "fpu_dp", "fpu_sp", "mve", "pie")  # besides the core's family
CORE_FILE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
CYCLE_COUNTERS = ("ccount", "dwt", "mcycle", "timer")

SECTIONS = ("bss", "boot2", "data", "rodata", "stack", "text", "vectors", "zero_table")
SOURCE = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*\.c")
VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,31}")


@dataclass(frozen=True, slots=True)
class Region:
    """A range of addresses."""

    name: str  # "flash", "sram", "dtcm"
    kind: str  # "flash" or "ram"
    base: int
    nbytes: int
    read_wait_cycles: int = 0  # average extra core cycles of a word, for the choice between plans
    note: str = ""  # wait states and what hides them
    aliases: tuple[int, ...] = ()  # where linkers see the same memory besides

    def holds(self, address: int) -> bool:
        """Whether an address lies in it."""
        return any(base <= address < base + self.nbytes for base in (self.base, *self.aliases))


@dataclass(frozen=True, slots=True)
class Uart:
    """The serial port that the agent uses."""

    kind: str  # register layout: firmware/port/uart/<kind>.c and simulate/uart.py know it
    base: int  # address of its registers
    name: str = ""  # as in the chip's reference manual
    defines: Mapping[str, int] | None = None  # C macros: how to power and clock it


@dataclass(frozen=True, slots=True)
class Timer:
    """A free-running 32-bit up-counter, for cores without a cycle counter."""

    base: int  # address of its count register
    clock_hz: int


@dataclass(frozen=True, slots=True)
class SecondCore:
    """A core like the first, on the same memory, that large layers can be shared with."""

    handover_cycles: int  # from a layer's begin on it until the first core knows that it is done
    source: str
    port: str = ""  # file of firmware/port/ that runs it where the port is ours; "": none does


@dataclass(frozen=True, slots=True)
class Chip:
    """A microcontroller, as a board uses it."""

    name: str
    title: str
    source: str  # where the numbers come from
    core: Core
    isa: tuple[str, ...]  # features a kernel may need: "dsp", "mve", "fpu_sp", "fpu_dp"
    clock_hz: int  # what the firmware sets up
    reset_clock_hz: int  # what it runs at out of reset
    regions: tuple[Region, ...]  # without what a boot loader keeps for itself
    boot_region: str  # where the vector table lies
    port: tuple[str, ...]  # C files in firmware/port/: start-up, clock, pins
    cycle_counter: str  # firmware/port/cycles/<cycle_counter>.c
    timer: Timer | None  # what cycle_counter "timer" reads
    uart: Uart | None  # the one that the board chose
    defines: Mapping[str, int]  # C macros for the port (register values of this chip)
    ready: tuple[tuple[int, int], ...]  # (address, mask): status bits that the simulator shows set
    flasher: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # options by flasher
    template: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # options by template
    libraries: Mapping[str, str] = field(default_factory=dict)  # vendor's kernels → least version
    caches: tuple[Cache, ...] = ()  # before slow memory, as the firmware sets them up
    second_core: SecondCore | None = None
    predicted_percent: int = 0  # like that of its core, where its memory makes times harder to tell

    def region(self, name: str) -> Region:
        """The region of that name."""
        return next(region for region in self.regions if region.name == name)


def read_chip(top: Table, name: str, serial: Table, flash: Table) -> Chip:
    """The chip of a data file as a board uses it: its UART, without what a boot loader keeps.

    ``serial`` and ``flash`` are the board's tables. Raises BoardError.
    """
    regions = tuple(_read_region(item) for item in top.tables("regions"))
    reserved = flash.integer("reserved_bytes", 0)
    used = flash.text("region")
    timer = top.table("timer") if top.has("timer") else None
    chip = Chip(
        name=name,
        title=top.text("title"),
        source=top.text("source"),
        core=core_named(top.word("core", pattern=CORE_FILE), Path(top.where).parent / "cores"),
        isa=top.strings("isa"),
        clock_hz=top.integer("clock_hz", minimum=1),
        reset_clock_hz=top.integer("reset_clock_hz", minimum=1),
        regions=tuple(_cut(item, reserved) if item.name == used else item for item in regions),
        boot_region=top.choice("boot_region", tuple(item.name for item in regions)),
        port=top.words("port", SOURCE, ()),
        cycle_counter=top.choice("cycle_counter", CYCLE_COUNTERS),
        timer=Timer(timer.integer("base"), timer.integer("clock_hz", minimum=1)) if timer else None,
        uart=_read_uart(top.table("uarts", {}), serial),
        defines=top.integers("defines"),
        ready=top.pairs("ready"),
        flasher=top.named_tables("flasher"),
        template=top.named_tables("template"),
        libraries=_read_libraries(top.table("libraries", {})),
        caches=read_caches(
            top.tables("caches") if top.has("caches") else (), [item.name for item in regions]
        ),
        predicted_percent=top.integer("predicted_percent", 0),
        second_core=_read_second(top.table("second_core")) if top.has("second_core") else None,
    )
    for table in (top, timer):
        if table:
            table.close()
    _check_regions(chip, top)
    _check_port(chip, top)
    return chip


def _read_second(table: Table) -> SecondCore:
    second = SecondCore(
        handover_cycles=table.integer("handover_cycles", minimum=1),
        source=table.text("source"),
        port=table.word("port", "", SOURCE),
    )
    table.close()
    return second


def _read_libraries(table: Table) -> dict[str, str]:
    for name in table.names():
        table.check_word(name, name)
    return {name: table.word(name, pattern=VERSION) for name in table.names()}


def _check_port(chip: Chip, top: Table) -> None:
    """Raises BoardError for a file of firmware/port/ that is not there."""
    folder = resources.path("firmware") / "port"
    files = [*chip.port, *([f"uart/{chip.uart.kind}.c"] if chip.uart else [])]
    files += [chip.second_core.port] if chip.second_core and chip.second_core.port else []
    for name in files:
        if not (folder / name).is_file():
            raise top.error(
                f"there is no file '{name}' in firmware/port/",
                did_you_mean(name, [p.relative_to(folder).as_posix() for p in folder.rglob("*.c")]),
            )


def _read_region(table: Table) -> Region:
    region = Region(
        name=table.word("name"),
        kind=table.choice("kind", ("flash", "ram")),
        base=table.integer("base"),
        nbytes=table.integer("nbytes", minimum=1),
        read_wait_cycles=table.integer("read_wait_cycles", 0),
        note=table.text("note", ""),
        aliases=table.numbers("aliases"),
    )
    table.close()
    return region


def _cut(region: Region, reserved_bytes: int) -> Region:
    return replace(
        region, base=region.base + reserved_bytes, nbytes=max(region.nbytes - reserved_bytes, 0)
    )


def _read_uart(uarts: Table, serial: Table) -> Uart | None:
    names = uarts.names()
    if not names:
        return None
    chosen = serial.choice("uart", names)
    found = {name: _uart(uarts.table(name), name, uarts) for name in names}  # all are checked
    return found[chosen]


def _uart(table: Table, name: str, uarts: Table) -> Uart:
    uarts.check_word(name, name)
    uart = Uart(table.word("kind"), table.integer("base"), name, table.integers("defines"))
    table.close()
    return uart


def _check_regions(chip: Chip, top: Table) -> None:
    family = chip.core.family
    known = (*FEATURES, *((family.name,) if family else ()))
    for feature in chip.isa:
        if feature not in known:
            raise top.error(f"unknown feature '{feature}' in isa", did_you_mean(feature, known))
    ordered = sorted(chip.regions, key=lambda region: region.base)
    for before, after in itertools.pairwise(ordered):
        if before.base + before.nbytes > after.base:
            raise top.error(f"regions '{before.name}' and '{after.name}' overlap")
    if len({region.name for region in ordered}) < len(ordered):
        raise top.error("two regions have the same name")
    for region in ordered:
        if region.name in SECTIONS:
            raise top.error(f"a region cannot be called '{region.name}': a section is", None)
    if len(chip.caches) > MOST_CACHES:
        raise top.error(f"{len(chip.caches)} caches, at most {MOST_CACHES} are modelled")
    if ordered[-1].base + ordered[-1].nbytes > 1 << 32:
        raise top.error(f"region '{ordered[-1].name}' ends beyond 4 GB")
    if chip.cycle_counter == "timer" and chip.timer is None:
        raise top.error("cycle_counter is 'timer', but there is no table [timer]")
