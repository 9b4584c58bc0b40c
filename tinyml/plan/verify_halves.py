"""Whether the halves of a call are that call: an output in full, of which each writes its own part.

Nothing here uses what cut it: the extents of each half follow from its params, and must add up.
"""

from __future__ import annotations

from dataclasses import replace

from tinyml.base.errors import PlanError
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Half, KernelCall
from tinyml.ops.extents import Span
from tinyml.plan.extents import check_read, constant_bytes, extent_of

_ALIGNMENT = 16  # bytes, of scratch


def verify_halves(call: KernelCall, op: Op, graph: Graph, label: str) -> None:
    """Raises PlanError unless two cores may run the halves in any order, or both at once."""
    if not call.halves:
        return
    label = f"{label}: {call.function}"
    if len(call.halves) != 2 or call.overlaps or call.stream or call.control:
        raise PlanError(f"{label} cannot run on two cores as it is planned")
    if any(argument.kind not in _KINDS for argument in call.arguments):
        raise PlanError(f"{label} keeps more than its output: two cores cannot share it")
    written = sorted(_written(call, half, (op, graph), label) for half in call.halves)
    made = graph.tensors[op.outputs[0]].nbytes
    (first, middle), (after, last) = written
    if (first, middle, last) != (0, after, made):
        raise PlanError(f"{label}: halves write the bytes {written} of an output of {made}")
    _check_scratch(call, label)


_KINDS = ("constant", "input", "output", "scratch")


def _written(call: KernelCall, half: Half, of: tuple[Op, Graph], label: str) -> Span:
    """The bytes of the output that a half writes; it reads nothing beyond its operands."""
    op, graph = of
    if len(half.offsets) != len(call.arguments):
        raise PlanError(f"{label}: a half has {len(half.offsets)} offsets")
    extent = extent_of(replace(call, params=half.params))

    def room(argument: Arg) -> int:
        if argument.kind == "input":
            return graph.tensors[op.inputs[argument.index]].nbytes
        return constant_bytes(call, argument)

    pairs = zip(call.arguments, half.offsets, strict=True)
    for (argument, offset), (first, past) in zip(pairs, extent.read, strict=False):
        check_read(label, (first + offset, past + offset), room(argument))
    (first, past), made = extent.written, _offsets_of(call, half, "output")
    if len(made) != 1 or extent.states or extent.written_bytes != past - first or first:
        raise PlanError(f"{label}: a half writes {extent.written_bytes} of {past - first} bytes")
    return made[0], past + made[0]


def _check_scratch(call: KernelCall, label: str) -> None:
    spans = sorted(
        (at, at + half.scratch_bytes)
        for half in call.halves
        for at in _offsets_of(call, half, "scratch")
    )
    ends = [0, *(past for _, past in spans)]
    starts = [*(at for at, _ in spans), call.scratch_bytes]
    if any(past > at for past, at in zip(ends, starts, strict=True)):
        raise PlanError(f"{label}: halves have the scratch {spans} of {call.scratch_bytes} bytes")
    if any(at % _ALIGNMENT for at, _ in spans):
        raise PlanError(f"{label}: scratch of a half is not aligned to {_ALIGNMENT} bytes")


def _offsets_of(call: KernelCall, half: Half, kind: str) -> tuple[int, ...]:
    pairs = zip(call.arguments, half.offsets, strict=True)
    return tuple(offset for argument, offset in pairs if argument.kind == kind)
