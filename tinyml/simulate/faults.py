"""Says in words what an emulated firmware did wrong: what, where, in which function, and why."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from tinyml.base.elf import Elf
from tinyml.base.errors import SimulationFault
from tinyml.target.board import Board
from tinyml.target.chip import Region

NULL_BYTES = 0x100  # addresses this low come from a null pointer


class Symbols:
    """Finds the function that an address lies in."""

    def __init__(self, elf: Elf) -> None:
        self._functions = elf.functions()
        self._starts = [item.address for item in self._functions]

    def name(self, address: int) -> str:
        """``function+0x12``, or the bare address when no function is there."""
        address &= ~1
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0:
            return f"0x{address:08x}"
        function = self._functions[index]
        offset = address - function.address
        if offset >= max(function.nbytes, 2):
            return f"0x{address:08x}"
        return f"{function.name}+0x{offset:x}" if offset else function.name


def region_at(regions: Sequence[Region], address: int) -> Region | None:
    """The region that an address lies in."""
    return next((r for r in regions if r.base <= address < r.base + r.nbytes), None)


# Six parameters: what the emulator says of an access.
def access_fault(
    board: Board, symbols: Symbols, pc: int, access: str, address: int, nbytes: int
) -> SimulationFault:
    """The error for a read, write or execution that the chip would not allow."""
    region = region_at(board.chip.regions, address)
    what = f"{access} of {nbytes} byte{'s' if nbytes > 1 else ''} at" if nbytes else f"{access} at"
    if region is not None and region.kind == "flash" and access == "write":
        place, hint = (
            f"in '{region.name}', which only a flasher can write",
            "a pointer to a constant is written to, or an index of an array in RAM is far off",
        )
    elif address < NULL_BYTES:
        place, hint = "(a null pointer)", "a pointer or a function pointer was never set"
    else:
        place, hint = "outside every memory region", _neighbour(board, address)
    return SimulationFault(
        f"{what} 0x{address:08x} {place}, by {symbols.name(pc)} (pc 0x{pc:08x})",
        hint=hint,
        where=board.name,
    )


def instruction_fault(
    board: Board, symbols: Symbols, pc: int, what: str, hint: str | None = None
) -> SimulationFault:
    """The error for an instruction that cannot be executed."""
    return SimulationFault(
        f"{what}, in {symbols.name(pc)} (pc 0x{pc:08x})", hint=hint, where=board.name
    )


def _neighbour(board: Board, address: int) -> str:
    below = [r for r in board.chip.regions if r.base + r.nbytes <= address]
    above = [r for r in board.chip.regions if r.base > address]
    main = board.ram[0].region
    if above:
        region = min(above, key=lambda r: r.base)
        if region.name == main and region.base - address <= 0x1000:
            return f"just below '{main}': the stack overflowed; raise stack_bytes in the board file"
    if below:
        region = max(below, key=lambda r: r.base + r.nbytes)
        beyond = address - region.base - region.nbytes
        if beyond < 0x10000:
            return f"{beyond:,} bytes beyond the end of '{region.name}'"
    return "an address was computed wrongly, or memory that holds it was overwritten"


def check_loadable(board: Board, address: int, nbytes: int) -> None:
    """Raises SimulationFault unless a debugger could fill this memory and it would stay filled."""
    region = region_at(board.chip.regions, address)
    if region is None or address + nbytes > region.base + region.nbytes:
        raise SimulationFault(
            f"the image wants {nbytes:,} bytes at 0x{address:08x}, where the chip has no memory "
            "for them",
            hint="was it built for another board?",
            where=board.name,
        )
    if region.kind != "flash":
        raise SimulationFault(
            f"the image wants {nbytes:,} bytes in '{region.name}' at start, but only flash keeps "
            "its content without power",
            hint="the linker script must give .data a load address in flash (AT>)",
            where=board.name,
        )
