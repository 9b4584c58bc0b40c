"""ADD_N and CUMSUM: sums of several tensors, and of the elements along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier, wrap_int32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ops.arg_max import axis_is_constant, axis_of
from tinyml.ops.common import INT8_MAX, INT8_MIN, operand_count, quant_of, requant_struct, result
from tinyml.ops.extents import Extent, Fields, dense
from tinyml.ops.float_rows import ADD_N_FORM, CUMSUM_FORM, MAX_INPUTS
from tinyml.ops.forms import Form, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.operands import have_one_scale, input_argument, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import Axes

_ARITIES = (4, MAX_INPUTS)
_HEADROOM = 20  # bits that a value gets before it is scaled, by one half


CUMSUM = "CUMSUM"  # its key, for those who build one


@dataclass(frozen=True, slots=True)
class CumsumAttrs:
    """Options of CUMSUM."""

    is_exclusive: bool = False  # an element is not part of its own sum
    is_reversed: bool = False  # from the end


def factor(op: Op, graph: Graph) -> tuple[int, int]:
    """Factor of a sum in 2^19 units, in binary64.

    Source: TensorFlow Lite Micro, CalculateOpData (add_n.cc, cumsum.cc).
    """
    given, made = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    twice = 2.0 * float(np.float32(given.scale))
    return quantize_multiplier(twice / ((1 << _HEADROOM) * float(np.float32(made.scale))))


def sum_is_scaled_down(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-19 of the input scale."""
    given, made = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    twice = 2.0 * float(np.float32(given.scale))
    if twice < (1 << _HEADROOM) * float(np.float32(made.scale)):
        return None
    return f"{made.scale:g} for {given.scale:g}"


def rescaled(op: Op, graph: Graph, sums: NDArray[np.int64]) -> Array:
    """int8 outputs of sums that still have one input offset too few: TFLM begins with it."""
    zero = quant_of(graph.tensors[op.inputs[0]]).zero_point
    wide = wrap_int32((sums - zero) << (_HEADROOM - 1))
    scaled = multiply_by_quantized_multiplier(wide, *factor(op, graph))
    moved = wrap_int32(scaled + quant_of(result(op, graph)).zero_point)
    return np.clip(moved, INT8_MIN, INT8_MAX).astype(np.int8)


def shapes_are_equal(op: Op, graph: Graph) -> str | None:
    """All inputs must have the same shape, scale and zero point."""
    tensors = [graph.tensors[i] for i in op.inputs]
    first = tensors[0]
    for tensor in tensors[1:]:
        if tensor.shape != first.shape:
            return f"shapes {list(first.shape)} and {list(tensor.shape)}"
        if tensor.quant is not None and tensor.quant != first.quant:
            return f"'{tensor.name}' has {tensor.quant.scale:g} and {tensor.quant.zero_point}"
    return None


def add_n_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The sum, rescaled."""
    zero = quant_of(graph.tensors[op.inputs[0]]).zero_point
    values = [value.astype(np.int64) - zero for value in inputs if value is not None]
    return (rescaled(op, graph, np.sum(values, axis=0, dtype=np.int64)),)


def lower_add_n(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_add_n_<arity>_s8``."""
    out, count = result(op, graph), len(op.inputs)
    arity = next(most for most in _ARITIES if most >= count)
    given = [input_argument(op, graph, k) for k in range(count)]
    zero = quant_of(graph.tensors[op.inputs[0]]).zero_point
    fields: tuple[tuple[str, Value], ...] = (
        ("elements", out.elements),
        ("count", count),
        ("sum_offset", -zero * (count + 1)),
        ("output_offset", quant_of(out).zero_point),
        ("requant", requant_struct(*factor(op, graph))),
    )
    arguments = [argument for argument, _ in given]
    return KernelCall(
        function=f"tml_add_n_{arity}_s8",
        header="kernels/add_n/s8.h",
        params=Struct("tml_add_n_params", fields),
        arguments=(*arguments, *arguments[:1] * (arity - count), Arg("output")),
        constants=tuple(item for _, constants in given for item in constants),
        overlaps=tuple(Overlap(k, 0) for k, arg in enumerate(arguments) if arg.kind == "input"),
        cost=Cost((16 + 4 * count) * out.elements + 30),
    )


def cumsum_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The sums up to each element, rescaled."""
    assert inputs[0] is not None
    axis = axis_of(op, graph)
    values = inputs[0].astype(np.int64) - quant_of(graph.tensors[op.inputs[0]]).zero_point
    values = np.flip(values, axis) if op.attrs.is_reversed else values
    sums = np.cumsum(values, axis) - (values if op.attrs.is_exclusive else 0)
    sums = np.flip(sums, axis) if op.attrs.is_reversed else sums
    return (np.ascontiguousarray(rescaled(op, graph, sums)),)


def lower_cumsum(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_cumsum_s8``."""
    given, axis = graph.tensors[op.inputs[0]], axis_of(op, graph)
    argument, constants = input_argument(op, graph, 0)
    fields: tuple[tuple[str, Value], ...] = (
        ("outer", prod(given.shape[:axis])),
        ("depth", given.shape[axis]),
        ("inner", prod(given.shape[axis + 1 :])),
        ("is_exclusive", bool(op.attrs.is_exclusive)),
        ("is_reversed", bool(op.attrs.is_reversed)),
        ("input_offset", -quant_of(given).zero_point),
        ("output_offset", quant_of(result(op, graph)).zero_point),
        ("requant", requant_struct(*factor(op, graph))),
    )
    return KernelCall(
        function="tml_cumsum_s8",
        header="kernels/cumsum/s8.h",
        params=Struct("tml_cumsum_params", fields),
        arguments=(argument, Arg("output")),
        constants=constants,
        overlaps=(Overlap(0, 0),) if argument.kind == "input" else (),
        cost=Cost(20 * given.elements + 30),
    )


def _cumsum_extent(f: Fields) -> Extent:
    count = f["outer"] * f["depth"] * f["inner"]
    return dense(count, made=count)


def _add_n_extent(f: Fields) -> Extent:
    return dense(*(f["elements"],) * f["count"], made=f["elements"])


EXTENTS = {
    "tml_add_n_params": _add_n_extent,
    "tml_cumsum_params": _cumsum_extent,
}

OPS = (
    OpSpec(
        kind="ADD_N",
        title="sum of several tensors of one scale",
        traits=(Axes("broadcast"),),
        table=no_options("AddNOptions"),
        inputs=("input*",),
        constraints=(operand_count(2, MAX_INPUTS), have_one_scale, shapes_are_equal),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form(
                "s8",
                typed(input=INT8, output=INT8),
                add_n_reference,
                lower_add_n,
                (sum_is_scaled_down,),
            ),
            ADD_N_FORM,
        ),
    ),
    OpSpec(
        kind=CUMSUM,
        title="sums of all elements up to each, along an axis",
        traits=(),
        table=Table(
            "CumsumOptions",
            CumsumAttrs,
            (Field("is_exclusive", "Exclusive", bool), Field("is_reversed", "Reverse", bool)),
        ),
        inputs=("input", "axis"),
        constraints=(operand_count(2, 2), have_one_scale, axis_is_constant),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form(
                "s8",
                typed(input=INT8, axis=INT32, output=INT8),
                cumsum_reference,
                lower_cumsum,
                (sum_is_scaled_down,),
            ),
            CUMSUM_FORM,
        ),
    ),
)
