"""Whether each kernel call reads and writes just what the plan's tensors hold.

The rules (``EXTENTS``) stand beside the lowerings of operators and variants and are found there.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType
from typing import cast

from tinyml import ops, variants
from tinyml.base.errors import PlanError
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, KernelCall, Stage, Stream
from tinyml.ops import outside
from tinyml.ops.extents import Extent, Rule, Span, fields_of
from tinyml.ops.halves import Cut
from tinyml.plan import stages
from tinyml.plan.values import Plan


def all_rules() -> dict[str, Rule]:
    """The rule of every params struct; those of other packages among them."""
    return cast("dict[str, Rule]", _gathered("EXTENTS", outside.modules()))


def all_cuts() -> dict[str, Cut]:
    """The same of how calls with those params are cut in two; not every kernel can be."""
    return cast("dict[str, Cut]", _gathered("HALVES", outside.modules()))


@cache
def _gathered(table: str, brought: tuple[ModuleType, ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    for module in (*brought, stages):
        found |= getattr(module, table, {})
    for package in (ops, variants):
        for item in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{item.name}")
            found |= getattr(module, table, {})
    return found


def extent_of(call: KernelCall) -> Extent:
    """The bytes that a call reads and writes; PlanError when nobody says so."""
    rule = all_rules().get(call.params.type)
    if rule is None:
        raise PlanError(f"{call.function}: no rule tells what {call.params.type} makes it read")
    extent = rule(fields_of(call.params))
    return extent.scaled(call.element_bytes) if call.element_bytes > 1 else extent


def check_extents(plan: Plan, number: int) -> None:
    """Raises PlanError when step ``number`` would read or write outside of its tensors.

    An output must be written in full, its bytes counted once.
    """
    call = plan.steps[number].call
    if call is None:
        return
    if call.stream is not None:
        for i, stage in enumerate(call.stream.stages):
            if stage.call is not None:
                _check_stage(plan, stage, call.stream, f"step {number}, stage {i}")
        return
    if call.control is not None:
        return  # verify_control looks at each of its kernels
    ends = tuple(plan.graph.ops[plan.steps[number].ops[end]] for end in (0, -1))
    check_call(call, (ends[0], ends[1]), plan.graph, f"step {number}")


def check_call(call: KernelCall, ends: tuple[Op, Op], graph: Graph, label: str) -> None:
    """Raises PlanError when a call would read or write outside of the tensors of its ops.

    ``ends``: the first op, whose operands it reads, and the last, whose result it writes.
    """
    extent, label = extent_of(call), f"{label}: {call.function}"
    first, last = ends

    def tensor_bytes(argument: Arg) -> int:
        return graph.tensors[first.inputs[argument.index]].nbytes

    for argument, span in zip(call.arguments, extent.read, strict=False):
        is_input = argument.kind == "input"
        room = tensor_bytes(argument) if is_input else constant_bytes(call, argument)
        check_read(label, span, room)
    states = tuple(tensor_bytes(item) for item in call.arguments if item.kind == "state")
    if states != extent.states:
        raise PlanError(f"{label} keeps states of {extent.states} bytes in {states}")
    _check_written(label, extent, graph.tensors[last.outputs[0]].nbytes)


def _check_stage(plan: Plan, stage: Stage, stream: Stream, label: str) -> None:
    """A stage reads the rows of its windows, and writes a band of rows of the image."""
    assert stage.call is not None
    extent, label = extent_of(stage.call), f"{label}: {stage.call.function}"
    op = plan.graph.ops[stage.op]
    values = [i for i in op.inputs if i >= 0 and not plan.graph.tensors[i].is_constant]
    for argument, span in zip(stage.call.arguments, extent.read, strict=False):
        if argument.kind == "input":
            reading = stage.inputs[values.index(op.inputs[argument.index])]
            room = reading.need * stream.rows[reading.rows].pitch - reading.skip
        else:
            room = constant_bytes(stage.call, argument)
        check_read(label, span, room)
    made, rows = plan.graph.tensors[op.outputs[0]], stream.rows[stage.output]
    row_bytes = made.nbytes // made.shape[1]
    if stage.band > 1 and rows.pitch != row_bytes:
        raise PlanError(f"{label} writes {stage.band} rows without the padding between them")
    _check_written(label, extent, stage.band * row_bytes)


def constant_bytes(call: KernelCall, argument: Arg) -> int:
    """The size of the constant that an argument names; 0 for others."""
    found = (item.data.nbytes for item in call.constants if item.name == argument.constant)
    return int(next(found, 0))


def check_read(label: str, span: Span, room: int) -> None:
    """Raises PlanError when a span lies outside of an operand of ``room`` bytes."""
    if span[0] < 0 or span[1] > room:
        raise PlanError(f"{label} reads bytes {span[0]} to {span[1]} of an operand of {room}")


def _check_written(label: str, extent: Extent, room: int) -> None:
    if extent.written != (0, room) or extent.written_bytes != room:
        raise PlanError(
            f"{label} writes {extent.written_bytes} bytes from {extent.written[0]} to "
            f"{extent.written[1]} of an output of {room}"
        )
