"""Every instruction of the vector unit on the emulated core against a model of its own in numpy."""

from __future__ import annotations

import ctypes
from random import Random

import numpy as np
import pytest

from tests.support.running import pie_model
from tests.support.running.pie_model import State
from tinyml.simulate.lx7.core import Lx7, Stop
from tinyml.simulate.lx7.pie import Instruction, encode, instructions

pytestmark = pytest.mark.sim

CODE, MEMORY, MEMORY_BYTES = 0x4200_0000, 0x0, 0x1000
NOT_EMULATED = ("ee.bitrev", "ee.get_gpio_in")
KNOWN = [item for name, item in instructions().items() if not name.startswith(NOT_EMULATED)]
TRIES = 25


def operands_of(item: Instruction, rng: Random) -> dict[str, int]:
    """Random operands; two results never share a register, which assemblers refuse."""
    while True:
        found = {}
        for operand in item.operands:
            low, high = operand.range
            if operand.register == "a":
                low, high = 2, 15
            found[operand.name] = rng.randrange(low, high + 1, operand.scale)
        if item.mnemonic.startswith(("ee.srcmb", "ee.srs")):
            found["sel2"] = 0
        groups = (
            ("qu", "qa", "qz", "qu1", "qs0", "qs1", "qz1", "qa0", "qa1"),
            ("as", "ad", "au", "as0"),
        )
        groups = (*groups, ("fu0", "fu1", "fu2", "fu3"))
        taken = [[found[name] for name in group if name in found] for group in groups]
        if all(len(set(values)) == len(values) for values in taken):
            return found


def random_state(rng: Random) -> State:
    """Registers that are often extreme; addresses within the memory."""
    state = State(memory=bytearray(rng.randbytes(MEMORY_BYTES)))
    pool = [0, 1, 127, 128, 255] if rng.random() < 0.5 else list(range(256))
    state.q = np.array([[rng.choice(pool) for _ in range(16)] for _ in range(8)], np.uint8)
    state.a = [rng.randrange(0x600, 0xA00) for _ in range(16)]
    state.f = [rng.getrandbits(32) for _ in range(16)]
    state.sar, state.sar_byte = rng.randrange(32), rng.randrange(16)
    state.accx = rng.choice((rng.getrandbits(40) - (1 << 39), (1 << 39) - 1, -(1 << 39)))
    state.qacc = rng.choice((rng.getrandbits(320), 0, (1 << 320) - 1))
    state.ua_state, state.gpio_out = rng.randbytes(16), rng.randrange(256)
    return state


def loaded(core: Lx7, state: State, code: bytes) -> None:
    """Puts a state into the emulated core and an instruction before its program counter."""
    held = core.state
    ctypes.memmove(held.q, state.q.tobytes(), 128)
    for n in range(16):
        held.a[n], held.f[n] = state.a[n], state.f[n]
    held.special[3] = 0
    held.sar, held.sar_byte, held.accx = state.sar, state.sar_byte, state.accx
    for n in range(16):
        held.qacc[n] = state.qacc >> 20 * n & 0xFFFFF
    ctypes.memmove(held.ua_state, state.ua_state, 16)
    held.gpio_out = state.gpio_out
    core.write(MEMORY, bytes(state.memory))
    core.write(held.pc, code)


def seen(core: Lx7, state: State) -> State:
    """The state of the emulated core."""
    held = core.state
    return State(
        np.frombuffer(bytes(held.q), np.uint8).reshape(8, 16),
        [held.a[n] for n in range(16)],
        [held.f[n] for n in range(16)],
        held.sar,
        held.sar_byte,
        held.accx,
        sum(held.qacc[n] << 20 * n for n in range(16)),
        bytes(held.ua_state),
        held.gpio_out,
        bytearray(core.read(MEMORY, MEMORY_BYTES)),
    )


def text_of(item: Instruction, operands: dict[str, int]) -> str:
    parts = [f"{operand.register}{operands[operand.name]}" for operand in item.operands]
    return f"{item.mnemonic} {', '.join(parts)}"


@pytest.fixture(scope="module")
def core() -> Lx7:
    made = Lx7()
    made.add_memory(CODE, 1 << 16, 0, is_writable=False, has_code=True)
    made.add_memory(MEMORY, MEMORY_BYTES, 0, is_writable=True, has_code=False)
    made.state.pc = CODE
    return made


