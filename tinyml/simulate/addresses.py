"""Code addresses as function, file and line, by an ELF file's symbols and DWARF line table."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from tinyml.base.elf import ElfSection, read_elf
from tinyml.simulate.faults import Symbols

_WORD = re.compile(r"\b(?:0x)?([0-9A-Fa-f]{8})\b")
CRASH = re.compile(r"e-\[fault|Backtrace:|Guru Meditation|abort\(\)|assert|\b(PC|LR|MEPC|RA)\b")
CFSR_BITS = (  # Armv7-M Architecture Reference Manual, Configurable Fault Status Register
    (0, "instruction fetch from a place that holds no code"),
    (1, "access that the memory protection unit refuses"),
    (8, "instruction fetch from an address where nothing answers"),
    (9, "read or write at an address where nothing answers"),
    (10, "write at an address where nothing answers (imprecise: it happened shortly before)"),
    (12, "no memory left for the stack"),
    (16, "undefined instruction (a trap of the compiler, or a failed assertion)"),
    (17, "jump to an address without the Thumb bit"),
    (19, "coprocessor or floating-point unit that is off"),
    (24, "unaligned access"),
    (25, "division by zero"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the source an address lies."""

    function: str  # "main+0x12", or the bare address
    file: str  # "" when unknown
    line: int

    def __str__(self) -> str:
        return f"{self.function} ({self.file}:{self.line})" if self.file else self.function


class Addresses:
    """Looks addresses of one firmware up; reads the line table when first asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        elf = read_elf(path)
        self._code: tuple[ElfSection, ...] = tuple(item for item in elf.sections if item.is_code)
        self._symbols = Symbols(elf)
        self._rows: list[tuple[int, str, int]] | None = None

    def find(self, address: int) -> Place | None:
        """The place of an address; None when it is not in the code."""
        address &= ~1
        if not any(item.address <= address < item.address + item.nbytes for item in self._code):
            return None
        if self._rows is None:
            self._rows = _line_table(self._path)
        index = bisect.bisect_right(self._rows, address, key=_start) - 1
        file, line = self._rows[index][1:] if index >= 0 else ("", 0)
        return Place(self._symbols.name(address), file, line)

    def explain(self, text: str) -> str:
        """The text of a crash, with a line below for each code address in it and for its cause."""
        if not CRASH.search(text):
            return text
        lines = [text]
        for match in _WORD.finditer(text):
            place = self.find(int(match[1], 16))
            if place is not None:
                lines.append(f"  {match[1]}  {place}")
        return "\n".join([*lines, *(f"  cause: {cause}" for cause in causes(text))])


def causes(text: str) -> tuple[str, ...]:
    """What the fault status register in a line ``e-[fault …]`` says."""
    found = re.search(r"status ([0-9A-F]{8})", text)
    status = int(found[1], 16) if found else 0
    reasons = [reason for bit, reason in CFSR_BITS if status >> bit & 1]
    if "stack overflow" in text:
        reasons.insert(0, "the stack overflowed: raise stack_bytes in the board file")
    address = re.search(r"address ([0-9A-F]{8})", text)
    if address and status >> 15 & 1:  # BFAR is valid
        reasons.append(f"address 0x{address[1].lower()}")
    return tuple(reasons)


def _line_table(path: Path) -> list[tuple[int, str, int]]:
    """(start address, file, line) by address; (address, "", 0) where a sequence ends."""
    rows: list[tuple[int, str, int]] = []
    with path.open("rb") as file:
        # Loaded by name: whether the package has types differs between its releases.
        elf = import_module("elftools.elf.elffile").ELFFile(file)
        if not elf.has_dwarf_info():
            return []
        dwarf = elf.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is None:
                continue
            first = 0 if program["version"] >= 5 else 1
            names = [entry.name.decode("utf-8", "replace") for entry in program["file_entry"]]
            for entry in program.get_entries():
                state = entry.state
                if state is None or state.address == 0:
                    continue
                known = not state.end_sequence and 0 <= state.file - first < len(names)
                name = names[state.file - first] if known else ""
                rows.append((state.address, name, state.line if known else 0))
    # where one sequence ends another may start: the start comes last and counts
    return sorted(rows, key=lambda row: (row[0], row[1] != ""))


def _start(row: tuple[int, str, int]) -> int:
    return row[0]
