"""Two emulated LX7 cores on one memory: halves of layers in any order, and in turn.

The model's functions run on one core up to a layer that two cores share. Its halves then run on two
others, which see the same memory and have stacks of their own, as a schedule says.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.support.running.halves import shared_calls
from tinyml.bare.run import ENGINES, program_of
from tinyml.base.elf import Elf, read_elf
from tinyml.ir.graph import Array
from tinyml.ir.kernel import KernelCall
from tinyml.plan.values import Plan
from tinyml.project.selftest import symbols_of
from tinyml.simulate.invoke import Invoked
from tinyml.simulate.lx7.core import NOWHERE, PS_WINDOWS, Lx7, Stop
from tinyml.simulate.lx7.functions import Functions
from tinyml.target.board import Board

STACK_BYTES = 0x4000
STACKS = (0x3FF0_0000, 0x3FF1_0000)  # where nothing of an ESP32-S3 is
MOST_CYCLES = 1 << 40
SLICES = 200
_BY_8, _BACK = 2, 4

Spans = tuple[tuple[int, int], ...]  # address, bytes


class Half:
    """A function of a layer on a core of its own."""

    def __init__(self, first: Lx7, function: int, stack: int) -> None:
        self.core = Lx7()
        state = self.core.state
        state.region, state.regions = first.state.region, first.state.regions
        for number in range(64):
            state.special[number] = first.state.special[number]
        state.special[231] = first.state.special[231]  # VECBASE
        state.ps = PS_WINDOWS | _BY_8 << 16
        top = stack + STACK_BYTES - 64
        self.core.write(top - 12, (top + 32).to_bytes(4, "little"))
        self.core.set_a(1, top)
        self.core.set_a(4 * _BY_8, _BY_8 << 30 | _BACK)
        state.pc = function
        self._end = function & 0xC000_0000 | _BACK
        self.is_done = False

    def run(self, cycles: int) -> None:
        """Goes on for so many cycles, or to its end."""
        stop = self.core.run(NOWHERE, cycles)
        if stop is Stop.NO_CODE and self.core.state.pc == self._end:
            self.is_done = True
        else:
            assert stop is Stop.LIMIT, stop.name


Schedule = Callable[[Half, Half], None]


def first_then_second(first: Half, second: Half) -> None:
    """As one core would."""
    first.run(MOST_CYCLES)
    second.run(MOST_CYCLES)


def second_then_first(first: Half, second: Half) -> None:
    """The other way round."""
    first_then_second(second, first)


def slices(rng: np.random.Generator, most: int) -> Iterator[int]:
    """Cycles after which something else happens: a few at first, more in layers that take long."""
    for number in itertools.count():
        yield int(rng.integers(1, most + (number // SLICES) * 100 * most))


def interleaved(seed: int, most: int = 60) -> Schedule:
    """A few cycles each in turn."""
    rng = np.random.default_rng(seed)

    def run(first: Half, second: Half) -> None:
        for cycles in slices(rng, most):
            half = (first, second)[rng.integers(2)]
            if not half.is_done:
                half.run(cycles)
            elif first.is_done and second.is_done:
                return

    return run


class TwoCores(Functions):
    """A program whose shared layers run as a schedule says; a ``Core`` for invoke.py."""

    def __init__(self, elf: Elf, board: Board, schedule: Callable[[int], Schedule]) -> None:
        """``schedule``: how the halves run of the shared layer of that number, counted from 0."""
        super().__init__(elf, board)
        for base in STACKS:
            self._core.add_memory(base, STACK_BYTES, 0xA5, is_writable=True, has_code=False)
        both = elf.symbol("tml_both")
        assert both is not None
        self._both, self._schedule = both.address, schedule
        self.shared = 0

    def _next(self) -> int:
        return self._both

    def _mark(self, end: int) -> None:
        """Runs the halves in place of ``tml_both``."""
        core, state = self._core, self._core.state
        by = 4 * (state.ps >> 16 & 3)
        caller, here, there = (core.a(by + i) for i in (0, 2, 3))
        halves = (Half(core, here, STACKS[0]), Half(core, there, STACKS[1]))
        self._schedule(self.shared)(*halves)
        assert all(half.is_done for half in halves)
        self.shared += 1
        state.pc = state.pc & 0xC000_0000 | caller & 0x3FFF_FFFF


class Runner:
    """A plan's program, for runs with several schedules."""

    def __init__(self, plan: Plan, board: Board, folder: Path) -> None:
        engine = ENGINES[board.chip.core.bare]
        self.plan, self.board = plan, board
        self.elf = read_elf(program_of(engine, plan, board, folder, in_sequence=True))

    def outputs(
        self, vectors: Sequence[tuple[Array, ...]], schedule: Callable[[int], Schedule]
    ) -> list[tuple[Array, ...]]:
        """What the model gives; every layer that the plan shares must have been."""
        core = TwoCores(self.elf, self.board, schedule)
        graph = self.plan.graph
        running = Invoked(core, self.elf, graph, symbols_of(graph), entry="")
        made = [running.outputs(sample, MOST_CYCLES) for sample in vectors]
        assert core.shared == len(vectors) * len(shared_calls(self.plan))
        return made

    def spans(self, step: int) -> tuple[Spans, Spans]:
        """What each half of a step may write: its part of the output, and its scratch."""
        call, place = self.plan.steps[step].call, self.plan.steps[step].scratch
        assert call is not None
        op = self.plan.graph.ops[self.plan.steps[step].ops[-1]]
        made = self.plan.tensors[op.outputs[0]]
        assert made is not None
        output = self.address(made.region) + made.offset
        ends = [self._made_at(call, 1), made.nbytes]
        starts = [0, ends[0]]
        found = []
        for number, half in enumerate(call.halves):
            spans = [(output + starts[number], ends[number] - starts[number])]
            if place is not None:
                at = self.address(place.region) + place.offset + self._scratch_at(call, number)
                spans.append((at, half.scratch_bytes))
            found.append(tuple(spans))
        return found[0], found[1]

    def address(self, region: str) -> int:
        """Of the arena in a region."""
        default = self.board.ram[0].region
        found = self.elf.symbol("arena" if region == default else f"arena_{region}")
        assert found is not None
        return found.address

    @staticmethod
    def _made_at(call: KernelCall, half: int) -> int:
        pairs = zip(call.arguments, call.halves[half].offsets, strict=True)
        return next(offset for argument, offset in pairs if argument.kind == "output")

    @staticmethod
    def _scratch_at(call: KernelCall, half: int) -> int:
        pairs = zip(call.arguments, call.halves[half].offsets, strict=True)
        return next(offset for argument, offset in pairs if argument.kind == "scratch")

    def watched(self, step: int, number: int, rng: np.random.Generator) -> Schedule:
        """One half of a step alone, while everything that only the other writes keeps changing.

        It must neither write there (not even what it has read there) nor depend on it. Then the
        other half runs.
        """
        others = self.spans(step)[1 - number]

        def run(first: Half, second: Half) -> None:
            half, other = (first, second) if number == 0 else (second, first)
            for held in _changing(half, others, rng):
                found = [half.core.read(at, nbytes) for at, nbytes in others]
                assert found == held, f"step {step}: half {number} writes what is not its own"
            other.run(MOST_CYCLES)

        return run


def _changing(half: Half, spans: Spans, rng: np.random.Generator) -> Iterator[list[bytes]]:
    for cycles in slices(rng, 400):
        if half.is_done:
            return
        held = [rng.bytes(nbytes) for _, nbytes in spans]
        for (at, _), content in zip(spans, held, strict=True):
            half.core.write(at, content)
        half.run(cycles)
        yield held
