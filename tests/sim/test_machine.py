"""The emulated board: memory map, faults, serial port, counters, and the two hooks."""

from __future__ import annotations

import os
import signal
import struct
import threading
import time

import pytest

from tinyml.base.errors import BoardError, SimulationFault, TinymlError
from tinyml.simulate.machine import Machine, Stop

pytestmark = pytest.mark.sim

UART_BASE = 0x40011000
MILLION = 1_000_000


@pytest.mark.parametrize(
    ("fault", "message", "hint"),
    [
        (1, "write of 4 bytes at 0x08", "constant"),
        (2, "read of 4 bytes at 0x00000004 (a null pointer)", "never set"),
        (3, "execution at 0x30000000 outside every memory region", ""),
        (
            4,
            "write of 4 bytes at 0x20004000 outside every memory region",
            "beyond the end of 'sram'",
        ),
        (5, "a breakpoint (BKPT)", ""),
        (6, "an instruction that a cortex-m4 does not have", "another core"),
        (7, "write of 4 bytes at 0x1ffffff0 outside", "the stack overflowed"),
        (8, "floating-point unit before switching it on", ""),
        (9, "switches the SysTick interrupt on", ""),
    ],
)
def test_faults_name_address_and_function(compile_firmware, make_board, fault, message, hint):
    machine = Machine(compile_firmware("faults", FAULT=fault), make_board())
    with pytest.raises(SimulationFault) as caught:
        machine.run(MILLION)
    assert message in caught.value.message
    assert "culprit" in caught.value.message or "Reset_Handler" in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code == 4


def test_ram_that_holds_no_code_is_a_fault(compile_firmware, make_board):
    machine = Machine(compile_firmware("faults", FAULT=10), make_board())
    with pytest.raises(SimulationFault):
        machine.run(MILLION)


@pytest.mark.parametrize("is_native", [True, False])
@pytest.mark.parametrize(
    ("core", "fault", "text"),
    [
        ("cortex-m4", 11, None),
        ("cortex-m0plus", 11, "4 bytes at 0x20000101"),
        ("cortex-m4", 12, "4 bytes at 0x20000102"),
        ("cortex-m33", 13, "4 bytes at 0x20000101"),
    ],
)
def test_unaligned_accesses(compile_firmware, make_board, core, fault, text, is_native):
    elf = compile_firmware("faults", core=core, FAULT=fault)
    unwatched = Machine(elf, make_board(core=core), is_native=is_native)
    assert unwatched.run(MILLION) is Stop.IDLE
    machine = Machine(elf, make_board(core=core), is_native=is_native)
    with machine.checked_alignment():
        if text is None:
            assert machine.run(MILLION) is Stop.IDLE
        else:
            with pytest.raises(SimulationFault, match=text) as caught:
                machine.run(MILLION)
            assert "faults there" in (caught.value.hint or "")
    if text is None:
        assert machine.cycles == unwatched.cycles


@pytest.mark.parametrize("is_native", [True, False])
def test_watching_accesses_in_it_blocks_changes_nothing(compile_firmware, make_board, is_native):
    """The emulator let a load within an IT block make the block after it conditional."""
    elf = compile_firmware("faults", FAULT=14)
    machine = Machine(elf, make_board(), is_native=is_native)
    with machine.checked_alignment():
        assert machine.run(MILLION) is Stop.IDLE
    assert _words(machine, elf, "sink", 1) == (2,)


@pytest.mark.parametrize("is_native", [True, False])
@pytest.mark.parametrize(
    ("kind", "name"), [(1, "stm32_v1"), (2, "stm32_v2"), (3, "nrf52"), (4, "pl011")]
)
def test_serial_port(compile_firmware, make_board, kind, name, is_native):
    elf = compile_firmware("echo", UART_KIND=kind, UART=UART_BASE)
    machine = Machine(elf, make_board(uart=name), is_native=is_native)
    assert machine.uart is not None
    assert machine.run(MILLION) is Stop.IDLE
    assert machine.uart.sent == b"+\xa5"  # .data copied, .bss cleared, other RAM not zero
    assert machine.uart.lost == 1
    machine.uart.sent.clear()
    machine.uart.received.extend(b"HALq")
    assert machine.run(MILLION) is Stop.IDLE
    assert machine.uart.sent == b"IBMr"
    assert machine.run(MILLION) is Stop.IDLE  # asleep


def test_counters(compile_firmware, make_board):
    elf = compile_firmware("counters")
    machine = Machine(elf, make_board())
    assert machine.run(MILLION) is Stop.LIMIT
    seen = _words(machine, elf, "seen", 12)
    assert seen[0] == seen[1] == 0  # the cycle counter is off
    assert seen[3] - seen[2] == pytest.approx(4000, abs=20)  # SUBS 1, BNE 1, taken 2 more
    assert seen[4] - seen[3] == pytest.approx(8000, abs=20)
    assert 0x1000 - seen[6] == pytest.approx(400, abs=40)  # SysTick counts down from its reload
    assert seen[7] == 0
    assert seen[8] == 0
    assert seen[9] == 1  # 8,000 cycles wrap 4,096
    assert "spin" in machine.where()


def test_counters_show_instructions_when_told(compile_firmware, make_board):
    elf = compile_firmware("counters")
    machine = Machine(elf, make_board())
    machine.shown = "instructions"
    machine.run(MILLION)
    seen = _words(machine, elf, "seen", 12)
    assert seen[3] - seen[2] == pytest.approx(2000, abs=20)
    assert seen[4] - seen[3] == pytest.approx(4000, abs=20)


