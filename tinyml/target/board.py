"""Boards: data files that say what exists and what a model may use.

``boards/<name>.toml`` is a circuit board, ``boards/chips/<name>.toml`` the silicon on it
(``tinyml.target.chip``). Nothing in tinyml asks for a board or chip by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tinyml.target.chip import Chip, Region
from tinyml.target.memory import Budget, Memory


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
    slots: int = 1  # of the flash, each for an application
    memory_options: tuple[str, ...] = ()  # options that changed the budgets of the board file
    libraries: tuple[str, ...] = ()  # of the chip's, those that the user asked for
    cores: int = 1  # that a model may use

    @property
    def options_given(self) -> tuple[str, ...]:
        """Words of the command line that made this board of the one in the file."""
        chosen = (word for name in self.libraries for word in ("--kernels", name))
        cores = ("--cores", str(self.cores)) if self.cores > 1 else ()
        return (*self.memory_options, *chosen, *cores)

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
