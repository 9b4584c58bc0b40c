"""The decoder against hand-assembled code, and cycles of snippets against the reference manuals."""

from __future__ import annotations

import pytest

from tinyml.base.errors import BoardError
from tinyml.simulate.decode import Instruction, decode
from tinyml.simulate.timing import BlockCost, block_cost, timing_of
from tinyml.target.cores import core_named


def _code(text: str) -> bytes:
    """Halfwords in hexadecimal, in the order of the manuals, to bytes in memory."""
    return b"".join(int(word, 16).to_bytes(2, "little") for word in text.split())


def _mask(*registers: int) -> int:
    return sum(1 << register for register in registers)


# assembled with arm-none-eabi-as: kind, words moved, registers read, registers written
INSTRUCTIONS = [
    ("2001", "movs r0,#1", "alu", 0, (), (0,)),
    ("00d1", "lsls r1,r2,#3", "alu", 0, (2,), (1,)),
    ("18d1", "adds r1,r2,r3", "alu", 0, (2, 3), (1,)),
    ("1cd1", "adds r1,r2,#3", "alu", 0, (2,), (1,)),
    ("2b04", "cmp r3,#4", "alu", 0, (3,), ()),
    ("43d1", "mvns r1,r2", "alu", 0, (2,), (1,)),
    ("4351", "muls r1,r2", "multiply", 0, (1, 2), (1,)),
    ("4211", "tst r1,r2", "alu", 0, (1, 2), ()),
    ("44c8", "add r8,r9", "alu", 0, (8, 9), (8,)),
    ("46c8", "mov r8,r9", "alu", 0, (9,), (8,)),
    ("4770", "bx lr", "branch_register", 0, (14,), ()),
    ("4798", "blx r3", "branch_register", 0, (3,), (14,)),
    ("4902", "ldr r1,[pc,#8]", "load", 1, (), (1,)),
    ("50d1", "str r1,[r2,r3]", "store", 1, (1, 2, 3), ()),
    ("56d1", "ldrsb r1,[r2,r3]", "load", 1, (2, 3), (1,)),
    ("6851", "ldr r1,[r2,#4]", "load", 1, (2,), (1,)),
    ("7111", "strb r1,[r2,#4]", "store", 1, (1, 2), ()),
    ("9901", "ldr r1,[sp,#4]", "load", 1, (13,), (1,)),
    ("b002", "add sp,#8", "alu", 0, (13,), (13,)),
    ("b149", "cbz r1,.+20", "branch", 0, (1,), ()),
    ("b5f0", "push {r4-r7,lr}", "store_many", 5, (4, 5, 6, 7, 13, 14), (13,)),
    ("bdf0", "pop {r4-r7,pc}", "load_many_pc", 5, (13,), (4, 5, 6, 7, 13)),
    ("bc30", "pop {r4,r5}", "load_many", 2, (13,), (4, 5, 13)),
    ("b672", "cpsid i", "system", 0, (), ()),
    ("be01", "bkpt #1", "trap", 0, (), ()),
    ("bf08", "it eq", "if_then", 0, (), ()),
    ("bf30", "wfi", "hint", 0, (), ()),
    ("c10c", "stmia r1!,{r2,r3}", "store_many", 2, (1, 2, 3), (1,)),
    ("d0fe", "beq .", "branch", 0, (), ()),
    ("e7fe", "b .", "branch", 0, (), ()),
    ("df00", "svc #0", "trap", 0, (), ()),
    ("e8b1 03fc", "ldm r1!,{r2-r9}", "load_many", 8, (1,), tuple(range(1, 10))),
    ("e921 03fc", "stmdb r1!,{r2-r9}", "store_many", 8, tuple(range(1, 10)), (1,)),
    ("e9d3 1202", "ldrd r1,r2,[r3,#8]", "load_pair", 2, (3,), (1, 2)),
    ("e8f3 1202", "ldrd r1,r2,[r3],#8", "load_pair", 2, (3,), (1, 2, 3)),
    ("e9e3 1202", "strd r1,r2,[r3,#8]!", "store_pair", 2, (1, 2, 3), (3,)),
    ("e8df f001", "tbb [pc,r1]", "table_branch", 0, (1,), ()),
    ("e852 1f00", "ldrex r1,[r2]", "exclusive", 1, (2,), (1,)),
    ("eb02 0183", "add.w r1,r2,r3,lsl #2", "alu", 0, (2, 3), (1,)),
    ("ea11 0f02", "tst.w r1,r2", "alu", 0, (1, 2), ()),
    ("f241 2134", "movw r1,#0x1234", "alu", 0, (), (1,)),
    ("f2c1 2134", "movt r1,#0x1234", "alu", 0, (1,), (1,)),
    ("f362 01c6", "bfi r1,r2,#3,#4", "alu", 0, (1, 2), (1,)),
    ("f322 01c7", "ssat r1,#8,r2,asr #3", "alu", 0, (2,), (1,)),
    ("f002 11ff", "and r1,r2,#0xff00ff", "alu", 0, (2,), (1,)),
    ("f7ff bffe", "b.w .", "branch", 0, (), ()),
    ("f43f affe", "beq.w .", "branch", 0, (), ()),
    ("f7ff fffe", "bl .", "call", 0, (), (14,)),
    ("f3bf 8f4f", "dsb", "barrier", 0, (), ()),
    ("f3ef 8110", "mrs r1,primask", "system", 0, (), (1,)),
    ("f842 1023", "str.w r1,[r2,r3,lsl #2]", "store", 1, (1, 2, 3), ()),
    ("f842 1b04", "str r1,[r2],#4", "store", 1, (1, 2), (2,)),
    ("f892 13e8", "ldrb.w r1,[r2,#1000]", "load", 1, (2,), (1,)),
    ("f851 f002", "ldr.w pc,[r1,r2]", "load_pc", 1, (1, 2), ()),
    ("f891 f000", "pld [r1]", "hint", 1, (1,), ()),
    ("fa2f f192", "sxtb16 r1,r2,ror #8", "alu", 0, (2,), (1,)),
    ("fb02 4103", "mla r1,r2,r3,r4", "multiply_add", 0, (2, 3, 4), (1,)),
    ("fb22 4103", "smlad r1,r2,r3,r4", "dsp_multiply", 0, (2, 3, 4), (1,)),
    ("fb52 4113", "smmlar r1,r2,r3,r4", "dsp_multiply", 0, (2, 3, 4), (1,)),
    ("fb83 1204", "smull r1,r2,r3,r4", "long_multiply", 0, (3, 4), (1, 2)),
    ("fb92 f1f3", "sdiv r1,r2,r3", "divide", 0, (2, 3), (1,)),
    ("fbc3 1204", "smlal r1,r2,r3,r4", "long_multiply_add", 0, (1, 2, 3, 4), (1, 2)),
    ("edd1 0a00", "vldr s1,[r1]", "fp_load", 1, (1,), ()),
    ("ed2d 8a05", "vpush {s16-s20}", "fp_store_many", 5, (13,), (13,)),
    ("ee10 1a10", "vmov r1,s0", "fp_move", 0, (), (1,)),
    ("ec41 2b10", "vmov d0,r2,r1", "fp_move_pair", 2, (1, 2), ()),
    ("ee30 0a81", "vadd.f32 s0,s1,s2", "fp", 0, (), ()),
    ("ee80 0a81", "vdiv.f32 s0,s1,s2", "fp_divide", 0, (), ()),
    ("eeb1 0ae0", "vsqrt.f32 s0,s1", "fp_square_root", 0, (), ()),
    ("eea0 0a81", "vfma.f32 s0,s1,s2", "fp_multiply_add", 0, (), ()),
    ("eef1 fa10", "vmrs apsr_nzcv,fpscr", "fp_move", 0, (), ()),
]