def test_m0plus_has_no_cycle_counter(compile_firmware, make_board):
    elf = compile_firmware("counters", core="cortex-m0plus")
    machine = Machine(elf, make_board(core="cortex-m0plus"))
    machine.run(MILLION)
    seen = _words(machine, elf, "seen", 12)
    assert seen[3] == seen[4] == 0
    assert 0x1000 - seen[6] == pytest.approx(300, abs=40)  # taken branches take 2 there


@pytest.mark.parametrize(
    "core", ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"]
)
def test_native_and_python_hooks_agree(compile_firmware, make_board, core):
    elf = compile_firmware("dot", core=core, TURNS=40)
    totals = []
    for is_native in (True, False):
        machine = Machine(elf, make_board(core=core, wait_cycles=3), is_native=is_native)
        assert machine.run(100 * MILLION) is Stop.IDLE
        totals.append((machine.instructions, machine.cycles))
    assert totals[0] == totals[1]
    assert totals[0][0] > 100_000


def test_counts_are_exact(compile_firmware, make_board):
    import unicorn

    machine = Machine(
        compile_firmware("dot", core="cortex-m0plus", TURNS=3), make_board("cortex-m0plus")
    )
    executed = [0]

    def count(*_: object) -> None:
        executed[0] += 1

    machine._engine.hook_add(unicorn.UC_HOOK_CODE, count)
    machine.run(100 * MILLION)
    assert machine.instructions == executed[0] > 10_000


def test_slices_do_not_change_the_counts(compile_firmware, make_board):
    elf = compile_firmware("dot", TURNS=5)
    whole = Machine(elf, make_board())
    whole.run(MILLION)
    sliced = Machine(elf, make_board())
    while sliced.run(997) is Stop.LIMIT:
        pass
    assert (sliced.instructions, sliced.cycles) == (whole.instructions, whole.cycles)


def test_wait_states_add_cycles_but_no_instructions(compile_firmware, make_board):
    elf = compile_firmware("dot", TURNS=5)
    machines = [Machine(elf, make_board(wait_cycles=cycles)) for cycles in (0, 4, 8)]
    for machine in machines:
        machine.run(10 * MILLION)
    fast, slow, slower = (machine.cycles for machine in machines)
    assert len({machine.instructions for machine in machines}) == 1
    assert slower - slow == slow - fast > 100


@pytest.mark.parametrize("is_native", [True, False])
def test_memory_can_be_ignored(compile_firmware, make_board, is_native):
    elf = compile_firmware("dot", TURNS=5)
    fast = Machine(elf, make_board(), is_native=is_native)
    slow = Machine(elf, make_board(wait_cycles=4), is_native=is_native)
    slow.counter.ignore_memory()
    fast.run(10 * MILLION)
    slow.run(10 * MILLION)
    assert slow.cycles == fast.cycles


@pytest.mark.parametrize("is_native", [True, False])
def test_reading_flash_in_it_blocks_changes_nothing(compile_firmware, make_board, is_native):
    """The emulator let a hooked load within an IT block make the block after it conditional."""
    elf = compile_firmware("faults", FAULT=14)
    machine = Machine(elf, make_board(wait_cycles=3), is_native=is_native)
    assert machine.run(MILLION) is Stop.IDLE
    assert _words(machine, elf, "sink", 1) == (2,)


@pytest.mark.slow
def test_native_hook_is_fast(compile_firmware, make_board):
    machine = Machine(compile_firmware("dot", TURNS=20000), make_board())
    started = time.perf_counter()
    machine.run(10_000 * MILLION)
    mips = machine.instructions / (time.perf_counter() - started) / 1e6
    assert mips > 20, f"{mips:.0f} MIPS; 50 are expected on a machine with nothing else to do"


def test_image_for_another_board_is_refused(compile_firmware, make_board):
    import dataclasses

    from tinyml.target.chip import Region

    board = make_board()
    moved = (Region("flash", "flash", 0x10000000, 0x10000), *board.chip.regions[1:])
    elsewhere = dataclasses.replace(board, chip=dataclasses.replace(board.chip, regions=moved))
    with pytest.raises(SimulationFault, match="where the chip has no memory") as caught:
        Machine(compile_firmware("dot", TURNS=5), elsewhere)
    assert "another board" in (caught.value.hint or "")


def test_unknown_core_and_uart_are_board_errors(compile_firmware, make_board):
    elf = compile_firmware("dot", TURNS=5)
    with pytest.raises(BoardError, match="no timing model"):
        Machine(elf, make_board(core="xtensa-lx7"))
    with pytest.raises(BoardError, match="no model of the UART"):
        Machine(elf, make_board(uart="stm32_v3"))
    assert issubclass(SimulationFault, TinymlError)


def _words(machine: Machine, elf, name: str, count: int) -> tuple[int, ...]:
    symbol = elf.symbol(name)
    return struct.unpack(f"<{count}I", machine.read_memory(symbol.address, 4 * count))


@pytest.fixture
def hears_ctrl_c():
    """Ctrl-C raises KeyboardInterrupt, also where a shell started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_ends_firmware_that_polls_a_peripheral(compile_firmware, make_board):
    """A KeyboardInterrupt raised in a callback of the emulator used to get lost."""
    machine = Machine(compile_firmware("polling"), make_board())
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        machine.run(1_000_000 * MILLION)
    assert time.monotonic() - started < 5
    timer.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
