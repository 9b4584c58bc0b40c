"""Boards and chips: data files that say what exists and what a model may use.

``boards/<name>.toml`` is a circuit board, ``boards/chips/<name>.toml`` the silicon on it. The file
stem is the name. Unknown keys are errors. Nothing in tinyml asks for a board or chip by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Region:
    """A range of addresses."""

    name: str  # "flash", "sram", "dtcm"
    kind: str  # "flash" or "ram"
    base: int
    nbytes: int
    read_wait_cycles: int = 0  # extra core cycles of an instruction fetch that misses the prefetcher


@dataclass(frozen=True, slots=True)
class Uart:
    """The serial port that the agent uses."""

    kind: str  # register layout: firmware/port/uart_<kind>.c and simulate/uart.py know it
    base: int  # address of its registers


@dataclass(frozen=True, slots=True)
class Chip:
    """A microcontroller."""

    name: str
    title: str
    source: str  # where the numbers come from
    core: str  # "cortex-m4": toolchain target and timing model
    isa: tuple[str, ...]  # features a kernel may need: "dsp", "mve", "fpu_sp", "fpu_dp"
    clock_hz: int  # what the firmware sets up
    reset_clock_hz: int  # what it runs at out of reset
    regions: tuple[Region, ...]
    boot_region: str  # where the vector table lies
    port: str  # firmware/port/<port>/: clock and pins
    cycle_counter: str  # "dwt" or "systick"
    uart: Uart | None
    defines: Mapping[str, int]  # C macros for the port (register values of this chip)
    ready: tuple[tuple[int, int], ...]  # (address, mask): status bits that the simulator shows as set


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a region a firmware may use."""

    region: str
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Board:
    """A circuit board."""

    name: str
    title: str
    source: str
    chip: Chip
    usb: tuple[str, ...]  # "vid:pid" of its serial port
    ram: tuple[Budget, ...]  # regions for arenas, first choice first; usable after boot
    flash: Budget  # region for code and weights
    stack_bytes: int  # reserved for the main stack
    backends: Mapping[str, str]  # runtime, toolchain, flasher, simulator, template
    baud: int
    defines: Mapping[str, int]  # C macros for the port (pins of this board); override the chip's
    options: Mapping[str, Mapping[str, Any]]  # per backend, its own table

    def region(self, name: str) -> Region:
        """The chip's region of that name."""
        return next(region for region in self.chip.regions if region.name == name)
