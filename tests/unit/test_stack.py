"""The deepest stack of a firmware, read from its instructions."""

from __future__ import annotations

import struct

import pytest

from tinyml.base.elf import Elf, ElfSection, Segment, Symbol
from tinyml.simulate.frames import frames_of
from tinyml.simulate.stack import stack_bound

BASE = 0x08000000
ROOM = 0x40  # bytes that each function has for itself
PUSH, SUB, RETURN = 0xB510, 0xB084, 0x4770  # {r4, lr}: 8 bytes; sp, #16; bx lr


def firmware(functions: dict[str, list[int]], tables: tuple[tuple[str, ...], ...] = ()) -> Elf:
    """A vector table, functions of 16-bit words, then objects with pointers to functions."""
    places = {name: BASE + 8 + ROOM * number for number, name in enumerate(functions)}
    data = struct.pack("<2I", 0x20001000, next(iter(places.values())) | 1)
    symbols = []
    for name, words in functions.items():
        data += struct.pack(f"<{len(words)}H", *words).ljust(ROOM, b"\0")
        symbols.append(Symbol(name, places[name] | 1, 2 * len(words), "function", True))
    for number, names in enumerate(tables):
        symbols.append(Symbol(f"table{number}", BASE + len(data), 4 * len(names), "object", True))
        data += struct.pack(f"<{len(names)}I", *(places[name] | 1 for name in names))
    vectors = ElfSection(".vectors", BASE, BASE, 8, True, False, False)
    return Elf(40, 0, (vectors,), (Segment(BASE, BASE, data, len(data)),), tuple(symbols))


def call(here: int, at: int, there: int) -> list[int]:
    """BL from function ``here``, halfword ``at``, to function ``there``."""
    offset = ROOM * (there - here) - 2 * at - 4
    high, low = offset >> 12 & 0x7FF, offset >> 1 & 0x7FF
    return [0xF000 | high, 0xF800 | low]


@pytest.mark.parametrize(
    ("words", "nbytes"),
    [
        ([PUSH, SUB, RETURN], 24),
        ([0xE92D, 0x4FF0, RETURN], 36),  # push.w {r4-r11, lr}
        ([0xED2D, 0x8B10, RETURN], 64),  # vpush {d8-d15}
        ([0xF84D, 0x0D04, RETURN], 4),  # str r0, [sp, #-4]!
        ([0xE96D, 0x4502, RETURN], 8),  # strd r4, r5, [sp, #-8]!
        ([0xF5AD, 0x7D00, RETURN], 512),  # sub.w sp, sp, #512
        ([0xF2AD, 0x4D04, RETURN], 1028),  # subw sp, sp, #1028
        ([0x4C00, 0x44A5, 0xFEE8, 0xFFFF, RETURN], 280),  # ldr r4, =-280; add sp, r4
        ([0xF240, 0x440C, 0xEBAD, 0x0D04, RETURN], 1036),  # movw r4, #1036; sub.w sp, sp, r4
        ([0x466C, 0xF36F, 0x0403, 0x46A5, RETURN], 16),  # mov r4, sp; bfc r4, #0, #4; mov sp, r4
        ([0xB500, 0xB004, 0xBD00], 4),  # raising it again is not subtracted
    ],
)
def test_what_lowers_the_stack_pointer_counts(words: list[int], nbytes: int) -> None:
    (frame,) = frames_of(firmware({"f": words})).values()
    assert (frame.nbytes, frame.problem) == (nbytes, "")


def test_the_deepest_of_all_calls_counts() -> None:
    functions = {
        "reset": [PUSH, *call(0, 1, 1), *call(0, 3, 2), RETURN],
        "shallow": [PUSH, RETURN],
        "deep": [PUSH, SUB, *call(2, 2, 1), RETURN],
    }
    bound = stack_bound(firmware(functions))
    assert (bound.nbytes, bound.path) == (8 + 24 + 8, ("reset", "deep", "shallow"))


def test_a_pointer_leads_to_every_function_of_a_table_but_not_to_two_of_one() -> None:
    through = 0x4788  # blx r1
    functions = {
        "reset": [PUSH, through, RETURN],
        "command": [PUSH, SUB, through, RETURN],
        "other": [PUSH, SUB, SUB, through, RETURN],
        "kernel": [PUSH, RETURN],
    }
    bound = stack_bound(firmware(functions, (("command", "other"), ("kernel",))))
    assert bound.path == ("reset", "other", "kernel")
    assert bound.nbytes == 8 + 40 + 8


def test_recursion_has_no_bound() -> None:
    bound = stack_bound(firmware({"reset": [PUSH, *call(0, 1, 1)], "f": [PUSH, *call(1, 1, 1)]}))
    assert bound.problem == "'f' calls itself"


def test_a_far_branch_within_a_function_is_no_call() -> None:
    """Armv6-M has no other one than BL; every function with one was said to call itself."""
    functions = {"reset": [PUSH, *call(0, 1, 0)]}
    functions["reset"][1:3] = [0xF000, 0xF801]  # bl, two bytes further than the next instruction
    functions["reset"] += [0xBF00, RETURN]
    assert stack_bound(firmware(functions)).nbytes == 8


def test_a_stack_pointer_that_nobody_knows_has_no_bound() -> None:
    bound = stack_bound(firmware({"reset": [PUSH, 0x44A5, RETURN]}))  # add sp, r4
    assert "the stack pointer is changed by what is not a constant" in bound.problem
