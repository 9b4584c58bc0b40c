"""RESHAPE and CONCATENATION: values are moved, never computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, INT64
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ops.common import (
    operand_count,
    result,
)
from tinyml.ops.extents import Extent, Fields, dense
from tinyml.ops.forms import ANY, Form, Like, as_constraint, typed
from tinyml.ops.moves import MOVED_TOO, axis_in
from tinyml.ops.operands import have_one_scale, input_argument, move_instructions, no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import ACTIVATION, Field, Table
from tinyml.ops.traits import (
    Axes,
    Channels,
    Homogeneous,
    MovesOnly,
    Rows,
    Scales,
    ShapeOperand,
    WholeNumbers,
)

CONCATENATION, RESHAPE = "CONCATENATION", "RESHAPE"  # keys, for those who build such ops

MAX_PARTS = 10  # inputs of a concatenation; TFLM's limit as well
_ARITIES = (2, 4, MAX_PARTS)  # inputs that the kernels take


@dataclass(frozen=True, slots=True)
class ReshapeAttrs:
    """Options of RESHAPE; the declared shape of the output is what counts, as in TFLM."""

    new_shape: tuple[int, ...] = ()


RESHAPE_TABLE = Table("ReshapeOptions", ReshapeAttrs, (Field("new_shape", "NewShape", tuple),))


@dataclass(frozen=True, slots=True)
class ConcatenationAttrs:
    """Options of CONCATENATION."""

    axis: int = 0  # may count from the end
    fused: str = "NONE"  # activation; none is supported


CONCATENATION_TABLE = Table(
    "ConcatenationOptions",
    ConcatenationAttrs,
    (
        Field("axis", "Axis"),
        Field("fused", "FusedActivationFunction", ACTIVATION),
    ),
)


def infer_reshape(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The declared shape, when it has as many elements as the input.

    Raises ModelError otherwise.
    """
    given, made = graph.tensors[op.inputs[0]], result(op, graph)
    if given.elements != made.elements:
        raise ModelError(f"{list(given.shape)} cannot become {list(made.shape)}")
    return (made.shape,)


@as_constraint
def keeps_elements(op: Op, graph: Graph) -> None:
    """Input and output must have the same number of elements."""
    infer_reshape(op, graph)


def reshape_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The same elements in another shape."""
    assert inputs[0] is not None
    return (inputs[0].reshape(result(op, graph).shape),)


def keeps_last_size(op: Op, graph: Graph) -> bool:
    """Whether the last dimension is as large as before: then its elements stay side by side."""
    return graph.tensors[op.inputs[0]].shape[-1:] == result(op, graph).shape[-1:]


def lower_nothing(op: Op, graph: Graph) -> None:
    """No kernel: the output is the input's memory."""
    return None


def joins_channels(op: Op, graph: Graph) -> bool:
    """Whether two images are joined pixel by pixel."""
    return len(op.inputs) == 2 and _axis(op, graph) == len(result(op, graph).shape) - 1


def _axis(op: Op, graph: Graph) -> int:
    return axis_in(int(op.attrs.axis), len(graph.tensors[op.inputs[0]].shape))


def joined_op(name: str, given: tuple[int, ...], made: int, axis: int) -> Op:
    """A CONCATENATION."""
    return Op(CONCATENATION, name, given, (made,), ConcatenationAttrs(axis))


def viewed_op(name: str, given: int, made: int, shape: tuple[int, ...]) -> Op:
    """A RESHAPE to a shape."""
    return Op(RESHAPE, name, (given,), (made,), ReshapeAttrs(shape))


