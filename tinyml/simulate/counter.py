"""Exact counts of executed instructions, and cycles, taken at every basic block of the emulator.

Where a chip has caches, what fetches and reads wait for is added (``caches``), which takes a call
per read from memory behind one. Two counters with the same results: native hooks (hook.c, 100 MIPS
and more, 20 with the reads) and one in Python (5 to 20 MIPS) for machines where the native ones
cannot be built.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from tinyml.base.errors import ToolError
from tinyml.simulate.caches import Caches, NativeCaches, spans
from tinyml.simulate.protocols import Engine
from tinyml.simulate.timing import BlockCost
from tinyml.target.chip import Chip

log = logging.getLogger("tinyml")

SLOTS = 1 << 16
NO_LIMIT = (1 << 64) - 1

IT_STATE = 0x0600FC00  # of the program status register
NO_IT_STATE = -1

CostOf = Callable[[int, int], BlockCost]
"""(address, bytes) of a block to what it costs without waiting for memory."""


class Counter(Protocol):
    """Counts what the emulator executes."""

    @property
    def instructions(self) -> int:
        """Instructions executed so far, those skipped within IT blocks included."""

    @property
    def cycles(self) -> int:
        """Core cycles spent so far, by the timing model."""

    def stop_at(self, cycles: int | None) -> None:
        """Makes the emulator stop before the next block once so many cycles are reached."""

    def empty_caches(self) -> None:
        """As after a reset: what was fetched and read comes from memory again."""

    def ignore_memory(self) -> None:
        """From now on nothing waits for memory, which runs several times as fast."""


class _Cost(ctypes.Structure):
    _fields_ = [
        ("address", ctypes.c_uint32),
        ("nbytes", ctypes.c_uint32),
        ("instructions", ctypes.c_uint32),
        ("cycles", ctypes.c_uint32),
        ("taken", ctypes.c_uint32),
        ("is_conditional", ctypes.c_uint32),
    ]


_Miss = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.POINTER(_Cost))


class _State(ctypes.Structure):
    _fields_ = [
        ("instructions", ctypes.c_uint64),
        ("cycles", ctypes.c_uint64),
        ("limit", ctypes.c_uint64),
        ("next", ctypes.c_uint32),
        ("taken", ctypes.c_uint32),
        ("mask", ctypes.c_uint32),
        ("used", ctypes.c_uint32),
        ("is_conditional", ctypes.c_uint32),
        ("program_status", ctypes.c_int32),
        ("slots", ctypes.c_void_p),
        ("caches", ctypes.c_void_p),
        ("read_register", ctypes.c_void_p),
        ("write_register", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("miss", _Miss),
    ]


class NativeCounter:
    """The hooks in C, attached to the emulator past its Python layer."""

    # Five values: the emulator, what blocks cost, the hooks, what lies behind caches, IT blocks.
    def __init__(
        self, engine: Engine, cost_of: CostOf, library: Path, chip: Chip | None, status: int
    ) -> None:
        """``status``: the emulator's number of the register with the IT state, or NO_IT_STATE."""
        self._engine = engine
        self._binding = import_module("unicorn.unicorn_py3.unicorn")
        self._failure: BaseException | None = None
        self._cost_of = cost_of
        self._slots = (_Cost * SLOTS)()
        self._library = ctypes.CDLL(str(library))
        self._miss = _Miss(self._on_miss)
        self._chip = chip
        self._caches = NativeCaches(chip) if chip is not None and chip.caches else None
        self._state = _State(
            limit=NO_LIMIT,
            mask=SLOTS - 1,
            program_status=status,
            slots=ctypes.addressof(self._slots),
            caches=ctypes.addressof(self._caches) if self._caches is not None else None,
            read_register=self._function("uc_reg_read"),
            write_register=self._function("uc_reg_write"),
            stop=self._function("uc_emu_stop"),
            miss=self._miss,
        )
        block = self._binding.uc.UC_HOOK_BLOCK
        self._hook(block, self._library.tml_block, 1, 0)  # begin > end: every address
        accesses = self._binding.uc.UC_HOOK_MEM_READ | self._binding.uc.UC_HOOK_MEM_WRITE
        self._watched = [
            self._hook(accesses, self._library.tml_access, span.base, span.base + span.nbytes - 1)
            for span in (spans(chip, "data") if chip is not None else ())
        ]

    def _function(self, name: str) -> int | None:
        return ctypes.cast(getattr(self._binding.uclib, name), ctypes.c_void_p).value

    def _hook(self, kind: int, function: Any, begin: int, end: int) -> ctypes.c_size_t:
        handle = ctypes.c_size_t()
        status = self._binding.uclib.uc_hook_add(
            self._engine._uch,
            ctypes.byref(handle),
            kind,
            ctypes.cast(function, ctypes.c_void_p),
            ctypes.byref(self._state),
            ctypes.c_uint64(begin),
            ctypes.c_uint64(end),
        )
        if status:
            raise OSError(f"the emulator refuses the native hook (error {status})")
        return handle

    @property
    def instructions(self) -> int:
        """Instructions executed so far, those skipped within IT blocks included."""
        return int(self._state.instructions)

    @property
    def cycles(self) -> int:
        """Core cycles spent so far, by the timing model."""
        return int(self._state.cycles)

    def stop_at(self, cycles: int | None) -> None:
        """Makes the emulator stop before the next block once so many cycles are reached."""
        self._state.limit = NO_LIMIT if cycles is None else cycles

    def ignore_memory(self) -> None:
        """From now on nothing waits for memory, which runs several times as fast."""
        for handle in self._watched:
            self._binding.uclib.uc_hook_del(self._engine._uch, handle)
        _forget_hooks(self._engine, self._watched)
        self._state.caches = self._caches = None

    def empty_caches(self) -> None:
        """As after a reset: what was fetched and read comes from memory again."""
        if self._caches is not None and self._chip is not None:
            self._caches = NativeCaches(self._chip)
            self._state.caches = ctypes.addressof(self._caches)

    def _on_miss(self, address: int, nbytes: int, slot: Any) -> None:
        cost = self._cost_of(address, nbytes)
        slot[0].instructions = cost.instructions
        slot[0].cycles = cost.cycles
        slot[0].taken = cost.taken_cycles
        slot[0].is_conditional = cost.is_conditional


