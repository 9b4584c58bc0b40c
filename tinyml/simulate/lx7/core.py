"""An LX7 core with its memory, from Python: registers, memory, runs and why they ended."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

from tinyml.base.errors import InternalError
from tinyml.simulate.caches import NativeCaches
from tinyml.simulate.lx7.forms import Form, forms
from tinyml.simulate.native import native_library
from tinyml.target.chip import Chip

_FILES = (
    *("execute.c", "decode.c", "windows.c", "registers.c", "float.c", "decode_pie.c", "pie.c"),
    *(
        "fft.c",
        "pie_memory.c",
        "lx7.h",
        "inner.h",
        "pie.h",
        "vector.h",
        "../caches.c",
        "../caches.h",
    ),
)
_FLAGS = ("-shared", "-O3", "-fPIC", "-std=c11", "-fvisibility=hidden", "-ffp-contract=off", "-lm")
_REGIONS = 16
_COSTS = ("taken", "divide", "late")  # lx7_timing, Timing
NOWHERE = 0xFFFF_FFFE  # an address that is never reached
PS_WINDOWS = 0x40020  # register windows on, user mode


class Stop(IntEnum):
    """Why the core stopped: lx7_stop."""

    UNTIL = 0
    LIMIT = 1
    CALL = 2
    NO_CODE = 3
    ILLEGAL = 4
    UNKNOWN = 5
    BAD_READ = 6
    BAD_WRITE = 7
    DIVIDE_BY_0 = 8
    WINDOW = 9
    EXCEPTION = 10


class _Region(ctypes.Structure):
    _fields_ = [
        ("base", ctypes.c_uint32),
        ("nbytes", ctypes.c_uint32),
        ("bytes", ctypes.c_void_p),
        ("code", ctypes.c_void_p),
        ("is_writable", ctypes.c_uint32),
    ]


class _Timing(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in _COSTS]


class _State(ctypes.Structure):
    """lx7_core."""

    _fields_ = [
        ("pc", ctypes.c_uint32),
        ("a", ctypes.c_uint32 * 64),
        *((name, ctypes.c_uint32) for name in ("window_base", "window_start", "sar")),
        *((name, ctypes.c_uint32) for name in ("lbeg", "lend", "lcount", "ps")),
        ("special", ctypes.c_uint32 * 256),
        ("user", ctypes.c_uint32 * 256),
        ("f", ctypes.c_uint32 * 16),
        ("q", ctypes.c_uint8 * 16 * 8),
        ("ua_state", ctypes.c_uint8 * 16),
        ("accx", ctypes.c_int64),
        ("qacc", ctypes.c_uint32 * 16),
        *((name, ctypes.c_uint32) for name in ("sar_byte", "fft_bit_width", "gpio_out")),
        *((name, ctypes.c_uint64) for name in ("instructions", "cycles", "late")),
        *((name, ctypes.c_uint32) for name in ("shows_instructions", "fault_address")),
        ("fault_bytes", ctypes.c_uint32),
        ("timing", _Timing),
        ("caches", ctypes.POINTER(NativeCaches)),
        *((name, ctypes.c_uint32) for name in ("line", "pad")),
        *((name, ctypes.c_uint32) for name in ("regions", "forms")),
        ("region", _Region * _REGIONS),
        ("form", ctypes.POINTER(Form)),
    ]


@dataclass(frozen=True, slots=True)
class Timing:
    """Cycles that instructions take beyond one each."""

    taken: int = 2  # a taken branch, jump, call or return: two fetched instructions are dropped
    divide: int = 10
    late: int = 1  # a load or product that the next instruction needs


@cache
def library() -> ctypes.CDLL:
    """The core, compiled for this machine on first use. Raises ToolError when that fails."""
    folder = Path(__file__).parent
    files = tuple(folder / name for name in _FILES)
    made = ctypes.CDLL(str(native_library("lx7", files, _FLAGS, "emulated LX7 core")))
    made.lx7_number.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    made.lx7_run.argtypes = [ctypes.POINTER(_State), ctypes.c_uint32, ctypes.c_uint64]
    if made.lx7_core_bytes() != ctypes.sizeof(_State):
        raise InternalError("the emulated core's state is not what Python takes it for")
    return made


@cache
def _forms() -> ctypes.Array[Form]:
    def number(kind: str, name: str) -> int:
        return int(library().lx7_number(kind.encode(), name.encode()))

    return forms(number)


class Lx7:
    """One core and its memory."""

    def __init__(self, timing: Timing | None = None, chip: Chip | None = None) -> None:
        """``chip``: whose caches count; without, memory answers at once."""
        self._library = library()
        self._kept: list[object] = []  # memory that the core points to
        self.state = _State()
        self.state.form, self.state.forms = _forms(), len(_forms())
        self.state.ps, self.state.window_start = PS_WINDOWS, 1
        timing = timing or Timing()
        for name in _COSTS:
            setattr(self.state.timing, name, getattr(timing, name))
        if chip is not None and chip.caches:
            caches = NativeCaches(chip)
            self.state.caches = ctypes.pointer(caches)
            self._kept.append(caches)

    def add_memory(
        self, base: int, nbytes: int, fill: int, *, is_writable: bool, has_code: bool
    ) -> None:
        """Memory from an address on, filled with a byte."""
        number = self.state.regions
        if number == _REGIONS:
            raise InternalError("more regions of memory than the emulated core has room for")
        content = (ctypes.c_uint8 * nbytes)()
        ctypes.memset(content, fill, nbytes)
        region = self.state.region[number]
        region.base, region.nbytes, region.is_writable = base, nbytes, is_writable
        region.bytes = ctypes.addressof(content)
        self._kept.append(content)
        if has_code:
            decoded = (ctypes.c_uint8 * (nbytes * self._library.lx7_insn_bytes()))()
            region.code = ctypes.addressof(decoded)
            self._kept.append(decoded)
        self.state.regions = number + 1

    def read(self, address: int, nbytes: int) -> bytes:
        """What memory holds."""
        return ctypes.string_at(self._place(address, nbytes), nbytes)

    def write(self, address: int, data: bytes) -> None:
        """Sets bytes of memory, whether the core may write them or not."""
        ctypes.memmove(self._place(address, len(data)), data, len(data))

    def a(self, number: int) -> int:
        """An address register of the window as it stands."""
        return int(self.state.a[(self.state.window_base * 4 + number) & 63])

    def set_a(self, number: int, value: int) -> None:
        """Sets one."""
        self.state.a[(self.state.window_base * 4 + number) & 63] = value & 0xFFFF_FFFF

    def run(self, until: int = NOWHERE, cycles: int = 1 << 62) -> Stop:
        """Runs on until an address is reached, so many cycles have passed, or it cannot go on."""
        return Stop(self._library.lx7_run(ctypes.byref(self.state), until, cycles))

    def _place(self, address: int, nbytes: int) -> int:
        for number in range(self.state.regions):
            region = self.state.region[number]
            if region.base <= address and address + nbytes <= region.base + region.nbytes:
                place: int = region.bytes + address - region.base
                return place
        raise InternalError(f"the emulated core has no {nbytes} bytes at 0x{address:08x}")
