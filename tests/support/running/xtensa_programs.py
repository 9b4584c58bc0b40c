"""Random programs of base instructions for an Xtensa core, in assembler, that print what they made.

Each loops over one random block of straight code, short branches, loops, booleans, floating-point
numbers and calls that go deeper than the registers' window; the registers at the end of a round are
what the next one starts with, and are written out.
"""

from __future__ import annotations

from random import Random

_DATA = range(2, 13)  # registers that hold random numbers
_BASE, _SPARE = "a13", "a14"  # the address of a buffer; an operand made on the way
_BUFFER_BYTES = 256
_BINARY = (
    *("add", "addx2", "addx4", "addx8", "sub", "subx2", "subx4", "subx8", "and", "or", "xor"),
    *("min", "max", "minu", "maxu", "mull", "muluh", "mulsh", "mul16u", "mul16s"),
    *("moveqz", "movnez", "movltz", "movgez"),
)
_UNARY = ("neg", "abs", "nsa", "nsau")
# QEMU 7.2 shifts by 0 instead of 32 where a direction's amount is of the other one's instruction.
_SHIFTS = (("ssr", "srl"), ("ssr", "sra"), ("ssl", "sll"), ("ssa8l", "srl"), ("ssa8l", "src"))
_TESTS = (
    "beq",
    "bne",
    "blt",
    "bge",
    "bltu",
    "bgeu",
    "ball",
    "bnall",
    "bany",
    "bnone",
    "bbc",
    "bbs",
)
_ZERO_TESTS = ("beqz", "bnez", "bltz", "bgez")
_CONSTANT_TESTS = ("beqi", "bnei", "blti", "bgei", "bltui", "bgeui")
_CONSTANTS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 32, 64, 128, 256)
_FLOATS = ("add.s", "sub.s", "mul.s", "madd.s", "msub.s")
_FLOAT_TESTS = ("oeq.s", "olt.s", "ole.s", "un.s", "ueq.s", "ult.s", "ule.s")
_FLOAT_MOVES = ("moveqz.s", "movnez.s", "movltz.s", "movgez.s")
_ROUNDINGS = ("round.s", "trunc.s", "floor.s", "ceil.s")
_LOADS = {"l8ui": 1, "l16ui": 2, "l16si": 2, "l32i": 4, "s8i": 1, "s16i": 2, "s32i": 4}
_DEPTH = 14  # of calls: 14 of 4, 8 or 12 registers are more than 64


