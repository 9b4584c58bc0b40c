"""ARG_MAX and ARG_MIN: the place of the first extreme value along a constant axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import FLOAT32, INT8, INT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct
from tinyml.ops.common import operand, operand_count, result
from tinyml.ops.extents import Extent, Fields, Rule, dense
from tinyml.ops.forms import Form, as_constraint, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.moves import axis_in, whole_numbers
from tinyml.ops.operands import input_argument, no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Scales, WholeNumbers

ARG_MAX = "ARG_MAX"  # its key, for those who build one

AXIS = 1  # operand
_INSTRUCTIONS = 6  # per element, counted on Armv7-M


def axis_of(op: Op, graph: Graph) -> int:
    """The axis, from the front; raises ModelError when it is not constant or does not exist."""
    numbers = whole_numbers(operand(op, graph, AXIS), "the axis is")
    if len(numbers) != 1:
        raise ModelError(f"{len(numbers)} axes")
    return axis_in(numbers[0], len(graph.tensors[op.inputs[0]].shape))


@as_constraint
def axis_is_constant(op: Op, graph: Graph) -> None:
    """The axis must be constant and exist."""
    axis_of(op, graph)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The input's shape without the axis."""
    shape, axis = graph.tensors[op.inputs[0]].shape, axis_of(op, graph)
    return ((*shape[:axis], *shape[axis + 1 :]),)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The first place of the extreme value; what is not a number is passed over."""
    assert inputs[0] is not None
    if inputs[0].dtype == np.float32:
        return (_place(op, inputs[0], axis_of(op, graph)),)
    seek = np.argmax if op.kind == ARG_MAX else np.argmin
    return (np.asarray(seek(inputs[0], axis=axis_of(op, graph)), np.int32),)


def _place(op: Op, values: Array, axis: int) -> Array:
    """Source: TensorFlow Lite, ArgMinMax with GetComparefunction (reference/arg_min_max.h)."""
    lines = np.moveaxis(values, axis, -1)
    best, found = lines[..., 0], np.zeros(lines.shape[:-1], np.int32)
    for k in range(1, lines.shape[-1]):
        tried = lines[..., k]
        is_better = tried > best if op.kind == ARG_MAX else tried < best
        is_better |= np.isnan(best) & ~np.isnan(tried)
        best, found = np.where(is_better, tried, best), np.where(is_better, k, found)
    return np.asarray(found, np.int32)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_arg_max_s8`` or ``tml_arg_min_s8``, or of those for floats."""
    given, axis = graph.tensors[op.inputs[0]], axis_of(op, graph)
    shape = given.shape
    argument, constants = input_argument(op, graph, 0)
    fields = (
        ("outer", prod(shape[:axis])),
        ("depth", shape[axis]),
        ("inner", prod(shape[axis + 1 :])),
    )
    name, alias = ("s8", "") if given.dtype == INT8 else ("f32", "_f32")
    return KernelCall(
        function=f"tml_{op.kind.lower()}_{name}",
        header=f"kernels/arg_max/{name}.h",
        params=Struct(f"tml_arg_max_params{alias}", fields),
        arguments=(argument, Arg("output")),
        constants=constants,
        cost=Cost(_INSTRUCTIONS * given.elements + 12 * result(op, graph).elements + 10),
    )


def _spec(kind: str, title: str) -> OpSpec:
    table = "ArgMaxOptions" if kind == ARG_MAX else "ArgMinOptions"
    return OpSpec(
        kind=kind,
        title=f"the place of the first of the {title} values along an axis",
        traits=(Scales("none"), WholeNumbers()),
        table=no_options(table),
        inputs=("input", "axis"),
        constraints=(operand_count(2, 2), axis_is_constant),
        infer=infer,
        macs=no_macs,
        forms=tuple(
            Form(name, typed(input=dtype, axis=INT32, output=INT32), reference, lower)
            for name, dtype in (("s8", INT8), ("f32", FLOAT32))
        ),
    )


def _extent(size: int) -> Rule:
    def rule(f: Fields) -> Extent:
        made = f["outer"] * f["inner"]
        return dense(size * made * f["depth"], made=4 * made)

    return rule


EXTENTS = {"tml_arg_max_params": _extent(1), "tml_arg_max_params_f32": _extent(4)}

OPS = (_spec(ARG_MAX, "greatest"), _spec("ARG_MIN", "least"))
