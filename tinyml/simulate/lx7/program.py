"""Whole programs on the emulated core: an ELF file, its memory, a host that it reads and writes."""

from __future__ import annotations

from pathlib import Path

from tinyml.base.elf import Elf, read_elf
from tinyml.base.errors import SimulationFault
from tinyml.simulate.lx7.core import Lx7, Stop, Timing
from tinyml.target.chip import Chip

SLICE = 100_000_000  # cycles
_POISON = 0xA5  # what memory holds before it is written
_EXIT, _READ, _WRITE = 1, 3, 4  # what a program asks of its host, as on Cadence's simulator

_WHY = {
    Stop.NO_CODE: "jumped to where no code is",
    Stop.ILLEGAL: "executed an instruction that an LX7 does not have",
    Stop.UNKNOWN: "executed an instruction that is not emulated",
    Stop.BAD_READ: "read {bytes} bytes at 0x{address:08x}, where no memory is",
    Stop.BAD_WRITE: "wrote {bytes} bytes at 0x{address:08x}, where no memory can be written",
    Stop.DIVIDE_BY_0: "divided by 0",
    Stop.WINDOW: "returned to no caller: the register windows are broken",
    Stop.EXCEPTION: "raised an exception",
    Stop.LIMIT: "did not come to an end",
}


def loaded(
    elf: Elf,
    ram: tuple[tuple[int, int], ...],
    timing: Timing | None = None,
    chip: Chip | None = None,
) -> Lx7:
    """A core with an ELF file in memory; ``ram`` are (address, bytes) of what it may write.

    ``chip``: whose caches count.
    """
    core = Lx7(timing, chip)
    for segment in elf.segments:
        place, nbytes = segment.address, segment.memory_bytes
        is_code = any(
            item.is_code and place <= item.address < place + nbytes for item in elf.sections
        )
        is_ram = any(base <= place < base + size for base, size in ram)
        if nbytes and (is_code or not is_ram):
            core.add_memory(place, nbytes, 0, is_writable=True, has_code=is_code)
    for base, nbytes in ram:
        core.add_memory(base, nbytes, _POISON, is_writable=True, has_code=False)
    for segment in elf.segments:
        core.write(segment.address, segment.data)
        core.write(
            segment.address + len(segment.data),
            bytes(segment.memory_bytes - len(segment.data)),
        )
    core.state.pc = elf.entry
    return core


def run_program(
    path: Path, given: bytes, ram: tuple[tuple[int, int], ...], timed_on: Chip | None = None
) -> bytes:
    """What a program writes until it ends, that gets ``given`` to read.

    Its counter (CCOUNT) counts instructions, or cycles of a chip with its caches.

    Raises SimulationFault when it does what the chip would not allow.
    """
    core = loaded(read_elf(path), ram, chip=timed_on)
    core.state.shows_instructions = timed_on is None
    written, at = bytearray(), 0
    while True:
        stop = core.run(cycles=SLICE)  # so that Ctrl-C is heard
        if stop is Stop.LIMIT:
            continue
        if stop is not Stop.CALL:
            raise SimulationFault(f"the program {why(core, stop)} (pc 0x{core.state.pc:08x})")
        number, place, nbytes = core.a(2), core.a(4), core.a(5)
        if number == _EXIT:
            return bytes(written)
        if number == _READ:
            part = given[at : at + nbytes]
            core.write(place, part)
            at += len(part)
            core.set_a(2, len(part))
        elif number == _WRITE:
            written += core.read(place, nbytes)
            core.set_a(2, nbytes)


def why(core: Lx7, stop: Stop) -> str:
    """What a program did that ended its run, in words."""
    state = core.state
    return _WHY[stop].format(bytes=state.fault_bytes, address=state.fault_address)
