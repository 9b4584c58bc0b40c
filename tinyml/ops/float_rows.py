"""Forms for float32 of operators that add up rows, axes or several tensors, in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TypeAlias

import numpy as np

from tinyml.ir.dtype import FLOAT32, INT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, Value, of_elements
from tinyml.ops.arg_max import axis_of
from tinyml.ops.common import result
from tinyml.ops.extents import Extent, Fields, dense, rows
from tinyml.ops.float_elementwise import constants_are_finite
from tinyml.ops.float_math import Floats, exp, log
from tinyml.ops.forms import Form, typed
from tinyml.ops.halves import cut_rows
from tinyml.ops.operands import input_argument

MAX_INPUTS = 10  # of ADD_N: arguments of the kernel
_ARITIES = (4, MAX_INPUTS)
_LEAST_ROOT = np.float32(1e-6)
_Fields: TypeAlias = "tuple[tuple[str, Value], ...]"


def _row_call(op: Op, graph: Graph, name: str, fields: _Fields, instructions: int) -> KernelCall:
    """A call of ``tml_<name>_f32`` on one input, whose output may lie in its place."""
    argument, constants = input_argument(op, graph, 0)
    call = KernelCall(
        f"tml_{name}_f32",
        f"kernels/{name}/f32.h",
        Struct(f"tml_{name}_params_f32", fields),
        (argument, Arg("output")),
        constants,
        overlaps=(Overlap(0, 0),) if argument.kind == "input" else (),
        cost=Cost(instructions * result(op, graph).elements + 30),
    )
    return of_elements(call, 4)


def _row_sizes(op: Op, graph: Graph) -> _Fields:
    shape = graph.tensors[op.inputs[0]].shape
    return ("rows", prod(shape[:-1])), ("depth", shape[-1])


def _added_up(values: Floats) -> Floats:
    """The sums along the last axis, from the first element to the last."""
    sums = np.zeros(values.shape[:-1], np.float32)
    for i in range(values.shape[-1]):
        sums = sums + values[..., i]
    return sums


def _l2_normalization(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Rows over the root of the sum of their squares."""
    values = inputs[0]
    assert values is not None
    with np.errstate(all="ignore"):
        root = np.sqrt(_added_up(values * values))
        divisor = np.where(root < _LEAST_ROOT, _LEAST_ROOT, root)
        return (np.asarray(values / divisor[..., None], np.float32),)


def _lower_l2_normalization(op: Op, graph: Graph) -> KernelCall:
    return _row_call(op, graph, "l2_normalization", _row_sizes(op, graph), 20)


def _log_softmax(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Distances from the greatest of a row, less the logarithm of the sum of their exponentials."""
    values = inputs[0]
    assert values is not None
    with np.errstate(all="ignore"):
        below = values - values.max(axis=-1, keepdims=True)
        return (np.asarray(below - log(_added_up(exp(below)))[..., None], np.float32),)


def _lower_log_softmax(op: Op, graph: Graph) -> KernelCall:
    return _row_call(op, graph, "log_softmax", _row_sizes(op, graph), 80)


def _cumsum(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The sums up to each element."""
    values = inputs[0]
    assert values is not None
    lines = np.moveaxis(values, axis_of(op, graph), -1)
    lines = lines[..., ::-1] if op.attrs.is_reversed else lines
    made, sums = np.empty(lines.shape, np.float32), np.zeros(lines.shape[:-1], np.float32)
    with np.errstate(all="ignore"):
        for k in range(lines.shape[-1]):
            before, sums = sums, sums + lines[..., k]
            made[..., k] = before if op.attrs.is_exclusive else sums
    made = made[..., ::-1] if op.attrs.is_reversed else made
    return (np.ascontiguousarray(np.moveaxis(made, -1, axis_of(op, graph))),)


def _lower_cumsum(op: Op, graph: Graph) -> KernelCall:
    shape, axis = graph.tensors[op.inputs[0]].shape, axis_of(op, graph)
    fields: _Fields = (
        ("outer", prod(shape[:axis])),
        ("depth", shape[axis]),
        ("inner", prod(shape[axis + 1 :])),
        ("is_exclusive", bool(op.attrs.is_exclusive)),
        ("is_reversed", bool(op.attrs.is_reversed)),
    )
    return _row_call(op, graph, "cumsum", fields, 12)


def _add_n(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The sum, from the first operand to the last."""
    sums = np.zeros(result(op, graph).shape, np.float32)
    with np.errstate(all="ignore"):
        for values in inputs:
            assert values is not None
            sums = sums + values
    return (sums,)


def _lower_add_n(op: Op, graph: Graph) -> KernelCall:
    out, count = result(op, graph), len(op.inputs)
    arity = next(most for most in _ARITIES if most >= count)
    given = [input_argument(op, graph, k) for k in range(count)]
    arguments = [argument for argument, _ in given]
    call = KernelCall(
        f"tml_add_n_{arity}_f32",
        "kernels/add_n/f32.h",
        Struct("tml_add_n_params_f32", (("elements", out.elements), ("count", count))),
        (*arguments, *arguments[:1] * (arity - count), Arg("output")),
        tuple(item for _, constants in given for item in constants),
        overlaps=tuple(Overlap(k, 0) for k, arg in enumerate(arguments) if arg.kind == "input"),
        cost=Cost((8 + 5 * count) * out.elements + 30),
    )
    return of_elements(call, 4)


_SAME = typed(input=FLOAT32, output=FLOAT32)
_ALONG = typed(input=FLOAT32, axis=INT32, output=FLOAT32)
_FINITE = (constants_are_finite,)

L2_NORMALIZATION_FORM = Form("f32", _SAME, _l2_normalization, _lower_l2_normalization, _FINITE)
LOG_SOFTMAX_FORM = Form("f32", _SAME, _log_softmax, _lower_log_softmax, _FINITE)
CUMSUM_FORM = Form("f32", _ALONG, _cumsum, _lower_cumsum, _FINITE)
ADD_N_FORM = Form("f32", _SAME, _add_n, _lower_add_n, _FINITE)


def _cumsum_extent(f: Fields) -> Extent:
    count = f["outer"] * f["depth"] * f["inner"]
    return dense(count, made=count)


def _add_n_extent(f: Fields) -> Extent:
    return dense(*(f["elements"],) * f["count"], made=f["elements"])


EXTENTS = {
    "tml_l2_normalization_params_f32": rows("rows", "depth", "depth"),
    "tml_log_softmax_params_f32": rows("rows", "depth", "depth"),
    "tml_cumsum_params_f32": _cumsum_extent,
    "tml_add_n_params_f32": _add_n_extent,
}

HALVES = {
    "tml_l2_normalization_params_f32": cut_rows("rows", "depth", "depth"),
    "tml_log_softmax_params_f32": cut_rows("rows", "depth", "depth"),
}
