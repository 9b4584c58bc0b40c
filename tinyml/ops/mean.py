"""MEAN and SUM: averages and sums over any axes, rescaled from the input's scale to the output's.

Neighbouring axes that are both reduced or both kept act as one, so that five loops are enough for
every tensor of up to four dimensions: kept, reduced, kept, reduced, kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, INT16, INT32
from tinyml.ir.fixedpoint import quantize_multiplier
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct
from tinyml.ops.common import (
    INT32_MAX,
    is_quantised_per_tensor,
    of_type,
    operand,
    operand_count,
    quant_of,
    requant_struct,
    rescale_clamp,
    result,
)
from tinyml.ops.extents import reduction
from tinyml.ops.float_reductions import mean_form
from tinyml.ops.forms import Form, typed
from tinyml.ops.halves import cut_reduction
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import Axes, Channels, Homogeneous, Scales, Trait, Unsigned, WholeNumbers

AXES = 1  # operand
_LOOPS = 5


@dataclass(frozen=True, slots=True)
class MeanAttrs:
    """Options of MEAN and SUM."""

    keep_dims: bool = False  # reduced dimensions stay as 1


TABLE = Table("ReducerOptions", MeanAttrs, (Field("keep_dims", "KeepDims", bool),))


def reduced_axes(op: Op, graph: Graph) -> tuple[int, ...]:
    """The axes that disappear, in ascending order.

    Raises ModelError if they are not constant or do not exist.
    """
    given, axes = operand(op, graph, 0), operand(op, graph, AXES)
    if given is None or axes is None or axes.data is None or axes.dtype != INT32:
        raise ModelError("the axes are not constant int32 values")
    rank = len(given.shape)
    chosen = [int(axis) for axis in axes.data.reshape(-1)]
    for axis in chosen:
        if not -rank <= axis < rank:
            raise ModelError(f"axis {axis} of a tensor of {rank} dimensions")
    return tuple(sorted({axis % rank for axis in chosen}))


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The input's shape without the reduced axes, or with ones in their place."""
    axes = reduced_axes(op, graph)
    shape = graph.tensors[op.inputs[0]].shape
    if op.attrs.keep_dims:
        return (tuple(1 if i in axes else size for i, size in enumerate(shape)),)
    return (tuple(size for i, size in enumerate(shape) if i not in axes),)


def loops(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """Sizes of the alternating kept and reduced loops, kept first."""
    sizes = [1]
    for i, size in enumerate(shape):
        is_reduced = i in axes
        if size == 1:
            continue
        if is_reduced != (len(sizes) % 2 == 0):
            sizes.append(1)
        sizes[-1] *= size
    return tuple(sizes) + (1,) * (_LOOPS - len(sizes))


def loops_of(op: Op, graph: Graph) -> tuple[int, ...]:
    """The loops of an op over its input."""
    return loops(graph.tensors[op.inputs[0]].shape, reduced_axes(op, graph))


def axes_are_usable(op: Op, graph: Graph) -> str | None:
    """Axes must be constant, exist, and alternate with kept ones at most twice."""
    given = operand(op, graph, 0)
    try:
        axes = reduced_axes(op, graph)
    except ModelError as error:
        return error.message
    assert given is not None
    if len(loops(given.shape, axes)) > _LOOPS:
        return f"axes {list(axes)} of shape {list(given.shape)}"
    return None


def factors(op: Op, graph: Graph) -> tuple[int, int]:
    """Multiplier and shift that take sums to the output's scale.

    For a mean TFLM divides the multiplier of the scales by the number of summed elements, rounding
    down, after shifting it left as far as that number allows.
    Source: TensorFlow Lite, QuantizedMeanOrSum (kernels/internal/reference/reduce.h).
    """
    given = graph.tensors[op.inputs[0]]
    input_scale = float(np.float32(quant_of(given).scale))
    output_scale = float(np.float32(quant_of(result(op, graph)).scale))
    multiplier, shift = quantize_multiplier(input_scale / output_scale)
    if op.kind == "SUM":
        return multiplier, shift
    count = prod(given.shape[axis] for axis in reduced_axes(op, graph))
    left = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << left) // count, shift - left


