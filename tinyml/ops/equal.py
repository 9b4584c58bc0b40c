"""EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL: two values compared, to a bool.

Quantised values are brought to a common unit first, as TFLM does: neighbouring ones may become
equal there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinyml.ir.dtype import BOOL, FLOAT32, INT8, INT32, INT64, DType
from tinyml.ir.fixedpoint import IntArray, multiply_by_quantized_multiplier, quantize_multiplier
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.kernel import KernelCall, Value
from tinyml.ops.common import operand_count, quant_of, requant_struct
from tinyml.ops.elementwise import has_few_dimensions, infer
from tinyml.ops.extents import broadcast, of_width
from tinyml.ops.float_elementwise import constants_are_finite
from tinyml.ops.forms import Form, typed
from tinyml.ops.halves import cut_broadcast
from tinyml.ops.lookup import no_options
from tinyml.ops.operands import have_one_scale, no_macs
from tinyml.ops.pairs import TYPE_NAMES, PairKernel, pair_call
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, Scales, WholeNumbers

EQUAL, GREATER_EQUAL, LESS = "EQUAL", "GREATER_EQUAL", "LESS"  # keys, for those who build one

LEFT_SHIFT = 8  # headroom that a value gets before it is scaled
_SCALED, _AS_THEY_ARE = 25, 9  # instructions per element

Relation = Callable[..., Array]


def scales_are_below_one(op: Op, graph: Graph) -> str | None:
    """The scales of both inputs must be below 1."""
    for tensor in graph.op_inputs(op):
        if tensor is not None and quant_of(tensor).scale >= 1.0:
            return f"'{tensor.name}' has {quant_of(tensor).scale:g}"
    return None


def compared_by(tensor: Tensor, values: Array) -> IntArray:
    """The numbers that quantised values are compared by.

    Source: TensorFlow Lite Micro, ComparisonsPrepare; reference_ops::ComparisonWithScaling.
    """
    quant = quant_of(tensor)
    centred = (values.astype(np.int64) - quant.zero_point) << LEFT_SHIFT
    return multiply_by_quantized_multiplier(centred, *_factor(tensor))


def _factor(tensor: Tensor) -> tuple[int, int]:
    return quantize_multiplier(float(np.float32(quant_of(tensor).scale)))


def _quantised_form(name: str, relation: Relation) -> Form:
    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        pairs = zip(op.inputs, inputs, strict=True)
        found = [compared_by(graph.tensors[i], v) for i, v in pairs if v is not None]
        return (np.asarray(relation(*found), np.bool_),)

    def lower(op: Op, graph: Graph) -> KernelCall:
        operands = [graph.tensors[i] for i in op.inputs]
        fields: tuple[tuple[str, Value], ...] = (
            *((f"input{k}_offset", -quant_of(t).zero_point) for k, t in enumerate(operands, 1)),
            *(
                (f"input{k}_requant", requant_struct(*_factor(t)))
                for k, t in enumerate(operands, 1)
            ),
        )
        return pair_call(op, graph, PairKernel("equal", name, "s8", _SCALED), fields)

    types = typed(left=INT8, right=INT8, output=BOOL)
    return Form("s8", types, reference, lower, (have_one_scale, scales_are_below_one))


def _plain_form(name: str, relation: Relation, dtype: DType) -> Form:
    type_name, seen_as = TYPE_NAMES[dtype], INT8 if dtype == BOOL else None

    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        return (np.asarray(relation(*inputs), np.bool_),)

    def lower(op: Op, graph: Graph) -> KernelCall:
        none = requant_struct(0, 0)
        fields = (
            *(("input1_offset", 0), ("input2_offset", 0)),
            *(("input1_requant", none), ("input2_requant", none)),
        )
        kernel = PairKernel("equal", name, type_name, _AS_THEY_ARE, seen_as)
        return pair_call(op, graph, kernel, fields)

    types = typed(left=dtype, right=dtype, output=BOOL)
    demands = (constants_are_finite,) if dtype == FLOAT32 else ()
    return Form("bool" if dtype == BOOL else type_name, types, reference, lower, demands)


def _spec(kind: str, title: str, relation: Relation, more: tuple[DType, ...] = ()) -> OpSpec:
    name = kind.lower()
    plain = (FLOAT32, INT32, INT64, *more)
    return OpSpec(
        kind=kind,
        title=f"{title}, with broadcasting",
        traits=(Axes("broadcast"), Scales("none"), WholeNumbers()),
        table=no_options("".join(w.capitalize() for w in kind.split("_")) + "Options"),
        inputs=("left", "right"),
        constraints=(operand_count(2, 2), has_few_dimensions),
        infer=infer,
        macs=no_macs,
        forms=(
            _quantised_form(name, relation),
            *(_plain_form(name, relation, dtype) for dtype in plain),
        ),
    )


EXTENTS = {
    "tml_equal_params": broadcast,
    "tml_equal_params_b8": broadcast,
    "tml_equal_params_f32": of_width(broadcast, 4, 1),
    "tml_equal_params_s32": of_width(broadcast, 4, 1),
    "tml_equal_params_s64": of_width(broadcast, 8, 1),
}

HALVES = dict.fromkeys(EXTENTS, cut_broadcast)

OPS = (
    _spec(EQUAL, "whether two values are equal", np.equal, (BOOL,)),
    _spec("NOT_EQUAL", "whether two values differ", np.not_equal, (BOOL,)),
    _spec("GREATER", "whether a value is above another", np.greater),
    _spec(GREATER_EQUAL, "whether a value is another or above it", np.greater_equal),
    _spec(LESS, "whether a value is below another", np.less),
    _spec("LESS_EQUAL", "whether a value is another or below it", np.less_equal),
)
