"""Boards and chips: data files that say what exists and what a model may use.

``boards/<name>.toml`` is a circuit board, ``boards/chips/<name>.toml`` the silicon on it. The file
stem is the name. Unknown keys are errors. Nothing in tinyml asks for a board or chip by name.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tinyml import resources
from tinyml.budget import Budget, Memory, read_memory
from tinyml.datafile import Table, read_table
from tinyml.errors import BoardError, did_you_mean

ARM_CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")
CORES = (*ARM_CORES, "rv32imc", "xtensa-lx7")
FEATURES = ("armv6m", "dsp", "fpu_dp", "fpu_sp", "mve", "pie", "rv32m", "xtensa")
CYCLE_COUNTERS = ("ccount", "dwt", "mcycle", "systick", "timer")
CHOICES = ("flasher", "template")  # a board may name several, with a table of options for each
BACKENDS = ("runtime", "toolchain", "flasher", "simulator", "template")


@dataclass(frozen=True, slots=True)
class Region:
    """A range of addresses."""

    name: str  # "flash", "sram", "dtcm"
    kind: str  # "flash" or "ram"
    base: int
    nbytes: int
    read_wait_cycles: int = 0  # average extra core cycles of a fetch that is not sequential
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
class Chip:
    """A microcontroller, as a board uses it."""

    name: str
    title: str
    source: str  # where the numbers come from
    core: str  # "cortex-m4": toolchain target and timing model
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

    def region(self, name: str) -> Region:
        """The region of that name."""
        return next(region for region in self.regions if region.name == name)


@dataclass(frozen=True, slots=True)
class Power:
    """What the core takes from the supply while it computes; for estimates of energy."""

    active_mw: float
    source: str  # document, table, conditions


@dataclass(frozen=True, slots=True)
class Board:
    """A circuit board."""

    name: str
    title: str
    source: str
    chip: Chip
    usb: tuple[str, ...]  # "vid:pid" of its serial port
    ram: tuple[Budget, ...]  # usable after boot, first choice first; .data, .bss, stack in ram[0]
    flash: Budget  # region for code and weights
    stack_bytes: int  # reserved for the main stack
    backends: Mapping[str, str]  # runtime, toolchain, flasher, simulator, template
    baud: int
    defines: Mapping[str, int]  # C macros for the port (pins of this board); override the chip's
    options: Mapping[str, Mapping[str, Any]]  # per backend, its own table
    power: Power | None = None  # None: no figure with a source is known
    flashers: tuple[str, ...] = ()  # in order of preference; the first is backends["flasher"]
    templates: tuple[str, ...] = ()  # in the same way
    profiles: Mapping[str, Memory] = field(default_factory=dict)  # other budgets, by name
    memory_note: str = ""  # what takes the rest of the memory
    memory_options: tuple[str, ...] = ()  # options that changed the budgets of the board file
    libraries: tuple[str, ...] = ()  # of the chip's, those that the user asked for

    @property
    def options_given(self) -> tuple[str, ...]:
        """Words of the command line that made this board of the one in the file."""
        chosen = (word for name in self.libraries for word in ("--kernels", name))
        return (*self.memory_options, *chosen)

    def region(self, name: str) -> Region:
        """The chip's region of that name."""
        return self.chip.region(name)


def port_sources(board: Board) -> tuple[str, ...]:
    """The C files of the board's port, relative to firmware/; none when it has no port."""
    chip = board.chip
    if chip.uart is None:
        return ()
    own = tuple(f"port/{name}" for name in chip.port)
    return (
        "port/port.c",
        f"port/cycles/{chip.cycle_counter}.c",
        f"port/uart/{chip.uart.kind}.c",
        *own,
    )