def check(core: Lx7, item: Instruction, operands: dict[str, int], state: State) -> None:
    if core.state.pc > CODE + 0xFF00:
        pytest.fail("the test ran out of code memory")
    text = text_of(item, operands)
    loaded(core, state, encode(text))
    before = core.state.pc
    try:
        pie_model.execute(state, item.mnemonic, operands)
    except pie_model.UnpublishedError:
        assert core.run() is Stop.UNKNOWN, text
        core.state.pc = before + item.nbytes
        return
    assert core.run(before + item.nbytes) is Stop.UNTIL, text
    found = seen(core, state)
    for name in vars(state):
        assert np.array_equal(getattr(found, name), getattr(state, name)), (text, name)


@pytest.mark.parametrize("item", KNOWN, ids=lambda item: item.mnemonic)
def test_as_the_model(core: Lx7, item: Instruction) -> None:
    rng = Random(item.mnemonic)
    for _ in range(TRIES):
        state = random_state(rng)
        if "xq" in item.mnemonic:
            state.q[:, 1::2] = 0  # lanes of 16 bits are indices into the memory there is
        if "fft" in item.mnemonic and rng.random() < 0.7:  # sums that do not overflow
            state.q = np.right_shift(state.q.view("<i2"), 1).view(np.uint8)
        check(core, item, operands_of(item, rng), state)


def test_measured_on_the_chip(core: Lx7) -> None:
    """Corner cases that others measured: espressif/qemu issues 161, 163, 164, 165, 166."""
    named = instructions()
    state = State(memory=bytearray(MEMORY_BYTES))
    state.q[0] = np.frombuffer(
        np.array([0x12345678, 0xFFFFFFFF, 0x80000000, 1], "<u4").tobytes(), np.uint8
    )
    state.sar = 32
    for name, wanted in (
        ("ee.vsr.32", [0, 0, 0, 0]),
        ("ee.vsl.32", [0x7FFFFFFF, 0x80000000, 0x80000000, 0x7FFFFFFF]),
    ):
        loaded(core, state, encode(f"{name} q1, q0"))
        assert core.run(core.state.pc + named[name].nbytes) is Stop.UNTIL
        assert np.frombuffer(bytes(core.state.q)[16:32], "<u4").tolist() == wanted
    state.q[:] = 255
    state.qacc = 0
    for _ in range(17):
        check(core, named["ee.vmulas.u8.qacc"], {"qx": 0, "qy": 1}, state)
    assert state.qacc == (1 << 320) - 1
    state.q[0] = np.frombuffer(np.arange(2, 10, dtype="<i2").tobytes(), np.uint8)
    state.q[1] = np.frombuffer(np.array([7, 11, 13, 17, 19, 23, 29, 31], "<i2").tobytes(), np.uint8)
    state.sar = 0
    check(core, named["ee.cmul.s16"], {"qz": 0, "qx": 0, "qy": 1, "sel4": 0}, state)
    assert pie_model.lanes(state.q[0], "s16").tolist() == [-19, 43, -33, 133, 6, 7, 8, 9]


def test_butterflies_measured_on_the_chip(core: Lx7) -> None:
    """Which halves meet was measured by others (dj-oyu/esp32s3-hw-mcp, r2bf_operand_lists)."""
    state = State(memory=bytearray(MEMORY_BYTES))
    given = np.array([100, -200, 300, -400, 500, -600, 700, -800], "<i2")
    state.q[:2] = np.frombuffer(given.tobytes(), np.uint8)
    item = instructions()["ee.fft.r2bf.s16"]
    for sel2, wanted in (
        (0, [600, -800, 1000, -1200, -400, 400, -400, 400]),
        (1, [400, -600, 1200, -1400, -200, 200, -200, 200]),
    ):
        check(core, item, {"qa0": 2, "qa1": 3, "qx": 0, "qy": 1, "sel2": sel2}, state)
        assert pie_model.lanes(state.q[2], "s16").tolist() == wanted


@pytest.mark.parametrize(
    "text", ["ee.srcmb.s8.qacc q0, a2, 1", "ee.srs.accx a3, a2, 1", "ee.bitrev q0, a2"]
)
def test_what_nobody_has_published_is_no_guess(core: Lx7, text: str) -> None:
    loaded(core, random_state(Random(1)), encode(text))
    assert core.run() is Stop.UNKNOWN
    core.state.pc += 3
