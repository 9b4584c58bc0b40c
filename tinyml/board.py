"""Boards: data files that say what exists and what a model may use.

``boards/<name>.toml`` is a circuit board, ``boards/chips/<name>.toml`` the silicon on it
(``tinyml.chip``). The file stem is the name. Unknown keys are errors. Nothing in tinyml asks for a
board or chip by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinyml import resources
from tinyml.budget import Budget, Memory, read_memory
from tinyml.chip import Chip, Region, read_chip
from tinyml.datafile import Table, read_table
from tinyml.errors import BoardError, did_you_mean

CHOICES = ("flasher", "template")  # a board may name several, with a table of options for each
FILE_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
USB = re.compile(r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}")
BACKENDS = ("runtime", "toolchain", "flasher", "simulator", "template")


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
    top.check_word("file name", path.stem, FILE_STEM)
    chip_name = top.word("chip", pattern=FILE_STEM)
    own = () if chip_name == path.stem else (path.parent,)
    beside = (path.parent / "chips", *own, resources.path("boards") / "chips")
    chip_file = read_table(_find(chip_name, "chip", beside))
    memory, serial = top.table("memory"), top.table("serial", {})
    flash = memory.table("flash")
    chip = read_chip(chip_file, chip_name, serial, flash)
    usable, profiles = read_memory(memory, top.integer("stack_bytes", minimum=256), chip.regions)
    backends = top.table("backends")
    choices = {kind: _read_choices(backends, kind) for kind in CHOICES}
    board = Board(
        name=path.stem,
        title=top.text("title"),
        source=top.text("source"),
        chip=chip,
        usb=top.words("usb", USB, ()),
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
        kind: top.options(kind) for kind in BACKENDS if kind not in CHOICES and top.has(kind)
    }
    for kind, common in (("flasher", chip.flasher), ("template", chip.template)):
        own = top.named_tables(kind)
        names = {**common, **own}
        if names:
            options[kind] = {name: {**common.get(name, {}), **own.get(name, {})} for name in names}
    return options