class Block:
    """Random statements."""

    def __init__(self, rng: Random, name: str) -> None:
        self.rng = rng
        self.name = name
        self.lines: list[str] = []
        self._labels = 0

    def add(self, count: int) -> None:
        """So many random statements more."""
        for _ in range(count):
            self.rng.choice(
                (
                    *(self._binary, self._binary, self._unary, self._fields, self._memory),
                    *(self._branch, self._loop, self._booleans, self._floats, self._divide),
                    self._constants,
                )
            )()

    def _say(self, text: str) -> None:
        self.lines.append(f"    {text}")

    def _a(self) -> str:
        return f"a{self.rng.choice(_DATA)}"

    def _f(self) -> str:
        return f"f{self.rng.randrange(6)}"

    def _b(self) -> str:
        return f"b{self.rng.randrange(16)}"

    def _label(self) -> str:
        self._labels += 1
        return f".L{self.name}_{self._labels}"

    def _binary(self) -> None:
        self._say(f"{self.rng.choice(_BINARY)} {self._a()}, {self._a()}, {self._a()}")

    def _unary(self) -> None:
        if self.rng.random() < 0.5:
            self._say(f"{self.rng.choice(_UNARY)} {self._a()}, {self._a()}")
            return
        amount, shift = self.rng.choice(_SHIFTS)
        self._say(f"{amount} {self._a()}")
        more = f", {self._a()}" if shift == "src" else ""
        self._say(f"{shift} {self._a()}, {self._a()}{more}")

    def _fields(self) -> None:
        rng, to, source = self.rng, self._a(), self._a()
        length = rng.randint(1, 16)
        self._say(
            rng.choice(
                (
                    f"extui {to}, {source}, {rng.randint(0, 32 - length)}, {length}",
                    f"sext {to}, {source}, {rng.randint(7, 22)}",
                    f"clamps {to}, {source}, {rng.randint(7, 22)}",
                    f"slli {to}, {source}, {rng.randint(1, 31)}",
                    f"srai {to}, {source}, {rng.randint(0, 31)}",
                    f"srli {to}, {source}, {rng.randint(0, 15)}",
                    f"ssai {rng.randint(0, 31)}",
                    f"addi {to}, {source}, {rng.randint(-128, 127)}",
                    f"addmi {to}, {source}, {256 * rng.randint(-128, 127)}",
                )
            )
        )

    def _constants(self) -> None:
        self._say(f"movi {self._a()}, {self.rng.randint(-2048, 2047)}")

    def _memory(self) -> None:
        name = self.rng.choice(tuple(_LOADS))
        step = _LOADS[name]
        offset = step * self.rng.randrange(min(_BUFFER_BYTES // step, 64))
        self._say(f"{name} {self._a()}, {_BASE}, {offset}")

    def _branch(self) -> None:
        label, rng = self._label(), self.rng
        test = rng.choice(
            (
                f"{rng.choice(_TESTS)} {self._a()}, {self._a()}",
                f"{rng.choice(_ZERO_TESTS)} {self._a()}",
                f"{rng.choice(_CONSTANT_TESTS)} {self._a()}, {rng.choice(_CONSTANTS)}",
                f"{rng.choice(('bbci', 'bbsi'))} {self._a()}, {rng.randrange(32)}",
                f"{rng.choice(('bf', 'bt'))} {self._b()}",
            )
        )
        self._say(f"{test}, {label}")
        self._binary()
        self._fields()
        self.lines.append(f"{label}:")

    def _loop(self) -> None:
        label = self._label()
        self._say(f"extui {_SPARE}, {self._a()}, {self.rng.randrange(8)}, 2")
        self._say(f"{self.rng.choice(('loopnez', 'loopgtz'))} {_SPARE}, {label}")
        self._binary()
        self._fields()
        self._binary()
        self.lines.append(f"{label}:")

    def _booleans(self) -> None:
        rng = self.rng  # ANDB and the like are left out: QEMU 7.2 loses other booleans at times
        self._say(f"{rng.choice(('movf', 'movt'))} {self._a()}, {self._a()}, {self._b()}")

    def _divide(self) -> None:
        name = self.rng.choice(("quou", "quos", "remu", "rems"))
        self._say(f"movi {_SPARE}, 1")
        self._say(f"or {_SPARE}, {_SPARE}, {self._a()}")
        self._say(f"{name} {self._a()}, {self._a()}, {_SPARE}")

    def _floats(self) -> None:
        rng = self.rng
        for _ in range(2):  # of moderate size, so that nothing overflows
            self._say(f"float.s {self._f()}, {self._a()}, {rng.randrange(16)}")
        self._say(f"{rng.choice(_FLOATS)} {self._f()}, {self._f()}, {self._f()}")
        self._say(f"{rng.choice(_FLOAT_TESTS)} {self._b()}, {self._f()}, {self._f()}")
        self._say(f"{rng.choice(_FLOAT_MOVES)} {self._f()}, {self._f()}, {self._a()}")
        self._say(f"{rng.choice(('mov.s', 'neg.s', 'abs.s'))} {self._f()}, {self._f()}")
        self._say(f"{rng.choice(_ROUNDINGS)} {self._a()}, {self._f()}, {rng.randrange(16)}")


def program(seed: int, statements: int, rounds: int) -> str:
    """A whole program; ``statements`` in its block, which it runs ``rounds`` times."""
    rng = Random(seed)
    lines = [*_HEAD]
    for depth in range(_DEPTH):
        lines += _function(rng, depth)
    block = Block(rng, "main")
    block.add(statements)
    seeds = [rng.getrandbits(32) for _ in _DATA]
    data = [f"    .long {value}" for value in seeds]
    return "\n".join((*lines, *_main(block, rounds), "    .data", "seeds:", *data, *_BUFFER)) + "\n"


def _function(rng: Random, depth: int) -> list[str]:
    """One of a chain of functions that call each other with windows of random size."""
    block = Block(rng, f"f{depth}")
    block.add(4)
    size = rng.choice((4, 8, 12))
    inner: list[str] = []
    if depth + 1 < _DEPTH:
        kept = "a2" if size == 4 else "a3"
        inner = [f"    mov a{size + 2}, {kept}", f"    call{size} f{depth + 1}"]
        inner += [f"    add a2, a2, a{size + 2}"]
    lines = [line for line in block.lines if f"{_BASE}," not in line]
    # What its registers hold before depends on what was saved when, which is nobody's business.
    first = [f"    addx2 a{n}, a{n - 1}, a2" for n in _DATA[1:]]
    return ["    .p2align 2", f"f{depth}:", "    entry a1, 64", *first, *lines, *inner, "    retw"]


def _main(block: Block, rounds: int) -> list[str]:
    kept = [f"    s32i a{n}, {_SPARE}, {4 * i}" for i, n in enumerate(_DATA)]
    back = [f"    l32i a{n}, {_SPARE}, {4 * i}" for i, n in enumerate(_DATA)]
    return [
        *("    .p2align 2", "    .global main", "main:", "    entry a1, 64"),
        *(f"    movi {_SPARE}, {rounds}", f"    s32i {_SPARE}, a1, 0"),
        *(f"    l32r {_BASE}, .Lbuffer", f"    l32r {_SPARE}, .Lseeds", *back),
        *(".Lround:", *block.lines),
        *(f"    l32r {_SPARE}, .Lseeds", *kept),
        *("    mov a10, a2", "    call8 f0", f"    l32r {_SPARE}, .Lseeds"),
        *(f"    s32i a10, {_SPARE}, 0", "    movi a10, 4", "    movi a11, 1"),
        *(
            f"    mov a12, {_SPARE}",
            f"    movi a13, {4 * len(_DATA)}",
            "    l32r a8, .Lhost",
            "    callx8 a8",
        ),
        *(f"    l32r {_BASE}, .Lbuffer", f"    l32r {_SPARE}, .Lseeds", *back),
        *(f"    l32i {_SPARE}, a1, 0", f"    addi {_SPARE}, {_SPARE}, -1"),
        *(f"    s32i {_SPARE}, a1, 0", f"    beqz {_SPARE}, .Lend", "    j .Lround"),
        *(
            ".Lend:",
            "    movi a10, 1",
            "    movi a11, 0",
            "    l32r a8, .Lhost",
            "    callx8 a8",
            "    retw",
        ),
    ]


_HEAD = (
    *(
        "    .text",
        "    .p2align 2",
        ".Lseeds: .long seeds",
        ".Lbuffer: .long buffer",
        ".Lhost: .long host_call",
    ),
    "    .p2align 2",
)
_BUFFER = ("    .p2align 4", "buffer:", f"    .space {_BUFFER_BYTES}, 0x5A")