def infer_concatenation(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The inputs' common shape, with the sum of their sizes along the axis.

    Raises ModelError when the shapes do not fit together.
    """
    axis = _axis(op, graph)
    shapes = [graph.tensors[i].shape for i in op.inputs]
    first = shapes[0]
    if len({(len(shape), *shape[:axis], *shape[axis + 1 :]) for shape in shapes}) != 1:
        raise ModelError(f"shapes {[list(shape) for shape in shapes]} do not fit along axis {axis}")
    return ((*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :]),)


@as_constraint
def inputs_fit_together(op: Op, graph: Graph) -> None:
    """The inputs must have equal shapes but for the axis along which they are put together."""
    infer_concatenation(op, graph)


def have_one_scale_or_none(op: Op, graph: Graph) -> str | None:
    """Every quantised input and output must have one positive scale and one zero point in range."""
    tensors = (*graph.op_inputs(op), *graph.op_outputs(op))
    if all(tensor is None or tensor.quant is None for tensor in tensors):
        return None  # bytes that a CAST made: numbers without a scale
    return have_one_scale(op, graph)


def nothing_is_rescaled(op: Op, graph: Graph) -> str | None:
    """All inputs must have the output's scale and zero point."""
    made = result(op, graph)
    if not made.dtype.is_quantised or made.quant is None:
        return None
    wanted = made.quant
    for tensor in graph.op_inputs(op):
        if tensor is None or tensor.quant is None:
            continue
        if (tensor.quant.scales, tensor.quant.zero_points) != (wanted.scales, wanted.zero_points):
            return f"'{tensor.name}' has {tensor.quant.scale:g} and {tensor.quant.zero_point}"
    return None


def has_no_activation(op: Op, graph: Graph) -> str | None:
    """There must be no fused activation."""
    activation = str(op.attrs.fused)
    return None if activation == "NONE" else activation


def concatenation_reference(
    op: Op, graph: Graph, inputs: Sequence[Array | None]
) -> tuple[Array, ...]:
    """The inputs one after the other along the axis."""
    return (np.concatenate([item for item in inputs if item is not None], axis=_axis(op, graph)),)


def lower_concatenation(op: Op, graph: Graph) -> KernelCall:
    """One row for each index of the dimensions before the axis."""
    return concatenation_call(op, graph, _axis(op, graph))


def concatenation_call(op: Op, graph: Graph, axis: int) -> KernelCall:
    """A call of ``tml_concatenation_<arity>_s8``; missing inputs have runs of 0 bytes.

    A row of the output has from each input what lies behind one index of the dimensions before
    ``axis``.
    """
    dtype = graph.tensors[op.inputs[0]].dtype
    shapes = [graph.tensors[i].shape for i in op.inputs]
    arity = next(count for count in _ARITIES if count >= len(shapes))
    runs = [dtype.nbytes(math.prod(shape[axis:])) for shape in shapes]
    outer = math.prod(shapes[0][:axis])
    given = [input_argument(op, graph, i) for i in range(len(shapes))]
    arguments = [replace(arg, dtype=None if dtype == INT8 else INT8) for arg, _ in given]
    spare = arity - len(shapes)
    fields: tuple[tuple[str, Value], ...] = (
        ("rows", outer),
        ("run", tuple(runs + [0] * spare)),
    )
    # A single row begins with the whole of the first input, which may be there already.
    in_place = outer == 1 and given[0][0].kind == "input"
    reason = "the first input is moved first, by memmove, and never read again"
    return KernelCall(
        function=f"tml_concatenation_{arity}_s8",
        header="kernels/concatenation/s8.h",
        params=Struct(f"tml_concatenation_{arity}_params", fields),
        arguments=(*arguments, *arguments[:1] * spare, Arg("output", dtype=arguments[0].dtype)),
        constants=tuple(item for _, constants in given for item in constants),
        overlaps=(Overlap(0, 0, reason=reason),) if in_place else (),
        cost=Cost(outer * move_instructions(runs, is_aligned=all(run % 4 == 0 for run in runs))),
    )


def _extent(f: Fields) -> Extent:
    return dense(*(f["rows"] * run for run in f["run"]), made=f["rows"] * sum(f["run"]))


EXTENTS = {f"tml_concatenation_{arity}_params": _extent for arity in _ARITIES}

OPS = (
    OpSpec(
        kind=CONCATENATION,
        title="tensors one after the other along an axis",
        traits=(
            MovesOnly("join"),
            Rows(joins=joins_channels),
            Axes("option"),
            Scales("same", (8, 16)),
            WholeNumbers(),
        ),
        table=CONCATENATION_TABLE,
        inputs=("input*",),
        constraints=(
            operand_count(1, MAX_PARTS),
            have_one_scale_or_none,
            nothing_is_rescaled,
            has_no_activation,
            inputs_fit_together,
        ),
        infer=infer_concatenation,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(input=MOVED_TOO | {INT64}, output=Like("input")),
                concatenation_reference,
                lower_concatenation,
            ),
        ),
    ),
    OpSpec(
        kind=RESHAPE,
        title="the same elements in another shape; takes no time",
        traits=(
            MovesOnly("view"),
            Channels(keeps=keeps_last_size),
            Homogeneous(),
            ShapeOperand(1),
            Axes("view"),
            Scales("same", (8, 16)),
            WholeNumbers(),
        ),
        table=RESHAPE_TABLE,
        inputs=("input", "shape?"),
        constraints=(operand_count(1, 2), keeps_elements),
        infer=infer_reshape,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(input=ANY, shape=ANY, output=Like("input")),
                reshape_reference,
                lower_nothing,
            ),
        ),
    ),
)