def general_macros(board: Board) -> dict[str, int]:
    """What the agent and any cycle counter need of tml_config.h, whoever owns the registers."""
    chip = board.chip
    macros = {
        "TML_BAUD": board.baud,
        "TML_CLOCK_HZ": chip.clock_hz,
        "TML_RESET_CLOCK_HZ": chip.reset_clock_hz,
        "TML_STACK_BYTES": board.stack_bytes,
    }
    if chip.timer is not None:
        common = math.gcd(chip.clock_hz, chip.timer.clock_hz)
        macros |= {
            "TML_TIMER_COUNT": chip.timer.base,
            "TML_TIMER_CYCLES": chip.clock_hz // common,  # per TML_TIMER_TICKS
            "TML_TIMER_TICKS": chip.timer.clock_hz // common,
        }
    return macros


def config_macros(board: Board) -> dict[str, int]:
    """Every macro that the port's C files need, by name: what tml_config.h defines."""
    chip = board.chip
    macros = general_macros(board)
    if chip.uart is not None:
        macros |= {"TML_UART_BASE": chip.uart.base, **(chip.uart.defines or {})}
    return macros | dict(chip.defines) | dict(board.defines)


def load_board(name_or_path: str | Path) -> Board:
    """The board of that name, or the one in that .toml file.

    The chip of a private board is looked up beside its file (in ``chips/`` or there) first.
    Raises BoardError if there is no such board or its file is wrong.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = _find(str(name_or_path), "board", (resources.path("boards"),))
    elif not path.is_file():
        raise BoardError(
            "no such file", where=str(path), hint="'tinyml boards' lists the boards known by name"
        )
    return _read_board(read_table(path), path)


def all_boards() -> tuple[Board, ...]:
    """Every board that comes with tinyml, by name."""
    return tuple(load_board(path) for path in sorted(resources.path("boards").glob("*.toml")))


def _find(name: str, what: str, folders: tuple[Path, ...]) -> Path:
    for folder in folders:
        path = folder / f"{name}.toml"
        if path.is_file() and path.parent == folder:
            return path
    known = {path.stem for folder in folders for path in folder.glob("*.toml")}
    raise BoardError(f"unknown {what} '{name}'", hint=did_you_mean(name, known))


def _read_board(top: Table, path: Path) -> Board:
    chip_name = top.text("chip")
    own = () if chip_name == path.stem else (path.parent,)
    beside = (path.parent / "chips", *own, resources.path("boards") / "chips")
    chip_file = read_table(_find(chip_name, "chip", beside))
    memory, serial = top.table("memory"), top.table("serial", {})
    flash = memory.table("flash")
    chip = _read_chip(chip_file, chip_name, serial, flash)
    usable, profiles = read_memory(memory, top.integer("stack_bytes", minimum=256), chip.regions)
    backends = top.table("backends")
    choices = {kind: _read_choices(backends, kind) for kind in CHOICES}
    board = Board(
        name=path.stem,
        title=top.text("title"),
        source=top.text("source"),
        chip=chip,
        usb=top.strings("usb", ()),
        ram=usable.ram,
        flash=usable.flash,
        stack_bytes=usable.stack_bytes,
        memory_note=usable.note,
        profiles=profiles,
        power=_read_power(top),
        backends={
            kind: choices[kind][0] if kind in choices else backends.text(kind) for kind in BACKENDS
        },
        baud=serial.integer("baud", 115_200, minimum=300),
        defines=top.integers("defines"),
        options=_read_options(top, chip),
        flashers=choices["flasher"],
        templates=choices["template"],
    )
    for table in (top, memory, serial, backends):
        table.close()
    from tinyml.backends.known import check_backends  # which knows boards

    check_backends(board, top)
    return board


def _read_chip(top: Table, name: str, serial: Table, flash: Table) -> Chip:
    regions = tuple(_read_region(item) for item in top.tables("regions"))
    reserved = flash.integer("reserved_bytes", 0)
    used = flash.text("region")
    timer = top.table("timer") if top.has("timer") else None
    chip = Chip(
        name=name,
        title=top.text("title"),
        source=top.text("source"),
        core=top.choice("core", CORES),
        isa=top.strings("isa"),
        clock_hz=top.integer("clock_hz", minimum=1),
        reset_clock_hz=top.integer("reset_clock_hz", minimum=1),
        regions=tuple(_cut(item, reserved) if item.name == used else item for item in regions),
        boot_region=top.choice("boot_region", tuple(item.name for item in regions)),
        port=top.strings("port", ()),
        cycle_counter=top.choice("cycle_counter", CYCLE_COUNTERS),
        timer=Timer(timer.integer("base"), timer.integer("clock_hz", minimum=1)) if timer else None,
        uart=_read_uart(top.table("uarts", {}), serial),
        defines=top.integers("defines"),
        ready=top.pairs("ready"),
        flasher=_tables(top, "flasher"),
        template=_tables(top, "template"),
        libraries=_texts(top, "libraries"),
    )
    for table in (top, timer):
        if table:
            table.close()
    _check_regions(chip, top)
    return chip


def _read_power(top: Table) -> Power | None:
    if not top.has("power"):
        return None
    table = top.table("power")
    active_mw = table.value("active_mw", (int, float), "a number of milliwatts", 0)
    power = Power(float(active_mw), table.text("source"))
    if power.active_mw <= 0:
        raise table.error(f"'active_mw' must be above 0, found {power.active_mw:g}")
    table.close()
    return power


def _read_choices(backends: Table, kind: str) -> tuple[str, ...]:
    """The names of a backend, in order of preference."""
    found = backends.value(kind, (str, list), "a name or a list of names", None)
    names = (found,) if isinstance(found, str) else backends.strings(kind)
    if not names:
        raise backends.error(f"'backends.{kind}' must name at least one {kind}")
    return names


def _read_options(top: Table, chip: Chip) -> dict[str, Mapping[str, Any]]:
    """The tables of the backends; where there is one per name, the chip's keys are added."""
    options: dict[str, Mapping[str, Any]] = {
        kind: top.value(kind, dict, "a table", {})
        for kind in BACKENDS
        if kind not in CHOICES and top.has(kind)
    }
    for kind, common in (("flasher", chip.flasher), ("template", chip.template)):
        own = _tables(top, kind)
        names = {**common, **own}
        if names:
            options[kind] = {name: {**common.get(name, {}), **own.get(name, {})} for name in names}
    return options


