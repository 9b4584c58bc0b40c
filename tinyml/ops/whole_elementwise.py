"""Forms of ADD, SUB and MUL for int32 values that stand for themselves: counters, sizes, places."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import clamp_struct, result
from tinyml.ops.extents import broadcast
from tinyml.ops.float_elementwise import binary_call
from tinyml.ops.forms import Constraint, Form, typed
from tinyml.ops.halves import cut_broadcast

_LOWEST, _HIGHEST = INT32.limits
_BOUNDS = {
    "NONE": (_LOWEST, _HIGHEST),
    "RELU": (0, _HIGHEST),
    "RELU6": (0, 6),
    "RELU_N1_TO_1": (-1, 1),
}


def has_whole_bounds(op: Op, graph: Graph) -> str | None:
    """The fused activation must be NONE, RELU, RELU6 or RELU_N1_TO_1."""
    activation = str(op.attrs.activation)
    return None if activation in _BOUNDS else activation


def has_no_activation(op: Op, graph: Graph) -> str | None:
    """A sum of int32 values must have no fused activation: TFLM leaves it out."""
    return None if op.attrs.activation == "NONE" else str(op.attrs.activation)


def stand_for_themselves(op: Op, graph: Graph) -> str | None:
    """Operands and results of int32 must have no scale."""
    for tensor in (*graph.op_inputs(op), *graph.op_outputs(op)):
        if tensor is not None and tensor.quant is not None:
            return f"'{tensor.name}' has {tensor.quant.scale:g}"
    return None


def whole_binary(
    name: str, function: Callable[..., Array], constraints: tuple[Constraint, ...]
) -> Form:
    """The form of an operator on two int32 values, by ``tml_<name>_s32``.

    Of what does not fit, the lowest 32 bits are taken; then the fused activation clamps. Source:
    TensorFlow Lite, CalculateActivationRange (kernels/kernel_util.h), reference_ops::Add,
    SubWithActivation and Mul.
    """

    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        a, b = (np.asarray(value, np.int64) for value in inputs)
        wrapped = np.asarray(function(a, b)).astype(np.int32)
        made = np.asarray(np.clip(wrapped, *_BOUNDS[op.attrs.activation]))
        return (made.reshape(result(op, graph).shape),)

    def lower(op: Op, graph: Graph) -> KernelCall:
        bounds = clamp_struct(_BOUNDS[op.attrs.activation])
        return binary_call(op, graph, f"tml_{name}_s32", bounds, "s32")

    types = typed(left=INT32, right=INT32, output=INT32)
    return Form("s32", types, reference, lower, constraints)


EXTENTS = {"tml_binary_params_s32": broadcast}

HALVES = {"tml_binary_params_s32": cut_broadcast}
