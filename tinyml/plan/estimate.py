"""How long an inference takes, predicted before anything is compiled: for ``check`` and ``build``.

Instructions come from the kernels' cost formulas, cycles from what our kernels take of the core per
instruction, and from the weights that pass through a cache which cannot hold them. Caches are taken
as they are after the first inference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinyml.ir.graph import Graph
from tinyml.ops import macs_of, trait_of
from tinyml.ops.traits import Channels
from tinyml.plan.planner import RUNTIME
from tinyml.plan.values import Plan, Step
from tinyml.target.board import Board
from tinyml.target.caches import Backing, Cache

PIXELS_AT_ONCE = 2  # that kernels compute with each weight that they have read
LEFT_OUT = "interrupts and other users of memory"  # of all times: docs/timing.md


@dataclass(frozen=True, slots=True)
class Estimate:
    """The predicted work of one inference."""

    instructions: int
    cycles: int | None  # None: nothing is known of the core
    clock_hz: int
    error_percent: int | None  # of the time, against silicon; None: never compared
    left_out: str = LEFT_OUT

    @property
    def time_us(self) -> float | None:
        """How long it takes at that clock."""
        return None if self.cycles is None else self.cycles * 1e6 / self.clock_hz


def estimate(plan: Plan, board: Board) -> Estimate | None:
    """What an inference of a plan takes on a board; None where kernels are not ours."""
    if plan.runtime != RUNTIME:
        return None
    instructions = sum(step.call.cost.instructions for step in plan.steps if step.call)
    core = board.chip.core.estimation
    if core is None:
        return Estimate(instructions, None, board.chip.clock_hz, None)
    work = round(instructions * core.cycles_per_instruction)
    cycles = work + plan.stall_cycles + wait_cycles(plan, board)
    error = core.error_percent
    if error is not None:
        error = math.ceil(math.hypot(error, core.predicted_percent))
    return Estimate(instructions, cycles, board.chip.clock_hz, error)


def wait_cycles(plan: Plan, board: Board) -> int:
    """What reading constants costs that do not fit the cache before the flash all together."""
    constants = sum(step.call.constant_bytes() for step in plan.steps if step.call)
    for cache in board.chip.caches:
        for source in cache.memory:
            is_read = source.region == board.flash.region and cache.holds != "instructions"
            if is_read and constants > cache.nbytes:
                return sum(_waits(plan.graph, step, cache, source) for step in plan.steps)
    return 0


def _waits(graph: Graph, step: Step, cache: Cache, source: Backing) -> int:
    if step.call is None:
        return 0
    read_bytes = constant_bytes = step.call.constant_bytes()
    if constant_bytes > cache.nbytes:
        read_bytes = max(constant_bytes, sum(_weights_read(graph, i) for i in step.ops))
    return read_bytes // source.fill_bytes * source.next_cycles


def _weights_read(graph: Graph, number: int) -> int:
    """Bytes of weights that an op reads, once for each group of pixels; 0: they stay in registers.

    A channel's filter of a depthwise convolution does, for its whole plane.
    """
    op = graph.ops[number]
    channels = trait_of(op.kind, Channels)
    if channels is None or not channels.mixes:
        return 0
    shape = graph.tensors[op.outputs[0]].shape
    pixels = math.prod(shape[:-1])
    return macs_of(op, graph) // min(pixels, PIXELS_AT_ONCE) if pixels else 0
