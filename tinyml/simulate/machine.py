"""An emulated board: boots the very ELF that would be flashed, with the chip's memory map.

Flash can be read and executed but not written, nothing else exists but RAM (filled with a pattern,
not zero) and peripherals. Whatever the chip would answer with a fault ends in a SimulationFault
that names the function. There are no interrupts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Literal

from tinyml.base.elf import Elf
from tinyml.base.errors import SimulationFault
from tinyml.simulate.alignment import may_be_unaligned, watch
from tinyml.simulate.counter import attach
from tinyml.simulate.decode import decode
from tinyml.simulate.engine import load_engine
from tinyml.simulate.faults import (
    Symbols,
    access_fault,
    check_loadable,
    instruction_fault,
    region_at,
)
from tinyml.simulate.interrupt import interrupt_kept
from tinyml.simulate.peripherals import Bus
from tinyml.simulate.protocols import Engine
from tinyml.simulate.timing import BlockCost, block_cost, timing_of
from tinyml.simulate.uart import Uart
from tinyml.target.board import Board

POISON = 0xA5  # what RAM holds at power-up
ERASED = 0xFF
PAGE = 0x1000
NOWHERE = 0xFFFFFFFE  # an address that is never reached
PERIPHERALS = ((0x40000000, 0x20000000), (0xD0000000, 0x10000), (0xE0000000, 0x100000))
SLICE_CYCLES = 50_000_000  # the emulator comes up for air (Ctrl-C) this often
VECTORS = "tml_vectors"  # symbol of the vector table, when it is not at the start of its region


class Stop(Enum):
    """Why the emulator came back."""

    IDLE = "idle"  # the firmware waits for the serial port, or sleeps
    LIMIT = "limit"  # the cycles it was given are used up


class Machine:
    """One emulated board, booted up to its reset vector."""

    def __init__(
        self, elf: Elf, board: Board, *, is_native: bool = True, bus: type[Bus] = Bus
    ) -> None:
        """``bus``: what answers for the peripherals."""
        self.board = board
        self.uart = Uart(board.chip.uart.kind, self._stop) if board.chip.uart else None
        self.shown: Literal["cycles", "instructions"] = "cycles"
        """What the firmware reads from its cycle counters."""
        self._symbols = Symbols(elf)
        self._fault: SimulationFault | None = None
        self._is_stopping = False
        self._is_resetting = False
        self._elf = elf
        options = board.options.get("simulator", {})
        self._timing = timing_of(
            board.chip.core, multiply_cycles=int(options.get("multiply_cycles", 1))
        )
        self._uc, self._arm, self._engine = load_engine(board.chip.core, board.name)
        self._bus = bus(
            board.chip,
            self.uart,
            self._ticks,
            self._refuse,
            self._reset,
            has_cycle_counter=not self._timing.is_baseline,
        )
        self._map(elf)
        self._hook()
        self._is_native = is_native
        self.counter = attach(
            self._engine,
            self._cost_of,
            board.chip,
            status=self._arm.UC_ARM_REG_XPSR,
            is_native=is_native,
        )
        self._pc = 0
        self._until = NOWHERE  # where the emulator stops by itself
        self._boot(elf)

    @property
    def cycles(self) -> int:
        """Core cycles since reset, by the timing model."""
        return self.counter.cycles

    @property
    def instructions(self) -> int:
        """Instructions executed since reset."""
        return self.counter.instructions

    def run(self, cycles: int) -> Stop:
        """Lets the firmware run until it is idle, but not for more than so many cycles.

        Raises SimulationFault when it does what the chip would not allow.
        """
        end = self.counter.cycles + cycles
        self._is_stopping = False
        with interrupt_kept(self._engine.emu_stop) as raise_interrupt:
            while not self._is_stopping:
                before = self.counter.cycles
                if before >= end:
                    return Stop.LIMIT
                slice_end = min(end, before + SLICE_CYCLES)
                self.counter.stop_at(slice_end)
                self._emulate()
                raise_interrupt()
                if self._is_resetting:
                    self._restart()
                elif self.counter.cycles < slice_end:
                    return Stop.IDLE  # nobody asked for a stop: it sleeps
        return Stop.IDLE

    def run_to(self, address: int, cycles: int) -> None:
        """Lets the firmware run until it is about to execute what is at an address.

        Raises SimulationFault when it does not get there within so many cycles.
        """
        self._until = address & ~1
        try:
            stop = self.run(cycles)
        finally:
            self._until = NOWHERE
        if self._pc != address & ~1:
            how = "has not ended" if stop is Stop.LIMIT else "waits"
            raise SimulationFault(f"the firmware {how} in {self.where()}", where=self.board.name)

    def call(self, function: int, back: int, cycles: int) -> int:
        """What a C function without arguments returns, as 32 bits, to ``back``, which is code."""
        self._engine.reg_write(self._arm.UC_ARM_REG_LR, back | 1)
        self._pc = function & ~1
        self.run_to(back, cycles)
        return self._register("R0")

    def write_memory(self, address: int, data: bytes) -> None:
        """Changes what memory holds."""
        self._engine.mem_write(address, data)

    def _emulate(self) -> None:
        try:
            self._engine.emu_start(self._pc | 1, self._until)
        except self._uc.UcError as error:
            self._pc = self._register("PC")
            raise self._fault or self._unknown(str(error)) from error
        self._pc = self._register("PC")
        if self._fault is not None:
            raise self._fault

    @contextmanager
    def checked_alignment(self) -> Iterator[None]:
        """While this lasts, unaligned accesses that the core does not allow are faults."""
        watching = watch(self._engine, self._judge, is_native=self._is_native)
        try:
            yield
        finally:
            watching.stop()

    def read_memory(self, address: int, nbytes: int) -> bytes:
        """What memory holds, for tests and for looking into a crash."""
        return bytes(self._engine.mem_read(address, nbytes))

    def where(self) -> str:
        """The function and address at which the firmware stands."""
        return f"{self._symbols.name(self._pc)} (pc 0x{self._pc:08x})"

    def _register(self, name: str) -> int:
        return int(self._engine.reg_read(getattr(self._arm, f"UC_ARM_REG_{name}")))

    def _ticks(self) -> int:
        counter = self.counter
        return counter.cycles if self.shown == "cycles" else counter.instructions

    def _stop(self) -> None:
        self._is_stopping = True
        self._engine.emu_stop()

    def _refuse(self, what: str) -> None:
        """Ends the run with a fault at the instruction that is being executed."""
        pc = self._register("PC")
        self._fault = instruction_fault(self.board, self._symbols, pc, f"the firmware {what}")
        self._stop()

    def _reset(self) -> None:
        """The firmware asks for a reset of the chip; it is carried out outside the emulation."""
        self._is_resetting = True
        self._engine.emu_stop()

    def _restart(self) -> None:
        """Registers and caches as after power-up; RAM keeps what it holds."""
        self._is_resetting = False
        self._bus.reset()
        self.counter.empty_caches()
        if self.uart is not None:
            self.uart.reset()
        self._boot(self._elf)

    def _unknown(self, text: str) -> SimulationFault:
        return instruction_fault(
            self.board, self._symbols, self._pc, f"the emulator gave up: {text}"
        )

    def _map(self, elf: Elf) -> None:
        uc = self._uc
        for region in self.board.chip.regions:
            base = region.base & -PAGE
            nbytes = (region.base + region.nbytes + PAGE - 1 & -PAGE) - base
            if base == 0 and region.kind == "ram" and not elf.claims(0, PAGE):
                base, nbytes = PAGE, nbytes - PAGE  # a null pointer must not hit memory
            is_flash = region.kind == "flash"
            protection = uc.UC_PROT_READ | uc.UC_PROT_EXEC if is_flash else uc.UC_PROT_ALL
            self._engine.mem_map(base, nbytes, protection)
            if not is_flash or elf.claims(base, nbytes):
                self._engine.mem_write(base, bytes([ERASED if is_flash else POISON]) * nbytes)
        for segment in elf.segments:
            if segment.data:
                check_loadable(self.board, segment.load_address, len(segment.data))
                self._engine.mem_write(segment.load_address, segment.data)
        for base, nbytes in PERIPHERALS:
            self._engine.mmio_map(base, nbytes, self._on_read, base, self._on_write, base)

    def _hook(self) -> None:
        uc = self._uc
        self._engine.hook_add(uc.UC_HOOK_MEM_INVALID, self._on_invalid_access)
        self._engine.hook_add(uc.UC_HOOK_INTR, self._on_exception)
        self._engine.hook_add(uc.UC_HOOK_INSN_INVALID, self._on_invalid_instruction)

    def _boot(self, elf: Elf) -> None:
        vectors = elf.symbol(VECTORS)
        base = (
            vectors.address if vectors else self.board.chip.region(self.board.chip.boot_region).base
        )
        stack, reset = struct.unpack("<2I", self.read_memory(base, 8))
        flash_or_ram = region_at(self.board.chip.regions, reset & ~1)
        if flash_or_ram is None or not reset & 1:
            raise SimulationFault(
                f"the vector table at 0x{base:08x} does not start with a stack and a reset handler "
                f"(0x{stack:08x}, 0x{reset:08x})",
                hint="was the image built for another board?",
                where=self.board.name,
            )
        self._engine.reg_write(self._arm.UC_ARM_REG_SP, stack)
        self._pc = reset & ~1

    def _cost_of(self, address: int, nbytes: int) -> BlockCost:
        code = bytes(self._engine.mem_read(address, nbytes))
        if not self._bus.is_fpu_enabled and any(i.kind.startswith("fp") for i in decode(code)):
            self._refuse("uses the floating-point unit before switching it on (CPACR)")
        return block_cost(code, self._timing)

    def _judge(self, pc: int, address: int, nbytes: int) -> bool:
        if may_be_unaligned(self.read_memory(pc & ~1, 4), self._timing):
            return True
        self._fault = instruction_fault(
            self.board,
            self._symbols,
            pc,
            f"unaligned access to {nbytes} bytes at 0x{address:08x}",
            f"a {self.board.chip.core.name} faults there; only LDR, STR, LDRH and STRH may be "
            "unaligned, and on Armv6-M not even these",
        )
        self._stop()
        return False

    def _on_read(self, _: object, offset: int, nbytes: int, base: int) -> int:
        return self._bus.read(base + offset, nbytes)

    def _on_write(self, _: object, offset: int, nbytes: int, value: int, base: int) -> None:
        self._bus.write(base + offset, nbytes, value)

    # Six parameters: the signature of a hook of unicorn.
    def _on_invalid_access(
        self, engine: Engine, access: int, address: int, nbytes: int, value: int, _: object
    ) -> bool:
        uc = self._uc
        reads = (uc.UC_MEM_READ_UNMAPPED, uc.UC_MEM_READ_PROT)
        writes = (uc.UC_MEM_WRITE_UNMAPPED, uc.UC_MEM_WRITE_PROT)
        kind = "read" if access in reads else "write" if access in writes else "execution"
        pc = self._register("PC")
        if kind == "execution":
            pc, nbytes = self._register("LR") & ~1, 0
        self._fault = access_fault(self.board, self._symbols, pc, kind, address, nbytes)
        return False

    def _on_exception(self, engine: Engine, number: int, _: object) -> None:
        names = {1: "an undefined instruction", 2: "an SVC instruction", 7: "a breakpoint (BKPT)"}
        what = names.get(number, f"exception {number} of the emulator")
        self._fault = instruction_fault(self.board, self._symbols, self._register("PC"), what)
        self._stop()

    def _on_invalid_instruction(self, engine: Engine, _: object) -> bool:
        self._fault = instruction_fault(
            self.board,
            self._symbols,
            self._register("PC"),
            f"an instruction that a {self.board.chip.core.name} does not have",
            "the image was compiled for another core, or a jump went into data",
        )
        return False