def _texts(top: Table, key: str) -> dict[str, str]:
    """A table of strings; empty when absent."""
    table = top.table(key, {})
    return {name: table.text(name) for name in table.names()}


def _tables(top: Table, key: str) -> dict[str, Mapping[str, Any]]:
    """A table that holds one table per name."""
    outer = top.table(key, {})
    return {name: outer.value(name, dict, "a table", None) for name in outer.names()}


def _read_region(table: Table) -> Region:
    region = Region(
        name=table.text("name"),
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
    name = serial.choice("uart", names)
    table = uarts.table(name)
    uart = Uart(table.text("kind"), table.integer("base"), name, table.integers("defines"))
    table.close()
    return uart


def _check_regions(chip: Chip, top: Table) -> None:
    for feature in chip.isa:
        if feature not in FEATURES:
            raise top.error(f"unknown feature '{feature}' in isa", did_you_mean(feature, FEATURES))
    ordered = sorted(chip.regions, key=lambda region: region.base)
    for before, after in itertools.pairwise(ordered):
        if before.base + before.nbytes > after.base:
            raise top.error(f"regions '{before.name}' and '{after.name}' overlap")
    if len({region.name for region in ordered}) < len(ordered):
        raise top.error("two regions have the same name")
    if ordered[-1].base + ordered[-1].nbytes > 1 << 32:
        raise top.error(f"region '{ordered[-1].name}' ends beyond 4 GB")
    if chip.cycle_counter == "timer" and chip.timer is None:
        raise top.error("cycle_counter is 'timer', but there is no table [timer]")
