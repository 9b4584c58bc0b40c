"""The peripheral address space of an emulated chip.

The serial port and the clocks that count (DWT, SysTick, a timer) are modelled. All other registers
read back what was written, with the status bits set that the chip's data file lists as ``ready``,
which is what clock and pin set-up code waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinyml.simulate.uart import Uart
from tinyml.target.chip import Chip

SYST_CSR, SYST_RVR, SYST_CVR = 0xE000E010, 0xE000E014, 0xE000E018
CSR_ENABLE, CSR_TICKINT, CSR_COUNTFLAG = 1 << 0, 1 << 1, 1 << 16
SYST_MASK = 0xFFFFFF
DWT_CTRL, DWT_CYCCNT = 0xE0001000, 0xE0001004
DWT_CTRL_CYCCNTENA, DWT_CTRL_NOCYCCNT = 1 << 0, 1 << 25
DEMCR, DEMCR_TRCENA = 0xE000EDFC, 1 << 24
CPACR, CPACR_FPU = 0xE000ED88, 0xF << 20
AIRCR, AIRCR_SYSRESETREQ = 0xE000ED0C, 1 << 2

Ticks = Callable[[], int]


@dataclass(slots=True)
class SysTick:
    """The 24-bit down-counter of every Cortex-M."""

    ticks: Ticks
    control: int = 0
    reload: int = 0
    start: int = 0  # ticks at which the counter was 0
    seen: int = 0  # wraps that COUNTFLAG has told of

    def read(self, address: int) -> int:
        """What the firmware reads from one of the three registers."""
        if address == SYST_RVR:
            return self.reload
        elapsed = self.ticks() - self.start if self.control & CSR_ENABLE else 0
        if address == SYST_CVR:
            return -elapsed % (self.reload + 1)
        wraps = elapsed // (self.reload + 1)
        flag = CSR_COUNTFLAG if wraps > self.seen else 0
        self.seen = wraps
        return self.control | flag

    def write(self, address: int, value: int) -> None:
        """What the firmware writes to one of the three registers."""
        if address == SYST_RVR:
            self.reload = value & SYST_MASK
        elif address == SYST_CVR:
            self.start, self.seen = self.ticks(), 0
        else:
            if value & CSR_ENABLE and not self.control & CSR_ENABLE:
                self.start, self.seen = self.ticks(), 0
            self.control = value & 7


class Bus:
    """Answers every read and write of a peripheral register.

    ``ticks`` is what the cycle counters show; ``fault`` is told of what cannot be emulated,
    ``on_reset`` that the firmware wants to start anew.
    """

    # Six parameters: what a bus asks of the machine around it.
    def __init__(
        self,
        chip: Chip,
        uart: Uart | None,
        ticks: Ticks,
        fault: Callable[[str], None],
        on_reset: Callable[[], None],
        *,
        has_cycle_counter: bool = True,
    ) -> None:
        self._chip = chip
        self._uart = uart
        self._uart_base = chip.uart.base if chip.uart else 0
        self._uart_nbytes = uart.layout.nbytes if uart else 0
        self._ticks = ticks
        self._fault = fault
        self._on_reset = on_reset
        self._has_cycle_counter = has_cycle_counter
        self._systick = SysTick(ticks)
        self._cycles_base = 0  # ticks at which CYCCNT was 0
        self._ready = dict(chip.ready)
        self._words: dict[int, int] = {}

    def reset(self) -> None:
        """Registers as after power-up."""
        self._words.clear()
        self._systick = SysTick(self._ticks)
        self._cycles_base = 0

    @property
    def is_fpu_enabled(self) -> bool:
        """Whether the firmware has given itself access to the floating-point unit."""
        return self._words.get(CPACR, 0) & CPACR_FPU == CPACR_FPU

    def read(self, address: int, nbytes: int) -> int:
        """A read of 1, 2 or 4 bytes."""
        offset = address - self._uart_base
        if nbytes == 4 and not address & 3 and 0 <= offset < self._uart_nbytes:
            assert self._uart is not None
            return self._uart.read(offset)  # by far the most frequent
        word = address & ~3
        value = self._read_word(word)
        return value >> 8 * (address & 3) & ((1 << 8 * nbytes) - 1)

    def write(self, address: int, nbytes: int, value: int) -> None:
        """A write of 1, 2 or 4 bytes."""
        offset = address - self._uart_base
        if nbytes == 4 and not address & 3 and 0 <= offset < self._uart_nbytes:
            assert self._uart is not None
            self._uart.write(offset, value & 0xFFFFFFFF)
            return
        word = address & ~3
        if nbytes < 4 and not self._is_uart(address):
            shift = 8 * (address & 3)
            mask = ((1 << 8 * nbytes) - 1) << shift
            value = self._words.get(word, 0) & ~mask | value << shift & mask
        self._write_word(word, value & 0xFFFFFFFF)

    def _is_uart(self, address: int) -> bool:
        return 0 <= address - self._uart_base < self._uart_nbytes

    def _read_word(self, address: int) -> int:
        if self._uart is not None and self._is_uart(address):
            return self._uart.read(address - self._uart_base)
        if address == DWT_CYCCNT:
            return self._cycle_count()
        if SYST_CSR <= address <= SYST_CVR:
            return self._systick.read(address)
        timer = self._chip.timer
        if timer is not None and address == timer.base:
            return self._ticks() * timer.clock_hz // self._chip.clock_hz & 0xFFFFFFFF
        if address == DWT_CTRL and not self._has_cycle_counter:
            return DWT_CTRL_NOCYCCNT
        return self._words.get(address, 0) | self._ready.get(address, 0)

    def _write_word(self, address: int, value: int) -> None:
        if self._uart is not None and self._is_uart(address):
            self._uart.write(address - self._uart_base, value)
            return
        if SYST_CSR <= address <= SYST_CVR:
            if address == SYST_CSR and value & CSR_TICKINT:
                self._fault("switches the SysTick interrupt on; the emulator has no interrupts")
            self._systick.write(address, value)
            return
        if address == AIRCR and value & AIRCR_SYSRESETREQ:
            self._on_reset()
            return
        if address in (DWT_CTRL, DEMCR):
            self._set_counting(address, value)
        if address == DWT_CYCCNT:
            self._cycles_base = self._ticks() - value if self._is_counting() else value
            return
        self._words[address] = value

    def _is_counting(self) -> bool:
        return bool(
            self._has_cycle_counter
            and self._words.get(DEMCR, 0) & DEMCR_TRCENA
            and self._words.get(DWT_CTRL, 0) & DWT_CTRL_CYCCNTENA
        )

    def _set_counting(self, address: int, value: int) -> None:
        """Writes a control register; a stopped counter keeps its value in ``_cycles_base``."""
        before = self._is_counting()
        count = self._cycle_count()
        self._words[address] = value
        if self._is_counting() != before:
            self._cycles_base = count if before else self._ticks() - count

    def _cycle_count(self) -> int:
        if self._is_counting():
            return self._ticks() - self._cycles_base & 0xFFFFFFFF
        return self._cycles_base & 0xFFFFFFFF
