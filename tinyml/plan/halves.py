"""Large layers shared between two cores: which, and what that gains.

A layer's kernel is called twice, with params of half of its work each (``tinyml.ops.halves``). Both
calls read the same input while they write, so the output lies over no input of the layer, and each
has scratch of its own. The model of what it takes: the instructions of the larger half, and the
hand-over to the other core and back, which the chip's file tells. What a layer waits for flash and
slow memory is not halved, both cores wait for the same bus. A layer is shared where it gains at
least as much again as the hand-over costs, so that a hand-over of twice that loses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, Half, KernelCall
from tinyml.ops.halves import Part
from tinyml.plan.extents import all_cuts, extent_of
from tinyml.plan.liveness import buffers_of
from tinyml.plan.values import Plan, Step
from tinyml.target.board import Board
from tinyml.target.chip import Chip

_ALIGNMENT = 16  # of scratch
_KINDS = {"constant", "input", "output", "scratch"}  # arguments of kernels that can be cut


@dataclass(frozen=True, slots=True)
class Shared:
    """What two cores do of a plan, and what that gains."""

    layers: tuple[int, ...]  # steps that both compute
    of_layers: int
    can_be: int  # layers whose kernels can be cut in two
    saved_cycles: int  # predicted, per inference, against one core for the same layers
    saved_us: float
    handover_cycles: int  # of each of these layers, taken into account


def in_halves(call: KernelCall, op: Op, graph: Graph, chip: Chip) -> KernelCall | None:
    """The call of an op cut in two; None where that cannot be or gains too little."""
    handover = handover_instructions(chip)
    if not _can_be_cut(call):
        return None
    parts = all_cuts()[call.params.type](call.params)
    if parts is None:
        return None
    whole = extent_of(call).written_bytes
    shares = [extent_of(replace(call, params=part.params)).written_bytes for part in parts]
    works = [math.ceil(call.cost.instructions * share / whole) for share in shares]
    taken = max(works) + handover
    if not pays(call.cost.instructions, taken, handover):
        return None
    own = -(-call.scratch_bytes // _ALIGNMENT) * _ALIGNMENT
    halves = tuple(
        Half(part.params, _offsets(call, (op, graph), part, at), call.scratch_bytes, work)
        for part, at, work in zip(parts, (0, own), works, strict=True)
    )
    return replace(
        call,
        halves=halves,
        scratch_bytes=own + call.scratch_bytes if call.scratch_bytes else 0,
        overlaps=(),
        cost=Cost(taken, 2 * call.cost.code_bytes),
    )


def _can_be_cut(call: KernelCall) -> bool:
    """Whether there is a rule for the kernel, whatever its params."""
    kinds = {argument.kind for argument in call.arguments}
    is_single = call.stream is None and call.control is None and kinds <= _KINDS
    return is_single and call.params.type in all_cuts()


def pays(alone: int, taken: int, handover: int) -> bool:
    """Whether a layer is shared that takes ``alone`` on one core and ``taken`` on two."""
    return alone - taken >= handover


def handover_instructions(chip: Chip) -> int:
    """What handing over costs, as instructions of our kernels."""
    assert chip.second_core is not None
    core = chip.core.estimation
    each = core.cycles_per_instruction if core is not None else 1.0
    return math.ceil(chip.second_core.handover_cycles / each)


def _offsets(
    call: KernelCall, of: tuple[Op, Graph], part: Part, scratch_at: int
) -> tuple[int, ...]:
    """Bytes by which each argument of a half lies further on."""
    data = iter(part.data)

    def offset(argument: Arg) -> int:
        if argument.kind == "scratch":
            return scratch_at
        is_output = argument.kind == "output"
        return _bytes(call, of, argument, part.made if is_output else next(data, 0))

    return tuple(map(offset, call.arguments))


def _bytes(call: KernelCall, of: tuple[Op, Graph], argument: Arg, elements: int) -> int:
    op, graph = of
    if argument.kind == "constant":
        found = next(item for item in call.constants if item.name == argument.constant)
        return elements * int(found.data.dtype.itemsize)
    tensors = op.outputs if argument.kind == "output" else op.inputs
    dtype = argument.dtype or graph.tensors[tensors[argument.index]].dtype
    return dtype.nbytes(elements)


def shared_out(plan: Plan, board: Board) -> Iterator[tuple[Step, ...]]:
    """Programs in which both cores compute what pays: all of it, and what needs no more arena.

    Nothing where the user wants one core.
    """
    if board.cores < 2:
        return
    steps = _steps(plan, board, lambda number, call: True)
    if steps == plan.steps:
        return
    yield steps
    room = sum(nbytes for _, nbytes in plan.arena_bytes)
    loads = _loads(plan)
    light = _steps(plan, board, lambda number, call: loads[number] + call.scratch_bytes <= room)
    if light not in (steps, plan.steps):
        yield light


def _steps(
    plan: Plan, board: Board, is_wanted: Callable[[int, KernelCall], bool]
) -> tuple[Step, ...]:
    """The plan's steps, without places, those that are wanted cut in two."""
    found = []
    for number, step in enumerate(plan.steps):
        if step.call is not None and len(step.ops) == 1:
            op = plan.graph.ops[step.ops[0]]
            call = in_halves(step.call, op, plan.graph, board.chip)
            if call is not None and is_wanted(number, call):
                step = replace(step, call=call)
        found.append(step)
    return tuple(found)


def _loads(plan: Plan) -> list[int]:
    """Bytes of all buffers that are alive at each step, as if none lay over another."""
    loads = [0] * len(plan.steps)
    for buffer in buffers_of(plan.graph, plan.steps):
        if buffer.variable < 0:
            for number in range(max(0, buffer.first_use), min(buffer.last_use + 1, len(loads))):
                loads[number] += buffer.nbytes
    return loads


def shared_of(plan: Plan, board: Board) -> Shared | None:
    """What the second core is good for in a plan; None where one core was asked for."""
    if board.cores < 2 or board.chip.second_core is None:
        return None
    core = board.chip.core.estimation
    each = core.cycles_per_instruction if core is not None else 1.0
    found = tuple(i for i, s in enumerate(plan.steps) if s.call is not None and s.call.halves)
    saved = sum(saved_instructions(call) for i in found if (call := plan.steps[i].call) is not None)
    cycles, handover = round(saved * each), board.chip.second_core.handover_cycles
    can_be = sum(step.call is not None and _can_be_cut(step.call) for step in plan.steps)
    saved_us = cycles * 1e6 / board.chip.clock_hz
    return Shared(found, len(plan.steps), can_be, cycles, saved_us, handover)


def uses_two_cores(plan: Plan) -> bool:
    """Whether a second core has something to do."""
    return any(step.call is not None and step.call.halves for step in plan.steps)


def saved_instructions(call: KernelCall) -> int:
    """How many instructions earlier a call ends than on one core, by prediction."""
    return call.instructions - call.cost.instructions
