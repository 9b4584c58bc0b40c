"""A step that runs graphs: each is planned as a program of its own, in the step's scratch.

What a graph carries from round to round lies in front, as the variables of a model lie beside its
arena; behind it the arena, in which values and scratch take turns as they do in that of a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from tinyml.ir.calls import renamed
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.ir.kernel import (
    Arg,
    Constant,
    Control,
    Copy,
    Cost,
    Inner,
    KernelCall,
    Routine,
    Spot,
)
from tinyml.ops.loop import Part
from tinyml.ops.operands import move_instructions
from tinyml.ops.while_loop import WhileAttrs
from tinyml.plan.arena import Arena, arrange
from tinyml.plan.regions import Room
from tinyml.plan.states import ALIGNMENT
from tinyml.plan.values import Step

_ANYWHERE = Room("", 1 << 30)  # a graph's memory has no limit but the step's scratch
_COPY = 16  # instructions around each copy
_ROUND = 12  # and around each round

Program: TypeAlias = tuple[Step, ...]


def control_call(
    plain: KernelCall, op: Op, graph: Graph, programs: Sequence[Program]
) -> KernelCall:
    """The call of an op that runs graphs, each as one of ``programs``.

    ``plain`` is what the op's form lowers to.
    """
    attrs = op.attrs
    if isinstance(attrs, WhileAttrs):
        control, scratch_bytes = _while(attrs, op, graph, programs)
        note, rounds = "as many rounds as its condition says", 1
    else:
        (body,), scratch_bytes = _routines((attrs.body,), programs)
        control = Control((body,), _loop_copies(op, graph, body), attrs.rounds)
        note, rounds = f"{attrs.rounds} rounds of {len(body.calls)} kernels", attrs.rounds
    calls = [inner.call for inner in control.inner()]
    return replace(
        plain,
        constants=tuple(item for call in calls for item in call.constants),
        scratch_bytes=scratch_bytes,
        cost=_cost(calls, control.copies, rounds),
        isa=next((call.isa for call in calls if call.isa), ""),
        note=note,
        control=control,
    )


def _while(
    attrs: WhileAttrs, op: Op, graph: Graph, programs: Sequence[Program]
) -> tuple[Control, int]:
    """Both graphs, whose variables are the same memory."""
    routines, scratch_bytes = _routines((attrs.body, attrs.condition), programs)
    offsets = [max(item.offsets[k] for item in routines) for k in range(len(op.inputs))]
    sizes = [graph.tensors[i].nbytes for i in op.inputs]
    before = [
        Copy(Spot("input", k), Spot("scratch", 0, at), nbytes)
        for k, (at, nbytes) in enumerate(zip(offsets, sizes, strict=True))
        if at >= 0
    ]
    after = [
        Copy(Spot("scratch", 0, offsets[k]), Spot("output", n), sizes[k])
        for n, k in enumerate(attrs.made)
    ]
    return Control(routines, (tuple(before), (), (), tuple(after))), scratch_bytes


def _routines(
    graphs: Sequence[Graph], programs: Sequence[Program]
) -> tuple[tuple[Routine, ...], int]:
    """The graphs as routines, and the bytes of scratch that they take.

    What several carry lies in the same place: variables with the same number are one.
    """
    arenas = [
        arrange(graph, program, (_ANYWHERE,))[0]
        for graph, program in zip(graphs, programs, strict=True)
    ]
    sizes: dict[int, int] = {}
    for arena in arenas:
        for buffer in arena.states:
            held = sizes.get(buffer.variable, 0)
            sizes[buffer.variable] = max(held, buffer.nbytes)
    states: dict[int, int] = {}
    base = 0
    for variable, nbytes in sizes.items():
        states[variable] = base
        base += -(-nbytes // ALIGNMENT) * ALIGNMENT
    found = tuple(_routine(arena, n, states, base) for n, arena in enumerate(arenas))
    return found, base + max(_arena_bytes(arena) for arena in arenas)


def _arena_bytes(arena: Arena) -> int:
    return sum(nbytes for _, nbytes in arena.spread.arena_bytes)


def _routine(arena: Arena, number: int, states: Mapping[int, int], base: int) -> Routine:
    """Routine ``number`` of a step; ``states``: where each variable lies, ``base``: the arena."""
    graph = arena.graph
    variables = {i: item.variable for item in arena.states for i in item.tensors}
    offsets = tuple(
        -1 if place is None else states[variables[i]] if place.is_state else base + place.offset
        for i, place in enumerate(arena.placements())
    )
    calls = []
    for index, step in enumerate(arena.with_scratch()):
        if step.call is not None:
            at = step.scratch.offset + base if step.scratch is not None else 0
            whole = _with_constants(step.call, graph.ops[step.ops[0]], graph)
            calls.append(Inner(step.ops[0], renamed(whole, f"r{number}_{index}_"), at))
    return Routine(graph, tuple(calls), offsets)


def _with_constants(call: KernelCall, op: Op, graph: Graph) -> KernelCall:
    """The call, with the constant tensors that its kernel reads as ordinary inputs."""
    arguments, constants = [], list(call.constants)
    for arg in call.arguments:
        held = graph.tensors[op.inputs[arg.index]] if arg.kind == "input" else None
        if held is None or held.data is None:
            arguments.append(arg)
            continue
        name = f"operand_{arg.index}"
        arguments.append(Arg("constant", constant=name, dtype=arg.dtype))
        comment = f"constant input {arg.index}, row by row"
        constants.append(Constant(name, np.ravel(held.data), comment))
    return replace(call, arguments=tuple(arguments), constants=tuple(constants))


def _loop_copies(op: Op, graph: Graph, routine: Routine) -> tuple[tuple[Copy, ...], ...]:
    """What is copied before all rounds, before each, after each and after all."""
    attrs, body = op.attrs, op.attrs.body
    phases: tuple[list[Copy], ...] = ([], [], [], [])
    before, each, made, after = phases
    for k, (i, part) in enumerate(zip(body.inputs, attrs.given, strict=True)):
        copy = Copy(_outer("input", k, part, body.tensors[i]), *_inner(routine, i))
        (each if part.step else before).append(copy)
    for k, item in enumerate(body.carried, len(body.inputs)):
        before.append(Copy(Spot("input", k), *_inner(routine, item.first)))
    for k, (i, part) in enumerate(zip(body.outputs, attrs.made, strict=True)):
        spot, nbytes = _inner(routine, i)
        copy = Copy(spot, _outer("output", k, part, body.tensors[i]), nbytes)
        (made if part.step else after).append(copy)
    return tuple(map(tuple, phases))


def _inner(routine: Routine, tensor: int) -> tuple[Spot, int]:
    return routine.spot(tensor), routine.graph.tensors[tensor].nbytes


def _outer(kind: str, index: int, part: Part, tensor: Tensor) -> Spot:
    unit = tensor.dtype.nbytes(1)
    spot = Spot("input" if kind == "input" else "output", index, part.start * unit)
    return replace(spot, step=part.step * unit)


def _cost(calls: Sequence[KernelCall], copies: Sequence[Sequence[Copy]], rounds: int) -> Cost:
    before, each, made, after = (sum(_copied(items)) for items in copies)
    once = sum(call.cost.instructions for call in calls) + _ROUND + each + made
    return Cost(before + after + rounds * once, sum(call.cost.code_bytes for call in calls))


def _copied(copies: Sequence[Copy]) -> Iterator[int]:
    for item in copies:
        is_aligned = not (item.given.step | item.made.step | item.nbytes) & 3
        yield _COPY + move_instructions((item.nbytes,), is_aligned=is_aligned)