@pytest.mark.parametrize(
    ("code", "text", "kind", "count", "reads", "writes"),
    INSTRUCTIONS,
    ids=[row[1] for row in INSTRUCTIONS],
)
def test_decoder(code, text, kind, count, reads, writes):
    found = list(decode(_code(code)))
    nbytes = len(code.split()) * 2
    assert found == [Instruction(kind, nbytes, count, _mask(*reads), _mask(*writes))], text


@pytest.mark.slow
def test_no_bytes_make_the_decoder_fail():
    for first in range(0, 0x10000, 7):
        block = list(decode(first.to_bytes(2, "little") + b"\x5a\x13"))
        assert sum(item.nbytes for item in block) <= 4
        for core in ("cortex-m0plus", "cortex-m4", "cortex-m7"):
            block_cost(first.to_bytes(2, "little") + b"\x5a\x13", timing_of(core_named(core)))


# cycles on each core: code, (instructions, cycles, more when the last branch is taken)
SNIPPETS = [
    ("cortex-m4", "2001 1852", (2, 2, 0)),  # movs; adds
    ("cortex-m4", "6811 6852 6893 68d4", (4, 5, 0)),  # four loads: 2 1 1 1
    ("cortex-m4", "6811 1889 6853", (3, 5, 0)),  # load, add, load
    ("cortex-m4", "6011 6852", (2, 2, 0)),  # store, load
    ("cortex-m4", "e9d3 1202 6811", (2, 5, 0)),  # ldrd 3, load 2
    ("cortex-m4", "e8b1 03fc", (1, 9, 0)),  # ldm of eight
    ("cortex-m4", "b5f0", (1, 6, 0)),
    ("cortex-m4", "bdf0", (1, 6, 2)),
    ("cortex-m4", "3801 d1fd", (2, 2, 2)),  # subs, bne
    ("cortex-m4", "fb22 4103 fb83 1204", (2, 2, 0)),  # smlad, smull
    ("cortex-m4", "fb92 f1f3", (1, 7, 0)),
    ("cortex-m4", "eea0 0a81 ee80 0a81", (2, 17, 0)),
    # the inner step of PERFORMANCE.md: two ldrd, two sxtb16, eight smlad
    (
        "cortex-m4",
        "e9d3 1202 e9d3 4502 fa2f f192 fa2f f192" + " fb22 4103" * 8,
        (12, 16, 0),
    ),
    ("cortex-m4", "6811 6852 6893 68d4 fa2f f192 fa2f f192" + " fb22 4103" * 8, (14, 15, 0)),
    ("cortex-m3", "fb02 4103 fb83 1204", (2, 6, 0)),  # mla 2, smull 4
    ("cortex-m33", "6811 6852", (2, 3, 0)),
    ("cortex-m0plus", "6811 6852", (2, 4, 0)),
    ("cortex-m0plus", "4351 6011 d1fd", (3, 4, 1)),  # muls, str, bne
    ("cortex-m0plus", "bdf0", (1, 6, 2)),  # pop with pc: 3 + N, pc included in N
    ("cortex-m0plus", "f7ff fffe", (1, 1, 2)),  # bl: 3
    ("cortex-m7", "2001 2102", (2, 1, 0)),  # independent: one cycle
    ("cortex-m7", "2001 1c41", (2, 2, 0)),  # adds r1,r0,#1 needs r0
    ("cortex-m7", "6811 6852", (2, 2, 0)),  # one memory port
    ("cortex-m7", "6811 1c48", (2, 3, 0)),  # loaded value comes one cycle late
    ("cortex-m7", "6811 2401", (2, 1, 0)),
    ("cortex-m7", "fb22 4103 fb22 4503", (2, 2, 0)),  # one multiplier
    ("cortex-m7", "3801 d1fd", (2, 1, 1)),
]


@pytest.mark.parametrize(("core", "code", "cost"), SNIPPETS)
def test_cycles(core, code, cost):
    assert block_cost(_code(code), timing_of(core_named(core))) == BlockCost(*cost)


def test_small_multiplier_of_the_m0plus():
    core = timing_of(core_named("cortex-m0plus"), multiply_cycles=32)
    assert block_cost(_code("4351"), core) == BlockCost(1, 32, 0)


def test_unknown_core():
    with pytest.raises(BoardError, match="unknown core") as caught:
        core_named("cortex-m5")
    assert "cortex-m4" in (caught.value.hint or "")
    with pytest.raises(BoardError, match="no timing model of the core 'rv32imc'"):
        timing_of(core_named("rv32imc"))
