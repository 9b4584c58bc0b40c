"""What each function of a linked Cortex-M firmware does to the stack, read from its instructions.

Every byte by which a function ever lowers the stack pointer counts, whatever path it is on: the
sum is an upper bound, because C without arrays of variable length lowers it in no loop. Source of
the encodings: Armv7-M Architecture Reference Manual, "The Thumb instruction set encoding".
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from tinyml.base.elf import Elf

SP, LR = 13, 14
MAPPING = ("$d", "$t", "$a")  # symbols that say where data and instructions begin


@dataclass(slots=True)
class Frame:
    """One function: how much stack it takes, and whom it calls."""

    name: str
    address: int
    nbytes: int = 0
    calls: set[int] = field(default_factory=set)  # addresses, jumps out of the function among them
    names: set[int] = field(default_factory=set)  # addresses that it puts together
    is_indirect: bool = False  # it calls through a pointer
    problem: str = ""  # why the stack that it takes is not known


@dataclass(frozen=True, slots=True)
class _Code:
    """The bytes of a function, and where they are data."""

    address: int
    data: bytes
    marks: tuple[tuple[int, bool], ...]  # (address, whether data begins there), by address

    def half(self, at: int) -> int:
        return self.data[at] | self.data[at + 1] << 8

    def word(self, address: int) -> int | None:
        at = address - self.address
        if 0 <= at <= len(self.data) - 4:
            return int(struct.unpack_from("<I", self.data, at)[0])
        return None

    def is_data(self, address: int) -> bool:
        at = bisect.bisect_right(self.marks, (address, True)) - 1
        return at >= 0 and self.marks[at][1]


def frames_of(elf: Elf) -> dict[int, Frame]:
    """All functions by address."""
    marks = tuple(
        sorted(
            (item.address & ~1, item.name.startswith("$d"))
            for item in elf.symbols
            if item.kind == "none" and item.name[:2] in MAPPING
        )
    )
    places = sorted(elf.functions(), key=lambda item: item.address & ~1)
    found: dict[int, Frame] = {}
    for number, item in enumerate(places):
        address = item.address & ~1
        following = places[number + 1].address & ~1 if number + 1 < len(places) else address
        nbytes = item.nbytes or following - address
        code = _Code(address, _bytes(elf, address, nbytes), marks)
        found[address] = _Reader(code, Frame(item.name, address)).read()
    return found


def _bytes(elf: Elf, address: int, nbytes: int) -> bytes:
    for item in elf.segments:
        if item.address <= address < item.address + len(item.data):
            return item.data[address - item.address :][:nbytes]
    return b""


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


@dataclass(slots=True)
class _Reader:
    """Goes through a function once, in the order of addresses."""

    code: _Code
    frame: Frame
    constants: dict[int, int] = field(default_factory=dict)  # register → what was loaded last
    below: dict[int, int] = field(default_factory=dict)  # register → bytes below the stack pointer

    def read(self) -> Frame:
        for address, first, second in self._instructions():
            if second is None:
                self._narrow(address, first)
            else:
                self._wide(address, first, second)
        return self.frame

    def _instructions(self) -> Iterator[tuple[int, int, int | None]]:
        at, data = 0, self.code.data
        while at + 2 <= len(data):
            address = self.code.address + at
            first = self.code.half(at)
            if self.code.is_data(address):
                at += 2
            elif first >> 11 < 0x1D:
                yield address, first, None
                at += 2
            else:
                if at + 4 <= len(data):
                    yield address, first, self.code.half(at + 2)
                at += 4

    def _narrow(self, address: int, h: int) -> None:
        low = (h >> 4 & 8) | (h & 7)
        source = h >> 3 & 15
        if h & 0xFE00 == 0xB400:  # PUSH
            self.frame.nbytes += 4 * (h & 0x1FF).bit_count()
        elif h & 0xFF80 == 0xB080:  # SUB SP, #
            self.frame.nbytes += 4 * (h & 0x7F)
        elif h & 0xFF00 == 0x4400 and low == SP:  # ADD SP, register
            self._lower_by(-self.constants[source] if source in self.constants else None)
        elif h & 0xFF00 == 0x4600:  # MOV
            self._move(low, source)
        elif h & 0xFF80 == 0x4780 or (h & 0xFF80 == 0x4700 and source != LR):  # BLX, BX
            self.frame.is_indirect = True
        elif h & 0xF800 == 0x4800:  # LDR literal
            self._load(h >> 8 & 7, (address + 4 & ~3) + 4 * (h & 0xFF))
        elif h & 0xF800 == 0 and (h & 7) in self.below:  # LSL: the way to align without BFC
            self.below[h & 7] += 1 << (h >> 6 & 31)
        elif h & 0xF000 == 0xD000 and h >> 8 & 15 < 14:
            self._jump(address + 4 + 2 * _signed(h & 0xFF, 8))
        elif h & 0xF800 == 0xE000:
            self._jump(address + 4 + 2 * _signed(h & 0x7FF, 11))

    def _wide(self, address: int, h: int, k: int) -> None:
        target = k >> 8 & 15
        if h == 0xE92D:  # PUSH.W
            self.frame.nbytes += 4 * k.bit_count()
        elif h == 0xE96D:  # STRD [SP, #-]!
            self.frame.nbytes += 4 * (k & 0xFF)
        elif h == 0xF84D and k & 0x0F00 == 0x0D00:  # STR [SP, #-]!
            self.frame.nbytes += k & 0xFF
        elif h & 0xFFBF == 0xED2D and k & 0x0E00 == 0x0A00:  # VPUSH
            self.frame.nbytes += 4 * (k & 0xFF)
        elif h & 0xFBFF in (0xF1AD, 0xF2AD) and not k & 0x8000:  # SUB from SP, #
            self._below(target, _immediate(h, k))
        elif h == 0xEBAD and target == SP:  # SUB SP, register
            is_plain = not k & 0x70F0 and k & 15 in self.constants
            self._lower_by(self.constants[k & 15] if is_plain else None)
        elif h == 0xF36F and not k & 0x70C0 and target in self.below:  # BFC of the lowest bits
            self.below[target] += 1 << (k & 31) + 1
        elif h & 0xFBF0 == 0xF240 and not k & 0x8000:  # MOVW
            self.constants[target] = _half(h, k)
        elif h & 0xFBF0 == 0xF2C0 and not k & 0x8000:  # MOVT
            self.constants[target] = self.constants.get(target, 0) & 0xFFFF | _half(h, k) << 16
            self.frame.names.add(self.constants[target])
        elif h & 0xFF7F == 0xF85F:  # LDR.W literal
            offset = k & 0xFFF if h & 0x80 else -(k & 0xFFF)
            self._load(k >> 12, (address + 4 & ~3) + offset)
        elif h & 0xF800 == 0xF000 and k & 0x8000:
            self._branch(address, h, k)

    def _branch(self, address: int, h: int, k: int) -> None:
        sign, j1, j2 = h >> 10 & 1, k >> 13 & 1, k >> 11 & 1
        if k & 0x1000:  # BL, B.W
            high = sign << 24 | (1 ^ j1 ^ sign) << 23 | (1 ^ j2 ^ sign) << 22 | (h & 0x3FF) << 12
            place = address + 4 + _signed(high | (k & 0x7FF) << 1, 25)
            if place == self.frame.address:
                self.frame.calls.add(place)
            else:  # BL too: on Armv6-M it is the far branch, within a function as well
                self._jump(place)
        elif not k & 0x4000 and h >> 7 & 7 != 7:  # B.W with a condition
            high = sign << 20 | j2 << 19 | j1 << 18 | (h & 0x3F) << 12
            self._jump(address + 4 + _signed(high | (k & 0x7FF) << 1, 21))

    def _jump(self, place: int) -> None:
        """A branch that leaves the function is a call in the end."""
        if not 0 <= place - self.code.address < len(self.code.data):
            self.frame.calls.add(place)

    def _load(self, register: int, address: int) -> None:
        value = self.code.word(address)
        if value is not None:
            self.constants[register] = _signed(value, 32)
            self.frame.names.add(value)

    def _move(self, target: int, source: int) -> None:
        if target == SP:  # a register that was never below it restores it
            self.frame.nbytes += self.below.get(source, 0)
        elif source == SP:
            self.below[target] = 0
        else:
            self.below.pop(target, None)

    def _below(self, target: int, nbytes: int) -> None:
        if target == SP:
            self.frame.nbytes += nbytes
        else:
            self.below[target] = nbytes

    def _lower_by(self, nbytes: int | None) -> None:
        if nbytes is None:
            self.frame.problem = "the stack pointer is changed by what is not a constant"
        else:
            self.frame.nbytes += max(0, nbytes)


def _half(h: int, k: int) -> int:
    return (h & 15) << 12 | (h >> 10 & 1) << 11 | (k >> 12 & 7) << 8 | (k & 0xFF)


def _immediate(h: int, k: int) -> int:
    """Of SUB.W (ThumbExpandImm) and SUBW."""
    value = (h >> 10 & 1) << 11 | (k >> 12 & 7) << 8 | (k & 0xFF)
    if h & 0x0200 or not value >> 10:
        # SUBW has twelve bits; else these are the forms of one byte, repeated.
        low = value & 0xFF
        repeated = (low, low << 16 | low, low << 24 | low << 8, low * 0x01010101)
        return value if h & 0x0200 else repeated[value >> 8]
    rotated, by = 0x80 | value & 0x7F, value >> 7
    return (rotated >> by | rotated << 32 - by) & 0xFFFFFFFF
