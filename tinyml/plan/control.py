"""A step that runs graphs: each is planned as a program of its own, in the step's scratch.

What a graph carries from round to round lies in front, as the variables of a model lie beside its
arena; behind it the arena, in which values and scratch take turns as they do in that of a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from tinyml.ops.loop import LoopAttrs, Part
from tinyml.ops.operands import move_instructions
from tinyml.plan.arena import arrange
from tinyml.plan.regions import Room
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
    return _loop_call(plain, op, graph, programs[0])


def _loop_call(plain: KernelCall, op: Op, graph: Graph, program: Program) -> KernelCall:
    attrs: LoopAttrs = op.attrs
    body, scratch_bytes = _routine(attrs.body, program, 0)
    copies = _loop_copies(op, graph, body)
    constants = tuple(item for inner in body.calls for item in inner.call.constants)
    calls = [inner.call for inner in body.calls]
    return replace(
        plain,
        constants=constants,
        scratch_bytes=scratch_bytes,
        cost=_cost(calls, copies, attrs.rounds),
        isa=next((call.isa for call in calls if call.isa), ""),
        note=f"{attrs.rounds} rounds of {len(calls)} kernels",
        control=Control((body,), copies, attrs.rounds),
    )


def _routine(graph: Graph, program: Program, number: int) -> tuple[Routine, int]:
    """Routine ``number`` of a step, and the bytes of scratch that it takes."""
    arena, _ = arrange(graph, program, (_ANYWHERE,))
    base = arena.memory.nbytes
    offsets = tuple(
        -1 if place is None else place.offset + (0 if place.is_state else base)
        for place in arena.placements()
    )
    calls = []
    for index, step in enumerate(arena.with_scratch()):
        if step.call is not None:
            at = step.scratch.offset + base if step.scratch is not None else 0
            whole = _with_constants(step.call, graph.ops[step.ops[0]], graph)
            calls.append(Inner(step.ops[0], renamed(whole, f"r{number}_{index}_"), at))
    arena_bytes = sum(nbytes for _, nbytes in arena.spread.arena_bytes)
    return Routine(graph, tuple(calls), offsets), base + arena_bytes


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
