"""READ_VARIABLE and ASSIGN_VARIABLE: what a model keeps from one inference to the next.

In a file their first operand is a handle that VAR_HANDLE made. When a module is read
(``tinyml.model.variables``), handles become variables: the operand is then the tensor that stands
for the variable's present value, and an assignment makes the tensor that stands for it from there
on. All tensors of a variable lie in the same memory, so each must be read before the next is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ops.common import operand_count, result
from tinyml.ops.forms import ANY, Form, Like, typed
from tinyml.ops.operands import input_argument, move_instructions, no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Table
from tinyml.ops.traits import Variable

READ_VARIABLE, ASSIGN_VARIABLE = (
    "READ_VARIABLE",
    "ASSIGN_VARIABLE",
)  # keys, for those who build them
VARIABLE, VALUE = 0, 1  # operands


@dataclass(frozen=True, slots=True)
class VariableAttrs:
    """Options of both: none in a file."""

    in_place: bool = False  # nothing is moved: the value lies in the variable; a pass finds out


def reading_op(name: str, variable: int, made: int) -> Op:
    """A READ_VARIABLE."""
    return Op(READ_VARIABLE, name, (variable,), (made,), VariableAttrs())


def assigning_op(name: str, variable: int, value: int, made: int) -> Op:
    """An ASSIGN_VARIABLE that makes the tensor which stands for the next value."""
    return Op(ASSIGN_VARIABLE, name, (variable, value), (made,), VariableAttrs())


READ_TABLE = Table("ReadVariableOptions", VariableAttrs)
ASSIGN_TABLE = Table("AssignVariableOptions", VariableAttrs)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The declared shape; that it is as large as the variable is a constraint."""
    return (result(op, graph).shape,)


def fits(op: Op, graph: Graph) -> str | None:
    """What is read or assigned must have the variable's type and number of elements."""
    kept = graph.tensors[op.inputs[VARIABLE]]
    others = (graph.tensors[i] for i in (*op.inputs[VALUE:], *op.outputs))
    for tensor in others:
        if (tensor.dtype, tensor.elements) != (kept.dtype, kept.elements):
            return (
                f"'{tensor.name}' is {tensor.dtype}{list(tensor.shape)}, "
                f"the variable {kept.dtype}{list(kept.shape)}"
            )
    return None


def is_the_last_to_see_it(op: Op, graph: Graph) -> str | None:
    """The value before must have been read by all who want it, since it is lost now."""
    later = graph.ops[graph.ops.index(op) + 1 :] if op in graph.ops else ()
    late = [other.name for other in later if op.inputs[VARIABLE] in other.inputs]
    return f"'{late[0]}' reads it later" if late else None


def reference_read(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The variable's value."""
    kept = inputs[VARIABLE]
    assert kept is not None
    return (kept.reshape(result(op, graph).shape),)


def reference_assign(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The value, as the variable's own."""
    value = inputs[VALUE]
    assert value is not None
    return (value.reshape(result(op, graph).shape),)


def lower_read(op: Op, graph: Graph) -> KernelCall | None:
    """A copy, since the variable may be assigned while its value is still in use."""
    return None if op.attrs.in_place else _copy(Arg("input", VARIABLE), (), op, graph)


def lower_assign(op: Op, graph: Graph) -> KernelCall | None:
    """A copy of the value into the variable."""
    if op.attrs.in_place:
        return None
    return _copy(*input_argument(op, graph, VALUE), op, graph)


def _copy(given: Arg, constants: tuple[Constant, ...], op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_slice_s8`` that moves all of a value, whatever its type."""
    nbytes = result(op, graph).nbytes
    fields = (("count", (1,) * 5), ("step", (0,) * 5), ("start", 0), ("run", nbytes))
    return KernelCall(
        function="tml_slice_s8",
        header="kernels/slice/s8.h",
        params=Struct("tml_slice_params", fields),
        arguments=(
            Arg(given.kind, given.index, given.constant, dtype=INT8),
            Arg("output", dtype=INT8),
        ),
        constants=constants,
        cost=Cost(10 + move_instructions((nbytes,), is_aligned=nbytes % 4 == 0)),
        note=f"{nbytes} bytes",
    )


OPS = (
    OpSpec(
        kind=ASSIGN_VARIABLE,
        title="a variable gets a value, for the next inference or to be read later in this one",
        traits=(Variable(is_written=True),),
        table=ASSIGN_TABLE,
        inputs=("variable", "value"),
        constraints=(operand_count(2, 2), fits, is_the_last_to_see_it),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(variable=ANY, value=Like("variable"), output=Like("variable")),
                reference_assign,
                lower_assign,
            ),
        ),
    ),
    OpSpec(
        kind=READ_VARIABLE,
        title="the value of a variable",
        traits=(Variable(),),
        table=READ_TABLE,
        inputs=("variable",),
        constraints=(operand_count(1, 1), fits),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(variable=ANY, output=Like("variable")),
                reference_read,
                lower_read,
            ),
        ),
    ),
)
