"""Thumb and Thumb-2 instructions sorted into the classes that the timing tables know.

Not a disassembler: it tells how long an instruction takes (kind, number of registers moved) and
which core registers it reads and writes, which is what pairing on a dual-issue core depends on.
Source of the encodings: Armv7-M and Armv8-M Architecture Reference Manuals, chapter "The Thumb
instruction set encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

PC = 15

BRANCHES = frozenset(
    ("branch", "call", "branch_register", "table_branch", "move_pc", "load_pc", "load_many_pc")
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """What timing needs to know of one instruction."""

    kind: str  # a key of the tables in timing.py
    nbytes: int = 2
    count: int = 0  # words moved, by the kinds that move several
    reads: int = 0  # bit mask of core registers
    writes: int = 0

    @property
    def is_branch(self) -> bool:
        """Whether it may send the core elsewhere."""
        return self.kind in BRANCHES


def decode(code: bytes) -> Iterator[Instruction]:
    """The instructions of a piece of code in order; a cut-off last one is left out."""
    at = 0
    while at + 2 <= len(code):
        first = code[at] | code[at + 1] << 8
        if first >> 11 < 0x1D:
            yield _narrow(first)
            at += 2
        else:
            if at + 4 > len(code):
                return
            yield _wide(first, code[at + 2] | code[at + 3] << 8)
            at += 4


def _bits(*registers: int) -> int:
    mask = 0
    for register in registers:
        mask |= 1 << register
    return mask & 0x7FFF  # the program counter is no operand to wait for


@lru_cache(maxsize=1 << 16)  # code repeats itself: most blocks consist of known instructions
def _narrow(h: int) -> Instruction:
    low, middle, high, field = h & 7, h >> 3 & 7, h >> 6 & 7, h >> 8 & 7
    top = h >> 11
    if top < 3:
        return Instruction("alu", 2, 0, _bits(middle), _bits(low))
    if top == 3:
        reads = _bits(middle) if h & 0x400 else _bits(middle, high)
        return Instruction("alu", 2, 0, reads, _bits(low))
    if top < 8:
        reads = 0 if top == 4 else _bits(field)
        return Instruction("alu", 2, 0, reads, 0 if top == 5 else _bits(field))
    if h >> 10 == 0x10:
        operation = h >> 6 & 15
        writes = 0 if operation in (8, 10, 11) else _bits(low)
        reads = _bits(middle) if operation in (9, 15) else _bits(low, middle)
        return Instruction("multiply" if operation == 13 else "alu", 2, 0, reads, writes)
    if h >> 10 == 0x11:
        return _narrow_special(h)
    if top == 9:
        return Instruction("load", 2, 1, 0, _bits(field))
    if h >> 12 == 5:
        address = _bits(middle, high)
        if h >> 9 & 7 < 3:
            return Instruction("store", 2, 1, address | _bits(low))
        return Instruction("load", 2, 1, address, _bits(low))
    if 12 <= top <= 17:
        if h & 0x800:
            return Instruction("load", 2, 1, _bits(middle), _bits(low))
        return Instruction("store", 2, 1, _bits(low, middle))
    return _narrow_rest(h)


def _narrow_rest(h: int) -> Instruction:
    """The stack, several registers, branches."""
    field, top, listed = h >> 8 & 7, h >> 11, h & 0xFF
    if top == 18:
        return Instruction("store", 2, 1, _bits(field, 13))
    if top == 19:
        return Instruction("load", 2, 1, _bits(13), _bits(field))
    if top in (20, 21):
        return Instruction("alu", 2, 0, _bits(13) if top == 21 else 0, _bits(field))
    if h >> 12 == 11:
        return _narrow_miscellaneous(h)
    if top == 24:
        return Instruction("store_many", 2, listed.bit_count(), listed | _bits(field), _bits(field))
    if top == 25:
        return Instruction("load_many", 2, listed.bit_count(), _bits(field), listed | _bits(field))
    if h >> 9 == 0x6F:
        return Instruction("trap")  # UDF, SVC
    return Instruction("branch")


def _narrow_special(h: int) -> Instruction:
    target = (h >> 4 & 8) | (h & 7)
    source = h >> 3 & 15
    operation = h >> 8 & 3
    if operation == 3:
        return Instruction("branch_register", 2, 0, _bits(source), _bits(14) if h & 0x80 else 0)
    if operation == 1:
        return Instruction("alu", 2, 0, _bits(target, source))
    reads = _bits(source) if operation == 2 else _bits(target, source)
    return Instruction("move_pc" if target == PC else "alu", 2, 0, reads, _bits(target))


def _narrow_miscellaneous(h: int) -> Instruction:
    listed = h & 0xFF
    if h & 0xF500 == 0xB100:
        return Instruction("branch", 2, 0, _bits(h & 7))
    if h & 0xFF00 == 0xB000:
        return Instruction("alu", 2, 0, _bits(13), _bits(13))
    if h & 0xFE00 == 0xB400:
        mask = listed | (_bits(14) if h & 0x100 else 0)
        return Instruction("store_many", 2, mask.bit_count(), mask | _bits(13), _bits(13))
    if h & 0xFE00 == 0xBC00:
        words = listed.bit_count() + (h >> 8 & 1)
        kind = "load_many_pc" if h & 0x100 else "load_many"
        return Instruction(kind, 2, words, _bits(13), listed | _bits(13))
    if h & 0xFF00 == 0xBF00:
        return Instruction("if_then" if h & 0xF else "hint")  # NOP, WFI …
    if h & 0xFF00 == 0xBE00:
        return Instruction("trap")  # BKPT
    if h & 0xFFE0 == 0xB660:
        return Instruction("system")  # CPS
    return Instruction("alu", 2, 0, _bits(h >> 3 & 7), _bits(h & 7))


@lru_cache(maxsize=1 << 16)
def _wide(h: int, g: int) -> Instruction:
    if h & 0xEC00 == 0xEC00:
        return _floating(h, g)
    if h & 0xFE40 == 0xE800:
        return _wide_many(h, g)
    if h & 0xFE40 == 0xE840:
        return _wide_pair(h, g)
    n, d, m = h & 15, g >> 8 & 15, g & 15
    if h & 0xFE00 == 0xEA00:
        writes = 0 if d == PC else _bits(d)
        return Instruction("alu", 4, 0, _bits(n, m), writes)
    if h & 0xF800 == 0xF000:
        return _branch_or_control(h, g) if g & 0x8000 else _immediate(h, n, d)
    if h & 0xFE00 == 0xF800:
        return _wide_single(h, g)
    if h & 0xFF00 == 0xFA00:
        return Instruction("alu", 4, 0, _bits(n, m), _bits(d))
    if h & 0xFF80 == 0xFB00:
        return _multiply(h, g)
    if h & 0xFF80 == 0xFB80:
        return _long_multiply(h, g)
    return Instruction("unknown", 4)


def _immediate(h: int, n: int, d: int) -> Instruction:
    operation = h >> 4 & 0x1F
    if h & 0x200 and operation & 0xF == 0x4:
        return Instruction("alu", 4, 0, 0, _bits(d))  # MOVW: the register field is immediate
    reads = _bits(d) if h & 0x200 and operation in (0x0C, 0x16) else 0  # MOVT, BFI
    if not (h & 0x200 and operation == 0x0C):
        reads |= _bits(n)
    return Instruction("alu", 4, 0, reads, 0 if d == PC else _bits(d))


def _branch_or_control(h: int, g: int) -> Instruction:
    if g & 0x4000:
        return Instruction("call", 4, 0, 0, _bits(14))
    if g & 0x1000 or h >> 6 & 0xE != 0xE:
        return Instruction("branch", 4)
    operation = h >> 4 & 0x7F
    if operation == 0x3B:
        return Instruction("barrier", 4)
    if operation == 0x3A:
        return Instruction("hint", 4)
    if operation in (0x3E, 0x3F):
        return Instruction("system", 4, 0, 0, _bits(g >> 8 & 15))
    return Instruction("system", 4, 0, _bits(h & 15))


def _wide_many(h: int, g: int) -> Instruction:
    words, base = g.bit_count(), _bits(h & 15)
    written_back = base if h & 0x20 else 0
    if h & 0x10:
        kind = "load_many_pc" if g & 0x8000 else "load_many"
        return Instruction(kind, 4, words, base, g & 0x7FFF | written_back)
    return Instruction("store_many", 4, words, base | g & 0x7FFF, written_back)


def _wide_pair(h: int, g: int) -> Instruction:
    n, t, u = h & 15, g >> 12, g >> 8 & 15
    if h & 0x120 == 0:  # neither pre-indexed nor written back: the other instructions
        if h & 0xFFF0 == 0xE8D0 and g & 0xE0 == 0:
            return Instruction("table_branch", 4, 0, _bits(n, g & 15))
        if h & 0x10:
            return Instruction("exclusive", 4, 1, _bits(n), _bits(t))
        return Instruction("exclusive", 4, 1, _bits(n, t), _bits(u))
    written_back = _bits(n) if h & 0x20 else 0
    if h & 0x10:
        return Instruction("load_pair", 4, 2, _bits(n), _bits(t, u) | written_back)
    return Instruction("store_pair", 4, 2, _bits(n, t, u), written_back)


def _wide_single(h: int, g: int) -> Instruction:
    n, t = h & 15, g >> 12
    address = _bits(n)
    written_back = 0
    if not h & 0x80 and n != PC:
        if g & 0x800:
            written_back = _bits(n) if g & 0x100 else 0
        else:
            address |= _bits(g & 15)
    if not h & 0x10:
        return Instruction("store", 4, 1, address | _bits(t), written_back)
    if t == PC:
        kind = "load_pc" if h & 0x60 == 0x40 else "hint"  # PLD and PLI are hints
        return Instruction(kind, 4, 1, address, written_back)
    return Instruction("load", 4, 1, address, _bits(t) | written_back)


def _multiply(h: int, g: int) -> Instruction:
    reads = _bits(h & 15, g & 15)
    writes = _bits(g >> 8 & 15)
    accumulates = g >> 12 != PC
    reads |= _bits(g >> 12)
    if h & 0x70:
        return Instruction("dsp_multiply", 4, 0, reads, writes)
    return Instruction("multiply_add" if accumulates else "multiply", 4, 0, reads, writes)


def _long_multiply(h: int, g: int) -> Instruction:
    operation = h >> 4 & 7
    reads, both = _bits(h & 15, g & 15), _bits(g >> 12, g >> 8 & 15)
    if operation in (1, 3):
        return Instruction("divide", 4, 0, reads, _bits(g >> 8 & 15))
    if operation in (0, 2):
        return Instruction("long_multiply", 4, 0, reads, both)
    return Instruction("long_multiply_add", 4, 0, reads | both, both)


def _floating(h: int, g: int) -> Instruction:
    core = _bits(g >> 12)
    if g >> 9 & 7 != 5 or h & 0xEF00 == 0xEF00:
        return Instruction("unknown", 4)  # another coprocessor, or vector instructions
    if h & 0xFE00 == 0xEC00:
        return _floating_memory(h, g)
    if h & 0xFF00 == 0xFE00:
        return Instruction("fp", 4)  # VSEL, VMAXNM, VRINT …
    if g & 0x10:
        reads, writes = (0, core) if h & 0x10 else (core, 0)
        return Instruction("fp_move", 4, 0, reads, writes)
    operation = h >> 4 & 0xB
    if operation in (0, 1, 9, 10):
        return Instruction("fp_multiply_add", 4)
    if operation == 8:
        return Instruction("fp_divide", 4)
    if operation == 11 and h & 15 == 1 and g >> 6 & 3 == 3:
        return Instruction("fp_square_root", 4)
    return Instruction("fp", 4)


def _floating_memory(h: int, g: int) -> Instruction:
    base = _bits(h & 15)
    is_load = bool(h & 0x10)
    if h & 0xFFE0 == 0xEC40:
        both = _bits(g >> 12, h & 15)
        return Instruction("fp_move_pair", 4, 2, *((0, both) if is_load else (both, 0)))
    if h & 0x120 == 0x100:
        words = 2 if g & 0x100 else 1
        return Instruction("fp_load" if is_load else "fp_store", 4, words, base)
    words = g & (0xFE if g & 0x100 else 0xFF)
    kind = "fp_load_many" if is_load else "fp_store_many"
    return Instruction(kind, 4, words, base, base if h & 0x20 else 0)
