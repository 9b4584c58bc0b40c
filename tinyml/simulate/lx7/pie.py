"""The instruction words of the ESP32-S3's vector unit, for the emulated core and for an assembler.

pie.toml holds them as the manual writes them. What an instruction does follows from its name:
an operation, an access to memory, a step of the address.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tinyml.base.errors import BuildError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_TABLE = Path(__file__).with_name("pie.toml")
_SCALES = {"imm": 16, "imm16": 16, "imm16f": 16, "imm8": 8, "imm4": 4, "imm2": 2, "imm1": 1}
_UNSIGNED = ("imm1", "imm2")  # every other one has a sign
_ADDRESSES = ("as", "ad", "au", "ax", "ay", "as0")
_PART = re.compile(r"(\w+)\[(\d+)(?::(\d+))?\]")
_USER_REGISTERS = (
    *("accx_0", "accx_1", *(f"qacc_h_{i}" for i in range(5)), *(f"qacc_l_{i}" for i in range(5))),
    *("gpio_out", "sar_byte", "fft_bit_width", *(f"ua_state_{i}" for i in range(4))),
)
_NUMBER = re.compile(r"[+-]?(0x[0-9a-f]+|\d+)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand and where its bits lie in the word, lowest first."""

    name: str
    at: tuple[int, ...]

    @property
    def register(self) -> str:
        """The letter of its registers, or "" when it is a number."""
        if self.name in _ADDRESSES:
            return "a"
        return self.name[0] if self.name[0] in "qf" else ""

    @property
    def scale(self) -> int:
        """What one step of its bits is worth."""
        return _SCALES.get(self.name, 1)

    @property
    def is_signed(self) -> bool:
        """Whether its highest bit is a sign."""
        return self.name in _SCALES and self.name not in _UNSIGNED

    @property
    def range(self) -> tuple[int, int]:
        """Its smallest and its greatest value."""
        count = 1 << len(self.at)
        low = -(count // 2) if self.is_signed else 0
        return low * self.scale, (low + count - 1) * self.scale


_ADDRESS = Operand("as", (0, 1, 2, 3))


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: the words that have ``match`` under ``mask``."""

    mnemonic: str
    operands: tuple[Operand, ...]
    nbytes: int
    mask: int
    match: int


@cache
def instructions() -> dict[str, Instruction]:
    """All instructions of the vector unit by mnemonic."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["instructions"]
    return {name: _instruction(name, *entry) for name, entry in table.items()}


def _instruction(name: str, operands: str, word: str) -> Instruction:
    bits: list[tuple[str, int] | str] = []  # highest first
    for part in word.split():
        found = _PART.fullmatch(part)
        if found is None:
            bits.extend(part)
            continue
        high, low = int(found[2]), int(found[3] or found[2])
        bits.extend((found[1], bit) for bit in range(high, low - 1, -1))
    bits.reverse()
    places = {bit: at for at, bit in enumerate(bits) if isinstance(bit, tuple)}
    fixed = {at: bit for at, bit in enumerate(bits) if isinstance(bit, str)}
    return Instruction(
        name,
        tuple(_operand(item, places) for item in operands.split(", ") if item),
        len(bits) // 8,
        sum(1 << at for at in fixed),
        sum(int(bit) << at for at, bit in fixed.items()),
    )


def _operand(name: str, places: dict[tuple[str, int], int]) -> Operand:
    count = sum(1 for other, _ in places if other == name)
    return Operand(name, tuple(places[name, bit] for bit in range(count)))


def is_vector(statement: str) -> bool:
    """Whether a statement of an assembler file is one that ``encode`` takes."""
    name = statement.split(maxsplit=1)[0].lower() if statement.strip() else ""
    return name.startswith("ee.") or name in instructions() or _user_register(name) is not None


def _user_register(name: str) -> tuple[int, bool] | None:
    """The number of the register that RUR.name or WUR.name moves, and whether it is written."""
    kind, _, register = name.partition(".")
    if kind not in ("rur", "wur") or register not in _USER_REGISTERS:
        return None
    return _USER_REGISTERS.index(register), kind == "wur"


def encode(line: str) -> bytes:
    """The bytes of an instruction of the vector unit, as an assembler writes them.

    Raises BuildError when there is none of that name, or an operand is none that it takes.
    """
    name, _, rest = line.strip().replace("\t", " ").partition(" ")
    found = instructions().get(name.lower())
    moved = _user_register(name.lower())
    if moved is not None:
        number, is_written = moved
        place = _value(_ADDRESS, rest.strip(), line)
        fields = place << 4 | number << 8 if is_written else place << 12 | number << 4
        return ((0xF3 if is_written else 0xE3) << 16 | fields).to_bytes(3, "little")
    if found is None:
        raise BuildError(f"the vector unit has no instruction '{name}'")
    given = [item.strip() for item in rest.split(",") if item.strip()]
    if len(given) != len(found.operands):
        wanted = ", ".join(item.name for item in found.operands)
        raise BuildError(f"'{line.strip()}': operands are {wanted}")
    word = found.match
    for operand, text in zip(found.operands, given, strict=True):
        value = _value(operand, text, line)
        for bit, at in enumerate(operand.at):
            word |= (value >> bit & 1) << at
    return word.to_bytes(found.nbytes, "little")


def _value(operand: Operand, text: str, line: str) -> int:
    """What stands in the operand's bits."""
    letter = operand.register
    if letter:
        text = "a1" if letter == "a" and text.lower() == "sp" else text
        number = text[1:] if text[:1].lower() == letter else ""
        if number.isdecimal() and int(number) < 1 << len(operand.at):
            return int(number)
        raise BuildError(f"'{line.strip()}': '{text}' is no register {letter}")
    low, high = operand.range
    value = int(text, 0) if _NUMBER.match(text) else None
    if value is None or not low <= value <= high or value % operand.scale:
        steps = f" in steps of {operand.scale}" if operand.scale > 1 else ""
        raise BuildError(f"'{line.strip()}': '{text}' is not within {low} to {high}{steps}")
    return value // operand.scale
