"""LOOP: a graph that runs a number of times, as the steps of a recurrent layer do.

No file has it: a pass puts it in the place of steps that a converter has written out one by one.
A round gets a part of each input, from part to part further on, and hands on what its graph carries
(``Graph.carried``): the first round begins with the operands behind those of the graph's inputs.
Of a result of the graph each round makes a part of the output, or the last round all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tinyml.ir.graph import Array, Graph, Op, Source
from tinyml.ir.kernel import KernelCall, Struct
from tinyml.ops import macs_of
from tinyml.ops.forms import ANY, Form, typed
from tinyml.ops.reference import advance
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Table
from tinyml.ops.traits import Runs

LOOP_KIND = "LOOP"

_NOTHING = Graph("nothing", Source("", "", 0), (), (), (), ())


@dataclass(frozen=True, slots=True)
class Part:
    """Which elements of an operand belong to a round, as one run of them."""

    start: int  # of the first round
    step: int = 0  # from round to round; 0: all rounds have the same, or the last one makes it


@dataclass(frozen=True, slots=True)
class LoopAttrs:
    """The graph and how operands go in and out."""

    body: Graph = field(default=_NOTHING)
    rounds: int = 1
    given: tuple[Part, ...] = ()  # of each input of the body
    made: tuple[Part, ...] = ()  # of each output


def loop_op(name: str, attrs: LoopAttrs, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Op:
    """A LOOP; ``inputs``: those for the body's inputs, then the first values of its variables."""
    return Op(LOOP_KIND, name, inputs, outputs, attrs)


def has_its_operands(op: Op, graph: Graph) -> str | None:
    """Operands must be as many as the graph takes and gives."""
    attrs = op.attrs
    body = attrs.body
    wanted = (len(body.inputs) + len(body.carried), len(body.outputs))
    parts = (len(body.inputs), len(body.outputs))
    if (len(op.inputs), len(op.outputs)) != wanted or -1 in op.inputs:
        return f"{len(op.inputs)} inputs and {len(op.outputs)} outputs"
    return None if (len(attrs.given), len(attrs.made)) == parts else "parts of other operands"


def parts_are_inside(op: Op, graph: Graph) -> str | None:
    """Each round's part must lie inside of the operand, and the parts of a result must fill it."""
    attrs = op.attrs
    body = attrs.body
    last = attrs.rounds - 1
    inner = [*(body.tensors[i] for i in body.inputs), *(body.tensors[i] for i in body.outputs)]
    outer = [graph.tensors[i] for i in (*op.inputs[: len(body.inputs)], *op.outputs)]
    for part, small, whole in zip((*attrs.given, *attrs.made), inner, outer, strict=True):
        ends = (part.start, part.start + part.step * last)
        is_inside = min(ends) >= 0 and max(ends) + small.elements <= whole.elements
        if attrs.rounds < 1 or not is_inside or small.dtype != whole.dtype:
            return f"'{small.name}' is not {attrs.rounds} times part of '{whole.name}'"
    for i, part in zip(op.outputs, attrs.made, strict=True):
        count = attrs.rounds if part.step else 1
        size = abs(part.step) if part.step else graph.tensors[i].elements
        if count * size != graph.tensors[i].elements:
            return f"'{graph.tensors[i].name}' has {graph.tensors[i].elements} elements"
    return None


def begins_alike(op: Op, graph: Graph) -> str | None:
    """What variables begin with must have their type and size."""
    body = op.attrs.body
    for item, i in zip(body.carried, op.inputs[len(body.inputs) :], strict=True):
        kept, given = body.tensors[item.first], graph.tensors[i]
        if (kept.dtype, kept.elements) != (given.dtype, given.elements):
            return f"'{kept.name}' begins with '{given.name}'"
    return None


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The declared shapes; that the parts fill them is a constraint."""
    return tuple(graph.tensors[i].shape for i in op.outputs)


def macs(op: Op, graph: Graph) -> int:
    """Those of all rounds."""
    body = op.attrs.body
    return int(op.attrs.rounds) * sum(macs_of(inner, body) for inner in body.ops)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Round by round what the body's own reference computes."""
    attrs, body = op.attrs, op.attrs.body
    flat = [np.ravel(value) for value in inputs if value is not None]
    count = len(body.inputs)
    states = {
        item.first: value.reshape(body.tensors[item.first].shape)
        for item, value in zip(body.carried, flat[count:], strict=True)
    }
    results = [graph.tensors[i] for i in op.outputs]
    made = [np.zeros(tensor.elements, tensor.dtype.numpy) for tensor in results]
    for turn in range(attrs.rounds):
        given = [
            _part(value, part, turn, body.tensors[i].elements).reshape(body.tensors[i].shape)
            for value, part, i in zip(flat[:count], attrs.given, body.inputs, strict=True)
        ]
        values, states = advance(body, given, states)
        for value, part, i in zip(made, attrs.made, body.outputs, strict=True):
            found = values[i]
            assert found is not None
            _part(value, part, turn, found.size)[:] = np.ravel(found)
    return tuple(value.reshape(t.shape) for value, t in zip(made, results, strict=True))


def _part(value: Array, part: Part, turn: int, count: int) -> Array:
    start = part.start + part.step * turn
    return value[start : start + count]


def lower(op: Op, graph: Graph) -> KernelCall:
    """The call without its graphs, which the planner puts in."""
    return KernelCall(
        function="tml_loop",
        header="kernels/control/loop.h",
        params=Struct("tml_loop_params", ()),
        arguments=(),
    )


INNER = (
    OpSpec(
        kind=LOOP_KIND,
        title="a graph that runs a number of times; what unrolled recurrent layers become",
        traits=(
            Runs(
                lambda op: (op.attrs.body,),
                lambda op, graphs: replace(op, attrs=replace(op.attrs, body=graphs[0])),
            ),
        ),
        table=Table("", LoopAttrs, ()),
        inputs=("input*",),
        outputs=("output*",),
        constraints=(has_its_operands, parts_are_inside, begins_alike),
        infer=infer,
        macs=macs,
        forms=(Form("graph", typed(input=ANY, output=ANY), reference, lower),),
    ),
)
