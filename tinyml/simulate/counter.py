"""Exact counts of executed instructions, and cycles, taken at every basic block of the emulator.

Two counters with the same results: a native block hook (hook.c, 100 MIPS and more) and one in
Python (5 to 20 MIPS) for machines where the native one cannot be built.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from tinyml.base.errors import ToolError
from tinyml.simulate.protocols import Engine
from tinyml.simulate.timing import BlockCost

log = logging.getLogger("tinyml")

SLOTS = 1 << 16
NO_LIMIT = (1 << 64) - 1

CostOf = Callable[[int, int], tuple[BlockCost, int]]
"""(address, bytes) of a block to what it costs, and cycles more when it is jumped to."""


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


class _Cost(ctypes.Structure):
    _fields_ = [
        ("address", ctypes.c_uint32),
        ("nbytes", ctypes.c_uint32),
        ("instructions", ctypes.c_uint32),
        ("cycles", ctypes.c_uint32),
        ("taken", ctypes.c_uint32),
        ("arrival", ctypes.c_uint32),
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
        ("slots", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("miss", _Miss),
    ]


class NativeCounter:
    """The block hook in C, attached to the emulator past its Python layer."""

    def __init__(self, engine: Engine, cost_of: CostOf, library: Path) -> None:
        binding = import_module("unicorn.unicorn_py3.unicorn")
        block_hook = binding.uc.UC_HOOK_BLOCK

        self._failure: BaseException | None = None
        self._cost_of = cost_of
        self._slots = (_Cost * SLOTS)()
        self._library = ctypes.CDLL(str(library))
        self._miss = _Miss(self._on_miss)
        self._state = _State(
            limit=NO_LIMIT,
            mask=SLOTS - 1,
            slots=ctypes.addressof(self._slots),
            stop=ctypes.cast(binding.uclib.uc_emu_stop, ctypes.c_void_p).value,
            miss=self._miss,
        )
        handle = ctypes.c_size_t()
        status = binding.uclib.uc_hook_add(
            engine._uch,
            ctypes.byref(handle),
            block_hook,
            ctypes.cast(self._library.tml_block, ctypes.c_void_p),
            ctypes.byref(self._state),
            ctypes.c_uint64(1),  # begin > end: every address
            ctypes.c_uint64(0),
        )
        if status:
            raise OSError(f"the emulator refuses the native hook (error {status})")

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

    def _on_miss(self, address: int, nbytes: int, slot: Any) -> None:
        cost, arrival = self._cost_of(address, nbytes)
        slot[0].instructions = cost.instructions
        slot[0].cycles = cost.cycles
        slot[0].taken = cost.taken_cycles
        slot[0].arrival = arrival


class PythonCounter:
    """The same in Python."""

    def __init__(self, engine: Engine, cost_of: CostOf) -> None:
        self.instructions = 0
        self.cycles = 0
        self._cost_of = cost_of
        self._costs: dict[tuple[int, int], tuple[int, int, int, int]] = {}
        self._limit = NO_LIMIT
        self._next = 0
        self._taken = 0
        engine.hook_add(import_module("unicorn").UC_HOOK_BLOCK, self._on_block)

    def stop_at(self, cycles: int | None) -> None:
        """Makes the emulator stop before the next block once so many cycles are reached."""
        self._limit = NO_LIMIT if cycles is None else cycles

    def _on_block(self, engine: Engine, address: int, nbytes: int, _: object) -> None:
        if self.cycles >= self._limit:
            engine.emu_stop()
            return
        key = (address, nbytes)
        known = self._costs.get(key)
        if known is None:
            cost, arrival = self._cost_of(address, nbytes)
            known = (cost.instructions, cost.cycles, cost.taken_cycles, arrival)
            self._costs[key] = known
        instructions, cycles, taken, arrival = known
        self.instructions += instructions
        self.cycles += cycles
        if address != self._next:
            self.cycles += self._taken + arrival
        self._next = address + nbytes
        self._taken = taken


def attach(engine: Engine, cost_of: CostOf, *, is_native: bool = True) -> Counter:
    """A counter on the emulator: the native one if it can be had."""
    if is_native:
        from tinyml.simulate.native import hook_library

        try:
            return NativeCounter(engine, cost_of, hook_library())
        except (ToolError, OSError, ImportError, AttributeError) as error:
            # nothing is lost but speed; the binding's inner names are not a promise either
            log.info("no native block hook, counting in Python: %s", error)
    return PythonCounter(engine, cost_of)
