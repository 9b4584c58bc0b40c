"""The form of SVDF for float32: sums in a fixed order, the same in numpy as in C."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, of_elements
from tinyml.ops.extents import Extent, Fields
from tinyml.ops.float_elementwise import (
    LARGEST,
    constants_are_finite,
    float_bounds,
    float_clamp,
    has_float_bounds,
)
from tinyml.ops.float_math import Floats, dot
from tinyml.ops.forms import Form, typed
from tinyml.ops.operands import input_argument

INPUT, STATE = 0, 4  # operands


def _has_bounds(op: Op) -> tuple[bool, bool]:
    """Whether there is a least, and a greatest output: without, infinite ones stay so."""
    low, high = float_bounds(op.attrs.activation)
    return low != -LARGEST, high != LARGEST


def run(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Floats, Floats]:
    """The output, and the state afterwards. Source: TFLM, EvalFloatSvdfReference."""
    given, feature, time, bias, state = (value for value in inputs if value is not None)
    with np.errstate(all="ignore"):
        fresh = dot(given[:, None, :], feature)
        held = state.reshape(len(given), *time.shape)
        after = np.concatenate((held[:, :, 1:], fresh[:, :, None]), axis=2)
        filters = dot(after, time).reshape(len(given), len(bias), -1)
        made = np.broadcast_to(bias, filters.shape[:2])
        for k in range(filters.shape[2]):
            made = made + filters[:, :, k]
    low, high = (np.float32(bound) for bound in float_bounds(op.attrs.activation))
    has_least, has_most = _has_bounds(op)
    made = np.where(made < low, low, made) if has_least else made
    made = np.where(high < made, high, made) if has_most else made
    return np.asarray(made, np.float32), after.reshape(state.shape)


def _reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    return (run(op, graph, inputs)[0],)


def _states(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> dict[int, Array]:
    return {STATE: run(op, graph, inputs)[1]}


def _lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_svdf_f32``."""
    given, feature, time, bias, _ = (graph.tensors[i] for i in op.inputs)
    has_least, has_most = _has_bounds(op)
    fields = (
        ("batches", given.shape[0]),
        ("in_features", given.shape[1]),
        ("units", bias.elements),
        ("rank", int(op.attrs.rank)),
        ("memory", time.shape[1]),
        ("has_min", has_least),
        ("has_max", has_most),
        ("clamp", float_clamp(op.attrs.activation)),
    )
    held = (
        (feature, "feature", "filter, input feature"),
        (time, "time", "filter, step"),
        (bias, "bias", "unit"),
    )
    constants = tuple(
        Constant(name, np.ravel(tensor.data), what)
        for tensor, name, what in held
        if tensor.data is not None
    )
    argument, input_array = input_argument(op, graph, INPUT)
    named = (Arg("constant", constant=item.name) for item in constants)
    products = given.shape[0] * (feature.elements + time.elements)
    call = KernelCall(
        "tml_svdf_f32",
        "kernels/svdf/f32.h",
        Struct("tml_svdf_params_f32", fields),
        (argument, *named, Arg("state", STATE), Arg("output")),
        (*input_array, *constants),
        cost=Cost(7 * products + 40 * given.shape[0] * feature.shape[0]),
    )
    return of_elements(call, 4)


def _extent(f: Fields) -> Extent:
    made, filters = f["batches"] * f["units"], f["units"] * f["rank"]
    read = (f["batches"] * f["in_features"], filters * f["in_features"], filters * f["memory"])
    spans = tuple((0, size) for size in (*read, f["units"]))
    return Extent(spans, (0, made), made, (f["batches"] * filters * f["memory"],))


_TYPES = typed(
    input=FLOAT32, feature=FLOAT32, time=FLOAT32, bias=FLOAT32, state=FLOAT32, output=FLOAT32
)
SVDF_FORM = Form(
    "f32", _TYPES, _reference, _lower, (has_float_bounds, constants_are_finite), states=_states
)

EXTENTS = {"tml_svdf_params_f32": _extent}
