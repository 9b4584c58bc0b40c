"""Forms of elementwise operators for float32: one value at a time, or two with broadcasting.

Every operation rounds to float32 in numpy as it does in C, so that the reference and the firmware
agree in every bit. TFLM's functions come from a C library and may differ in the last places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, of_elements
from tinyml.ops import float_math
from tinyml.ops.common import result
from tinyml.ops.extents import broadcast, elementwise
from tinyml.ops.float_math import Floats, clamp
from tinyml.ops.forms import Constraint, Form, typed
from tinyml.ops.halves import cut_broadcast, cut_elements
from tinyml.ops.loops import broadcast_loops
from tinyml.ops.operands import input_argument

Unary: TypeAlias = "Callable[[Op, Floats], Floats]"

LARGEST = float(np.finfo(np.float32).max)
_BOUNDS = {
    "NONE": (-LARGEST, LARGEST),
    "RELU": (0.0, LARGEST),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


def float_bounds(activation: str) -> tuple[float, float]:
    """Least and greatest output of a fused activation.

    Source: TensorFlow Lite, CalculateActivationRange (kernels/kernel_util.h).
    """
    return _BOUNDS[activation]


def has_float_bounds(op: Op, graph: Graph) -> str | None:
    """The fused activation must be NONE, RELU, RELU6 or RELU_N1_TO_1."""
    activation = str(op.attrs.activation)
    return None if activation in _BOUNDS else activation


def constants_are_finite(op: Op, graph: Graph) -> str | None:
    """Constants must be numbers, none of them infinite."""
    for tensor in graph.op_inputs(op):
        if tensor is None or tensor.data is None or tensor.dtype != FLOAT32:
            continue
        if not np.isfinite(tensor.data).all():
            return f"'{tensor.name}'"
    return None


def float_clamp(activation: str) -> Struct:
    """A ``tml_clamp_f32``."""
    low, high = float_bounds(activation)
    return Struct("tml_clamp_f32", (("min", low), ("max", high)))


def float_unary(
    name: str, function: Unary, *, activation: str = "NONE", instructions: int = 20
) -> Form:
    """The form of an operator that maps each value, by ``tml_<name>_f32``."""

    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        assert inputs[0] is not None
        return (np.asarray(function(op, inputs[0]), np.float32),)

    def lower(op: Op, graph: Graph) -> KernelCall:
        argument, constants = input_argument(op, graph, 0)
        count = result(op, graph).elements
        fields = (
            ("count", count),
            ("slope", float(getattr(op.attrs, "alpha", 0.0))),
            ("clamp", float_clamp(activation)),
        )
        call = KernelCall(
            f"tml_{name}_f32",
            "kernels/unary/f32.h",
            Struct("tml_unary_params_f32", fields),
            (argument, Arg("output")),
            constants,
            overlaps=(Overlap(0, 0),) if argument.kind == "input" else (),
            cost=Cost(instructions * count + 10),
        )
        return of_elements(call, 4)

    types = typed(input=FLOAT32, output=FLOAT32)
    return Form("f32", types, reference, lower, (constants_are_finite,))


def clamping(activation: str) -> Form:
    """The form of an activation that is a range."""
    low, high = float_bounds(activation)
    return float_unary("relu", lambda op, x: clamp(x, low, high), activation=activation)


def float_binary(
    name: str,
    function: Callable[[Floats, Floats], Floats],
    roles: tuple[str, str] = ("left", "right"),
    constraints: tuple[Constraint, ...] = (),
) -> Form:
    """The form of an operator on two values, by ``tml_<name>_f32``; clamps where it can."""

    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        a, b = inputs
        assert a is not None
        assert b is not None
        with np.errstate(all="ignore"):
            made = np.asarray(function(a, b), np.float32)
        if hasattr(op.attrs, "activation"):
            made = clamp(made, *float_bounds(op.attrs.activation))
        return (made.reshape(result(op, graph).shape),)

    def lower(op: Op, graph: Graph) -> KernelCall:
        bounds = float_clamp(getattr(op.attrs, "activation", "NONE"))
        return binary_call(op, graph, f"tml_{name}_f32", bounds)

    types = typed(**{role: FLOAT32 for role in roles}, output=FLOAT32)
    return Form("f32", types, reference, lower, (constants_are_finite, *constraints))


def binary_call(
    op: Op, graph: Graph, function: str, clamp: Struct, type_name: str = "f32"
) -> KernelCall:
    """A call of a kernel of ``firmware/kernels/binary`` for values of 32 bits."""
    out = result(op, graph)
    operands = [graph.tensors[i] for i in op.inputs]
    loops = broadcast_loops(operands[0].shape, operands[1].shape)
    arguments, constants = zip(*(input_argument(op, graph, i) for i in range(2)), strict=True)
    fields = (
        ("count", loops.counts),
        ("step1", loops.steps[0]),
        ("step2", loops.steps[1]),
        ("clamp", clamp),
    )
    overlaps = tuple(
        Overlap(i, 0)
        for i, tensor in enumerate(operands)
        if not tensor.is_constant and tensor.elements == out.elements
    )
    call = KernelCall(
        function,
        f"kernels/binary/{type_name}.h",
        Struct(f"tml_binary_params_{type_name}", fields),
        (*arguments, Arg("output")),
        tuple(item for group in constants for item in group),
        overlaps=overlaps,
        cost=Cost(12 * out.elements + 12 * math.prod(loops.counts[:-1]) + 30),
    )
    return of_elements(call, 4)


def leaky_relu(op: Op, x: Floats) -> Floats:
    """x, or a constant times x below zero."""
    with np.errstate(all="ignore"):
        return np.where(x > 0, x, x * np.float32(op.attrs.alpha))


def elu(op: Op, x: Floats) -> Floats:
    """x, or exp(x) - 1 below zero."""
    return np.where(x < 0, float_math.exp(x) - np.float32(1.0), x)


def hard_swish(op: Op, x: Floats) -> Floats:
    """x * min(max(x + 3, 0), 6) / 6, from left to right."""
    with np.errstate(all="ignore"):
        return np.asarray(x * clamp(x + np.float32(3.0), 0.0, 6.0) / np.float32(6.0), np.float32)


EXTENTS = {"tml_unary_params_f32": elementwise(), "tml_binary_params_f32": broadcast}

HALVES = {"tml_unary_params_f32": cut_elements(), "tml_binary_params_f32": cut_broadcast}
