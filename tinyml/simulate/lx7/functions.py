"""Functions of a linked firmware for the ESP32-S3, called on the emulated core.

Nothing boots: no ROM, no boot loader, no FreeRTOS. The image's segments lie where its linker put
them, which is where ESP-IDF's boot loader and memory map put them; its own window vectors save and
bring back registers. A function that leaves that memory (a driver, the heap) ends in a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.base.elf import Elf
from tinyml.base.errors import SimulationFault
from tinyml.simulate.faults import Symbols
from tinyml.simulate.lx7.core import NOWHERE, PS_WINDOWS, Lx7, Stop, Timing
from tinyml.simulate.lx7.program import loaded, why
from tinyml.target.board import Board

STACK_BYTES = 0x10000
PAINT = 0xA5
_BY_8 = 2  # how far the window turns for a call, in quarters
_VECTORS = ("_WindowOverflow4", "_vectors")  # ESP-IDF's, and those of our own start-up code
_BACK = 4  # where calls return to: nothing is there, whatever the two highest bits
_VECBASE = 231


@dataclass(frozen=True, slots=True)
class Mark:
    """The counters at a call of a function that is watched, and after it."""

    before: tuple[int, int]  # instructions, cycles
    after: tuple[int, int]


class Functions:
    """A linked image whose functions can be called; a ``Core`` for invoke.py."""

    def __init__(
        self,
        elf: Elf,
        board: Board,
        timing: Timing | None = None,
        watched: Sequence[str] = (),
    ) -> None:
        """``watched``: of calls to these functions, in that order, ``marks`` keeps the counters.

        Raises SimulationFault when the image has no window vectors.
        """
        dram = board.ram[0]
        region = board.chip.region(dram.region)
        self._stack = region.base + region.nbytes & -16
        self._core: Lx7 = loaded(elf, ((self._stack, STACK_BYTES),), timing, board.chip)
        self._symbols, self._where = Symbols(elf), board.name
        found = [elf.symbol(name) for name in _VECTORS]
        vectors = next((item for item in found if item is not None), None)
        if vectors is None:
            raise SimulationFault(
                f"the image has none of the symbols {', '.join(_VECTORS)}: it is not of an Xtensa "
                "core with register windows, or it was stripped",
                where=board.name,
            )
        self._core.state.special[_VECBASE] = vectors.address
        marked = [elf.symbol(name) for name in watched]
        self._watched = [NOWHERE if item is None else item.address for item in marked]
        self.marks: list[Mark] = []

    @property
    def counters(self) -> tuple[int, int]:
        """Instructions and cycles so far."""
        return self._core.state.instructions, self._core.state.cycles

    @property
    def stack_bytes(self) -> int:
        """How far the stack went below the caller."""
        content = self._core.read(self._stack, STACK_BYTES)
        return len(content.lstrip(bytes([PAINT])))

    def run_to(self, address: int, cycles: int) -> None:
        """Nothing: functions are called without an application that runs up to them."""

    def read_memory(self, address: int, nbytes: int) -> bytes:
        """What memory holds."""
        return self._core.read(address, nbytes)

    def write_memory(self, address: int, data: bytes) -> None:
        """Changes what memory holds."""
        self._core.write(address, data)

    def call(self, function: int, back: int, cycles: int) -> int:
        """What a C function without arguments returns, as 32 bits.

        Raises SimulationFault when it does what the chip would not allow, or takes more cycles.
        """
        state = self._core.state
        state.window_base, state.window_start = 0, 1
        state.ps = PS_WINDOWS | _BY_8 << 16
        top = self._stack + STACK_BYTES - 64
        self._core.write(top - 12, (top + 32).to_bytes(4, "little"))  # the caller's own caller's
        self._core.set_a(1, top)
        self._core.set_a(4 * _BY_8, _BY_8 << 30 | _BACK)
        state.pc = function
        end, outside = state.cycles + cycles, function & 0xC000_0000 | _BACK
        while True:
            stop = self._core.run(self._next(), end - state.cycles)
            if stop is Stop.NO_CODE and state.pc == outside:
                return self._core.a(4 * _BY_8 + 2)
            if stop is not Stop.UNTIL:
                raise self._fault(stop)
            self._mark(end)

    def _next(self) -> int:
        """The next function that is watched, which is as far as the core runs."""
        done = len(self.marks)
        return self._watched[done] if done < len(self._watched) else NOWHERE

    def _mark(self, end: int) -> None:
        """Runs a watched function to its end."""
        state = self._core.state
        caller = self._core.a(4 * (state.ps >> 16 & 3))
        before = self.counters
        back = state.pc & 0xC000_0000 | caller & 0x3FFF_FFFF
        stop = self._core.run(back, end - state.cycles)
        if stop is not Stop.UNTIL:
            raise self._fault(stop)
        self.marks.append(Mark(before, self.counters))

    def _fault(self, stop: Stop) -> SimulationFault:
        pc = self._core.state.pc
        return SimulationFault(
            f"the firmware {why(self._core, stop)}, in {self._symbols.name(pc)} (pc 0x{pc:08x})",
            where=self._where,
        )