def sums_fit(op: Op, graph: Graph) -> str | None:
    """Sums must fit 32 bits, also after rescaling by more than 1."""
    if any(basic(op, graph) for basic in (*_COMMON, is_quantised_per_tensor)):
        return None
    try:
        shift = factors(op, graph)[1]
    except ModelError as error:
        return error.message
    made = result(op, graph)
    count = prod(graph.tensors[op.inputs[0]].shape[axis] for axis in reduced_axes(op, graph))
    least, most = made.dtype.limits
    if (count * (most - least)) << max(shift, 0) <= INT32_MAX - 1 + least - most:
        return None
    return f"{count} elements, left shift of {max(shift, 0)}"


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Sums over the axes, less the zero point, rescaled."""
    values, made = inputs[0], result(op, graph)
    assert values is not None
    given = quant_of(graph.tensors[op.inputs[0]])
    centred = values.astype(np.int64) - given.zero_point
    sums = centred.sum(axis=reduced_axes(op, graph)).reshape(made.shape)
    multiplier, shift = factors(op, graph)
    zero_point, dtype = quant_of(made).zero_point, made.dtype
    return (rescale_clamp(sums, multiplier, shift, zero_point, dtype.limits, dtype),)


def macs(op: Op, graph: Graph) -> int:
    """None: sums only add."""
    return 0


def lower(op: Op, graph: Graph) -> KernelCall:
    """The plain kernel."""
    given, made = graph.tensors[op.inputs[0]], result(op, graph)
    kept_0, reduced_0, kept_1, reduced_1, kept_2 = loops(given.shape, reduced_axes(op, graph))
    params = Struct(
        "tml_mean_params",
        (
            ("outer", kept_0),
            ("outer_reduced", reduced_0),
            ("middle", kept_1),
            ("inner_reduced", reduced_1),
            ("inner", kept_2),
            ("sum_offset", -quant_of(given).zero_point * reduced_0 * reduced_1),
            ("output_offset", quant_of(made).zero_point),
            ("requant", requant_struct(*factors(op, graph))),
        ),
    )
    call = KernelCall(
        "tml_mean_s8",
        "kernels/mean/s8.h",
        params,
        (Arg("input", 0), Arg("output", 0)),
        cost=Cost(instructions=3 * given.elements + 30 * made.elements, code_bytes=150),
    )
    return of_type(call, "s8" if made.dtype == INT8 else "s16_b32", made.dtype)


_COMMON = (operand_count(2, 2), axes_are_usable)


def keeps_channels(op: Op, graph: Graph) -> bool:
    """Whether the last axis stays: constant axes that do not hold it."""
    try:
        axes = reduced_axes(op, graph)
    except ModelError:
        return False
    return len(graph.tensors[op.inputs[0]].shape) - 1 not in axes


_TRAITS: dict[str, tuple[Trait, ...]] = {
    "MEAN": (Channels(keeps=keeps_channels), Homogeneous()),
    "SUM": (),
}


def _spec(kind: str, title: str) -> OpSpec:
    return OpSpec(
        kind=kind,
        title=title,
        traits=(
            *_TRAITS[kind],
            Unsigned(),
            Axes("listed", (AXES,)),
            Scales("own", (8, 16)),
            WholeNumbers(),
        ),
        table=TABLE,
        inputs=("input", "axes"),
        constraints=_COMMON,
        infer=infer,
        macs=macs,
        forms=(
            *(
                Form(
                    name,
                    typed(input=dtype, axes=INT32, output=dtype),
                    reference,
                    lower,
                    constraints=(is_quantised_per_tensor, sums_fit),
                )
                for name, dtype in (("s8", INT8), ("s16", INT16))
            ),
            mean_form(loops_of, frozenset((INT32,)), is_mean=kind == "MEAN"),
        ),
    )


EXTENTS = {"tml_mean_params": reduction}

HALVES = {"tml_mean_params": cut_reduction}

OPS = (_spec("MEAN", "mean over constant axes"), _spec("SUM", "sum over constant axes"))