class PythonCounter:
    """The same in Python."""

    def __init__(self, engine: Engine, cost_of: CostOf, chip: Chip | None, status: int) -> None:
        uc = import_module("unicorn")
        self.instructions = 0
        self.cycles = 0
        self._cost_of = cost_of
        self._costs: dict[tuple[int, int], BlockCost] = {}
        self._limit = NO_LIMIT
        self._next = 0
        self._last = BlockCost(0, 0, 0)
        self._status = status
        self._chip = chip
        self._caches = Caches(chip) if chip is not None and chip.caches else None
        self._engine = engine
        engine.hook_add(uc.UC_HOOK_BLOCK, self._on_block)
        accesses = uc.UC_HOOK_MEM_READ | uc.UC_HOOK_MEM_WRITE
        self._watched = [
            engine.hook_add(
                accesses, self._on_access, begin=span.base, end=span.base + span.nbytes - 1
            )
            for span in (spans(chip, "data") if chip is not None else ())
        ]

    def stop_at(self, cycles: int | None) -> None:
        """Makes the emulator stop before the next block once so many cycles are reached."""
        self._limit = NO_LIMIT if cycles is None else cycles

    def ignore_memory(self) -> None:
        """From now on nothing waits for memory, which runs several times as fast."""
        for handle in self._watched:
            self._engine.hook_del(handle)
        _forget_hooks(self._engine, self._watched)
        self._caches = None

    def empty_caches(self) -> None:
        """As after a reset: what was fetched and read comes from memory again."""
        if self._caches is not None and self._chip is not None:
            self._caches = Caches(self._chip)

    def _on_block(self, engine: Engine, address: int, nbytes: int, _: object) -> None:
        if self.cycles >= self._limit:
            engine.emu_stop()
            return
        cost = self._costs.get((address, nbytes))
        if cost is None:
            cost = self._cost_of(address, nbytes)
            self._costs[address, nbytes] = cost
        self.instructions += cost.instructions
        self.cycles += cost.cycles
        if address != self._next:
            self.cycles += self._last.taken_cycles
        if self._caches is not None:
            self.cycles += self._caches.fetch(address, nbytes)
        self._next = address + nbytes
        self._last = cost

    # Six parameters: the signature of a hook of unicorn.
    def _on_access(
        self, engine: Engine, kind: int, address: int, nbytes: int, _value: int, _: object
    ) -> None:
        if self._caches is None:
            return
        if self._last.is_conditional and self._status != NO_IT_STATE:
            status = engine.reg_read(self._status)
            if status & IT_STATE:  # see clear_it_state in hook.c
                engine.reg_write(self._status, status & ~IT_STATE)
        is_write = kind == import_module("unicorn").UC_MEM_WRITE
        self.cycles += self._caches.access(address, nbytes, is_write=is_write)


def _forget_hooks(engine: Engine, handles: list[ctypes.c_size_t] | list[int]) -> None:
    """Lets the emulator translate anew what it has translated with calls of hooks."""
    if handles:
        handles.clear()
        engine.ctl_flush_tb()


def attach(
    engine: Engine,
    cost_of: CostOf,
    chip: Chip | None = None,
    *,
    status: int = NO_IT_STATE,
    is_native: bool = True,
) -> Counter:
    """A counter on the emulator: the native one if it can be had.

    ``chip``: whose caches count; ``status``: number of the register with the IT state.
    """
    if is_native:
        from tinyml.simulate.native import hook_library

        try:
            return NativeCounter(engine, cost_of, hook_library(), chip, status)
        except (ToolError, OSError, ImportError, AttributeError) as error:
            # nothing is lost but speed; the binding's inner names are not a promise either
            log.info("no native hooks, counting in Python: %s", error)
    return PythonCounter(engine, cost_of, chip, status)
