"""Finds the unaligned accesses that a real core answers with a fault; the emulator lets them pass.

Armv7-M and Armv8-M Mainline allow them to LDR, STR and their halfword forms only, Armv6-M to
nothing. Watching every access costs a factor of five in speed, so this is switched on for one
inference. Source: Armv7-M Architecture Reference Manual, A3.2.1; Armv6-M, A3.2.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from tinyml.base.errors import ToolError
from tinyml.simulate.counter import IT_STATE
from tinyml.simulate.decode import decode
from tinyml.simulate.native import hook_library
from tinyml.simulate.protocols import Engine
from tinyml.target.cores import Timing

log = logging.getLogger("tinyml")

MAY_BE_UNALIGNED = ("load", "store", "load_pc")
# Code and SRAM; not the peripherals, where a hooked load inside an IT block leaves the emulator in
# that IT block for ever.
LAST_WATCHED = 0x3FFF_FFFF


Judge = Callable[[int, int, int], bool]
"""(pc, address, bytes) of an unaligned access: whether it is allowed; if not, it ends the run."""

_Judge = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32)


class _State(ctypes.Structure):
    _fields_ = [
        ("read_register", ctypes.c_void_p),
        ("write_register", ctypes.c_void_p),
        ("program_counter", ctypes.c_int32),
        ("program_status", ctypes.c_int32),
        ("judge", _Judge),
        ("allowed", ctypes.c_uint32 * 256),
    ]


class NativeWatch:
    """The access hook in C."""

    def __init__(self, engine: Engine, judge: Judge, library: Path) -> None:
        uc = import_module("unicorn")
        binding = import_module("unicorn.unicorn_py3.unicorn")
        self._engine = engine
        self._library = ctypes.CDLL(str(library))
        self._judge = _Judge(lambda pc, address, nbytes: int(judge(pc, address, nbytes)))
        arm = import_module("unicorn.arm_const")
        self._state = _State(
            read_register=ctypes.cast(binding.uclib.uc_reg_read, ctypes.c_void_p).value,
            write_register=ctypes.cast(binding.uclib.uc_reg_write, ctypes.c_void_p).value,
            program_counter=arm.UC_ARM_REG_PC,
            program_status=arm.UC_ARM_REG_XPSR,
            judge=self._judge,
        )
        self._remove = binding.uclib.uc_hook_del
        self._handle = ctypes.c_size_t()
        status = binding.uclib.uc_hook_add(
            engine._uch,
            ctypes.byref(self._handle),
            uc.UC_HOOK_MEM_READ | uc.UC_HOOK_MEM_WRITE,
            ctypes.cast(self._library.tml_alignment_access, ctypes.c_void_p),
            ctypes.byref(self._state),
            ctypes.c_uint64(0),
            ctypes.c_uint64(LAST_WATCHED),
        )
        if status:
            raise OSError(f"the emulator refuses the native hook (error {status})")
        engine.ctl_flush_tb()  # code translated so far does not call the hook

    def stop(self) -> None:
        """Lets the emulator run at full speed again."""
        self._remove(self._engine._uch, self._handle)
        self._engine.ctl_flush_tb()


class PythonWatch:
    """The same in Python."""

    def __init__(self, engine: Engine, judge: Judge) -> None:
        uc = import_module("unicorn")
        self._engine = engine
        self._judge = judge
        self._allowed: set[int] = set()
        self._arm = import_module("unicorn.arm_const")
        accesses = uc.UC_HOOK_MEM_READ | uc.UC_HOOK_MEM_WRITE
        self._handle = engine.hook_add(accesses, self._on_access, begin=0, end=LAST_WATCHED)
        engine.ctl_flush_tb()

    def stop(self) -> None:
        """Lets the emulator run at full speed again."""
        self._engine.hook_del(self._handle)
        self._engine.ctl_flush_tb()

    # Six parameters: the signature of a hook of unicorn.
    def _on_access(
        self, engine: Engine, _type: int, address: int, nbytes: int, _value: int, _: object
    ) -> None:
        status = engine.reg_read(self._arm.UC_ARM_REG_XPSR)
        if status & IT_STATE:  # see clear_it_state in hook.c
            engine.reg_write(self._arm.UC_ARM_REG_XPSR, status & ~IT_STATE)
        if address & (min(nbytes, 4) - 1):
            pc = engine.reg_read(self._arm.UC_ARM_REG_PC)
            if pc not in self._allowed and self._judge(pc, address, nbytes):
                self._allowed.add(pc)


def may_be_unaligned(code: bytes, timing: Timing) -> bool:
    """Whether the instruction with these bytes may access unaligned addresses on a core."""
    first = next(decode(code), None)
    return not timing.is_baseline and first is not None and first.kind in MAY_BE_UNALIGNED


def watch(engine: Engine, judge: Judge, *, is_native: bool = True) -> NativeWatch | PythonWatch:
    """Watches every data access from now on, until ``stop``."""
    if is_native:
        try:
            return NativeWatch(engine, judge, hook_library())
        except (ToolError, OSError, ImportError, AttributeError) as error:
            log.info("no native access hook, watching in Python: %s", error)
    return PythonWatch(engine, judge)
