"""Assembler files written for the GNU assembler of an ESP32-S3, to objects with LLVM's from apt.

LLVM's takes only what one instruction can say and knows neither the vector unit nor SALT. What the
GNU assembler does without a word - a wide instruction for a narrow one that cannot hold its
operand, two for an addition that is too far, a jump around for a branch that is - is done here, so
that the instructions counted are those that its objects have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from tinyml.bare.xtensa import MC, as_bytes
from tinyml.base import process
from tinyml.base.errors import ToolError
from tinyml.base.process import Command

Operands = list[str]

INVERSE = {
    "beq": "bne", "blt": "bge", "bltu": "bgeu", "beqi": "bnei", "blti": "bgei", "bltui": "bgeui",
    "beqz": "bnez", "bltz": "bgez", "ball": "bnall", "bany": "bnone", "bbc": "bbs", "bbci": "bbsi",
}  # fmt: skip
INVERSE |= {other: name for name, other in INVERSE.items()}
ZERO = {"bgei": "bgez", "blti": "bltz", "beqi": "beqz", "bnei": "bnez"}  # compared with 0
SALT = {"salt": 0x72, "saltu": 0x62}  # their third byte
REGISTERS = {"sp": "a1"}
_STATEMENT = re.compile(r"[^\n;]+")
_COMMENT = re.compile(r"#.*|//.*")
_LABEL = re.compile(r"^\s*([\w.]+):", re.MULTILINE)
_LITERAL = re.compile(r"\.literal\s+([\w.]+)")
_GLOBAL = re.compile(r"\.global\s+(\w+)")
_CALL = re.compile(r"call8\s+(\w+)")
_PLACE = re.compile(r":(\d+):\d+: error: fixup value out of range")
MOST_ROUNDS = 20  # of making branches longer


def assemble(sources: Sequence[Path], output: Path) -> Path:
    """``.S`` files to one object, in which their calls of each other are resolved.

    The linker from apt knows no windowed calls. Raises ToolError.
    """
    lines = [line for number, path in enumerate(sources) for line in _translated(path, number)]
    listing = output.with_suffix(".s")
    for turn in range(MOST_ROUNDS):
        listing.write_text("\n".join(lines) + "\n", encoding="utf-8")
        try:
            process.run(Command((*MC, str(listing), "-o", str(output))))
            return output
        except ToolError as error:
            far = {int(line) for line in _PLACE.findall(str(error))}
            if not far:
                raise
            made = [
                _longer(line, f"{turn}_{number}") if number in far else line
                for number, line in enumerate(lines, 1)
            ]
            lines = "\n".join(made).splitlines()
    raise ToolError(f"branches of {output.stem} are too far after {MOST_ROUNDS} rounds")


def _translated(source: Path, number: int) -> list[str]:
    """The lines of a file, with labels that no other file has."""
    words = ("clang-22", "-E", "-P", "--target=xtensa", "-x", "assembler-with-cpp", str(source))
    text = _COMMENT.sub("", process.run(Command(words)))
    own = {*_LABEL.findall(text), *_LITERAL.findall(text)}
    for name in own - {*_GLOBAL.findall(text)}:
        text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", f"{name}_{number}", text)
    text = _LABEL.sub(r".Lcalled_\1:\n\1:", text)
    text = _CALL.sub(r"call8 .Lcalled_\1", text)
    lines = [_STATEMENT.sub(_one, line) for line in text.splitlines() if line.strip()]
    return "\n".join(lines).splitlines()


def _one(statement: re.Match[str]) -> str:
    """A statement as one or several that LLVM's assembler takes."""
    label, text = _parted(statement[0])
    if not text:
        return label
    name, _, rest = text.partition(" ")
    operands = [REGISTERS.get(word.strip(), word.strip()) for word in rest.split(",")]
    change = RULES.get(name.removesuffix(".n"))
    lines = change(name.removesuffix(".n"), operands) if change else None
    return label + "\n".join(lines if lines is not None else [as_bytes(text)])


def _parted(statement: str) -> tuple[str, str]:
    """A statement's label, and its text with one space after the name."""
    label, colon, text = statement.rpartition(":")
    return label + colon + "\n" if colon else "", " ".join(text.split())


def _salt(name: str, operands: Operands) -> list[str]:
    made, first, second = (int(word.removeprefix("a")) for word in operands)
    return [f".byte {second << 4}, {made << 4 | first}, {SALT[name]}"]


def _compared(name: str, operands: Operands) -> list[str] | None:
    register, value, label = operands
    return [f"{ZERO[name]} {register}, {label}"] if value == "0" else None


def _added(name: str, operands: Operands) -> list[str] | None:
    """ADDI or ADDMI of any size."""
    made, register, text = operands
    value = int(text, 0)
    if -128 <= value <= 127:
        return [f"addi{'.n' if value in NARROW else ''} {made}, {register}, {value}"]
    low = (value + 128) % 256 - 128
    lines = [f"addmi {made}, {register}, {value - low}"]
    return [*lines, f"addi {made}, {made}, {low}"] if low else lines


def _accessed(name: str, operands: Operands) -> list[str]:
    """L32I or S32I at any distance."""
    value, register, text = operands
    distance = int(text, 0)
    if distance % 4 == 0:
        narrow = ".n" if 0 <= distance <= 60 else ""
        return [f"{name}{narrow} {value}, {register}, {distance}"]
    lines = [f"movi {value}, {distance}", f"add.n {value}, {value}, {register}"]
    return [*lines, f"{name}.n {value}, {value}, 0"]


def _longer(line: str, label: str) -> str:
    """A branch that reaches further: a wide one, then one around a jump."""
    name, _, rest = line.strip().partition(" ")
    if name.endswith(".n"):
        return f"{name.removesuffix('.n')} {rest}"
    operands = rest.split(",")
    around = f".Laround_{label}"
    near = ", ".join((*(word.strip() for word in operands[:-1]), around))
    return f"{INVERSE[name]} {near}\nj {operands[-1].strip()}\n{around}:"


NARROW = (-1, *range(1, 16))
RULES: dict[str, Callable[[str, Operands], list[str] | None]] = {
    **dict.fromkeys(SALT, _salt),
    **dict.fromkeys(ZERO, _compared),
    **dict.fromkeys(("addi", "addmi"), _added),
    **dict.fromkeys(("l32i", "s32i"), _accessed),
}
