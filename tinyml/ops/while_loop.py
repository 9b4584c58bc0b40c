"""WHILE with as many rounds as its data say: one graph is asked whether to go on, another runs.

When a model is read, loops whose rounds are known are written out (``tinyml.model.inline``); all
others become this. Both graphs know the loop's values as their first tensors, as variables: the
body assigns those that it changes (``Graph.carried``), the condition only reads them.
Source: TensorFlow Lite Micro, while.cc.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tinyml.base.errors import SimulationFault
from tinyml.ir.dtype import BOOL
from tinyml.ir.graph import Array, Graph, Op, Source
from tinyml.ir.kernel import KernelCall, Struct
from tinyml.ops.forms import ANY, Form, typed
from tinyml.ops.reference import advance, outputs
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Table
from tinyml.ops.traits import Runs

MOST_ROUNDS = 20_000  # that the reference goes on for
GOING_ON = "WHILE"  # its key, for those who build one

_NOTHING = Graph("nothing", Source("", "", 0), (), (), (), ())


@dataclass(frozen=True, slots=True)
class WhileAttrs:
    """The graphs; tensor k of each is the variable for operand k."""

    condition: Graph = field(default=_NOTHING)
    body: Graph = field(default=_NOTHING)
    made: tuple[int, ...] = ()  # of the values, those that are results


def while_op(name: str, attrs: WhileAttrs, inputs: tuple[int, ...], made: tuple[int, ...]) -> Op:
    """A WHILE; ``inputs`` are the first values."""
    return Op(GOING_ON, name, inputs, made, attrs)


def has_its_operands(op: Op, graph: Graph) -> str | None:
    """Operands must be as many as the graphs take and give."""
    attrs = op.attrs
    if -1 in op.inputs or len(attrs.made) != len(op.outputs):
        return f"{len(op.inputs)} inputs and {len(op.outputs)} outputs"
    for inner in (attrs.condition, attrs.body):
        if inner.inputs or len(inner.tensors) < len(op.inputs):
            return "graphs with other operands"
        for kept, i in zip(inner.tensors, op.inputs, strict=False):
            given = graph.tensors[i]
            if (kept.dtype, kept.shape) != (given.dtype, given.shape):
                return f"'{kept.name}' begins with '{given.name}'"
    return None


def asks_for_one_bool(op: Op, graph: Graph) -> str | None:
    """The condition must be one bool."""
    condition = op.attrs.condition
    found = [condition.tensors[i] for i in condition.outputs]
    if len(found) == 1 and (found[0].dtype, found[0].elements) == (BOOL, 1):
        return None
    return ", ".join(f"{item.dtype}{list(item.shape)}" for item in found) or "nothing"


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """Those of the values that it begins with."""
    return tuple(graph.tensors[op.inputs[k]].shape for k in op.attrs.made)


def macs(op: Op, graph: Graph) -> int:
    """How often it runs is not known: none are counted."""
    return 0


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Round after round, for as long as the condition says so.

    Raises SimulationFault when that is for ever, as far as anybody would wait here.
    """
    attrs = op.attrs
    values = {k: value for k, value in enumerate(inputs) if value is not None}
    for _ in range(MOST_ROUNDS):
        if not bool(outputs(attrs.condition, (), values)[0].reshape(-1)[0]):
            return tuple(values[k] for k in attrs.made)
        values |= advance(attrs.body, (), values)[1]
    raise SimulationFault(
        f"{op.kind} '{op.name}' has not ended after {MOST_ROUNDS:,} rounds with these inputs",
        hint="the inputs decide how often it runs; --no-self-test builds without running it",
    )


def lower(op: Op, graph: Graph) -> KernelCall:
    """The call without its graphs, which the planner puts in."""
    return KernelCall(
        function="tml_while",
        header="kernels/control/while.h",
        params=Struct("tml_while_params", ()),
        arguments=(),
    )


INNER = (
    OpSpec(
        kind=GOING_ON,
        title="a graph that runs for as long as another one says so",
        traits=(
            Runs(
                lambda op: (op.attrs.body, op.attrs.condition),
                lambda op, graphs: replace(
                    op, attrs=replace(op.attrs, body=graphs[0], condition=graphs[1])
                ),
            ),
        ),
        table=Table("", WhileAttrs, ()),
        inputs=("input*",),
        outputs=("output*",),
        constraints=(has_its_operands, asks_for_one_bool),
        infer=infer,
        macs=macs,
        forms=(Form("graph", typed(input=ANY, output=ANY), reference, lower),),
    ),
)
