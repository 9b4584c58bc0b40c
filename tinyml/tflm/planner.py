"""Outline → Plan: the interpreter's memory in the form that budgets, reports and templates know.

A step is one operator. Its kernel is TFLM's, named by the set it comes from; constants stay in the
model file, which lies in flash as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.ir.kernel import Constant, Cost, KernelCall, Struct
from tinyml.plan.predict import runtime_state_bytes
from tinyml.plan.values import Placement, Plan, Step, Use
from tinyml.target.board import Board
from tinyml.tflm.arena import Arena, Place, arena_of
from tinyml.tflm.cost import instructions
from tinyml.tflm.esp import refuse_faults
from tinyml.tflm.footprint import code_bytes, state_bytes
from tinyml.tflm.graphs import Outline
from tinyml.tflm.layer import Layer
from tinyml.tflm.offline import better_plan, plan_in, with_plan
from tinyml.tflm.table import Kernels

RUNTIME = "tflm"
_TITLES = {"reference": "TFLM", "cmsis_nn": "CMSIS-NN", "esp_nn": "ESP-NN"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """The model file that the firmware will hold, and what TFLM makes of it."""

    data: bytes
    arena: Arena
    saved_bytes: int  # of the arena, by our plan


def kernels_for(board: Board) -> Kernels:
    """The fastest set of TFLM's kernels for the board's core, as the compiler will build it."""
    core, isa = board.chip.core, board.chip.isa
    if core.architecture == "arm":
        return Kernels("cmsis_nn", next((name for name in ("mve", "dsp") if name in isa), ""))
    return Kernels("esp_nn", "pie" if "pie" in isa else "", has_wide_enums=True)


def prepare(outline: Outline, board: Board, *, offline: bool = True) -> Prepared:
    """The model file with the better of TFLM's memory plan and ours.

    A plan that the file brings along is replaced; with ``offline`` off it is left as it is.
    """
    kernels, own = kernels_for(board), plan_in(outline.data)
    if not offline:
        offsets = {i: offset for i, offset in enumerate(own or ()) if offset >= 0}
        return Prepared(outline.data, arena_of(outline, kernels, offsets), 0)
    offsets_found, arena = better_plan(outline, kernels)
    if not offsets_found and own is None:
        return Prepared(outline.data, arena, 0)
    count = sum(len(item.graph.tensors) for item in outline.graphs)
    data = with_plan(outline.data, count, offsets_found)
    online = arena_of(outline, kernels)
    return Prepared(data, arena, online.needed_bytes - arena.needed_bytes)


def plan(
    outline: Outline, board: Board, *, optimize: str, agent: bool = True, offline: bool = True
) -> Plan:
    """The plan of a model that TFLM runs on a board; it may be too large for it.

    Raises PlanError when a kernel of the chip's library is known to compute a layer wrong.
    """
    kernels = kernels_for(board)
    if kernels.isa == "pie":
        refuse_faults(outline)
    made = prepare(outline, board, offline=offline)
    graph, arena = outline.graph, made.arena
    state = state_bytes() + runtime_state_bytes(graph, len(graph.ops), agent=agent)
    region = _region(board, arena.needed_bytes, state + board.stack_bytes)
    largest, count = _largest(arena.scratch), len(graph.ops)
    scratch = {i: _placement(arena, place, region) for i, place in largest.items()}
    placed = {
        i: _placement(arena, place, region, count if i in graph.outputs else None)
        for i, place in arena.tensors.items()
    }
    uses = (
        Use(region, "activations", arena.head_bytes),
        Use(region, "interpreter", arena.needed_bytes - arena.head_bytes),
        *_fixed_uses(board, state, len(made.data), code_bytes(outline, kernels, agent=agent)),
    )
    return Plan(
        graph=graph,
        board=board.name,
        runtime=RUNTIME,
        optimize=optimize,
        steps=tuple(_step(outline, i, kernels, scratch.get(i)) for i in range(count)),
        tensors=tuple(placed.get(i) for i in range(len(graph.tensors))),
        arena_bytes=((region, arena.needed_bytes),),
        activation_bytes=arena.head_bytes,
        lower_bound_bytes=_live_bytes(arena),
        uses=uses,
    )


def _fixed_uses(board: Board, state: int, weights: int, code: int) -> tuple[Use, ...]:
    """What does not depend on the arena, in bytes."""
    ram, flash = board.ram[0].region, board.flash.region
    return (
        Use(ram, "runtime", state),
        Use(ram, "stack", board.stack_bytes),
        Use(flash, "weights", weights),
        Use(flash, "code", code),
    )


def _region(board: Board, arena_bytes: int, fixed_bytes: int) -> str:
    """The first region that holds the arena, or the largest one."""
    for number, budget in enumerate(board.ram):
        if arena_bytes + (fixed_bytes if number == 0 else 0) <= budget.max_bytes:
            return budget.region
    return max(board.ram, key=lambda budget: budget.max_bytes).region


def _step(outline: Outline, number: int, kernels: Kernels, scratch: Placement | None) -> Step:
    facts = outline.facts(number)
    source = kernels.name if kernels.name in facts.states else "reference"
    nbytes = scratch.nbytes if scratch else 0
    call = KernelCall(
        function=f"{_TITLES[source]} {facts.method}",
        header="",
        params=Struct("", ()),
        arguments=(),
        constants=_constants(outline, number),
        scratch_bytes=nbytes,
        cost=Cost(instructions=instructions(Layer(outline, number))),
        note="TensorFlow Lite Micro's interpreter runs it",
    )
    return Step((number,), call, scratch)


def _constants(outline: Outline, number: int) -> tuple[Constant, ...]:
    """The constant inputs of an op, for the report: they stay where they are in the model file."""
    inputs = outline.graph.op_inputs(outline.graph.ops[number])
    return tuple(
        Constant(f"input_{i}", tensor.data.ravel(), "in the model file")
        for i, tensor in enumerate(inputs)
        if tensor is not None and tensor.data is not None
    )


def _largest(scratch: tuple[tuple[int, Place], ...]) -> dict[int, Place]:
    """The largest scratch buffer of each op that has any."""
    found: dict[int, Place] = {}
    for number, place in scratch:
        if number not in found or place.nbytes > found[number].nbytes:
            found[number] = place
    return found


def _placement(arena: Arena, place: Place, region: str, last_use: int | None = None) -> Placement:
    """A place in the head; TFLM's time starts with the input, ours with the first layer."""
    first, last = arena.step_at(place.first_use) - 1, arena.step_at(place.last_use) - 1
    last = last if last_use is None else last_use
    return Placement(region, place.offset, place.nbytes, first, last)


def _live_bytes(arena: Arena) -> int:
    """The most bytes alive at once: no plan of the head can take less."""
    scratch = (place for _, place in arena.scratch)
    places: list[Place] = [*arena.tensors.values(), *scratch, *arena.inner]
    times = {place.first_use for place in places}

    def load(time: int) -> int:
        alive = (p for p in places if p.first_use <= time <= p.last_use)
        return sum(-(-p.nbytes // 16) * 16 for p in alive)

    rest = arena.needed_bytes - arena.head_bytes
    return max(map(load, times), default=0) + rest
