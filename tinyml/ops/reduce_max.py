"""REDUCE_MAX, REDUCE_MIN, REDUCE_ALL: an extreme value over any axes, seen as MEAN sees them.

Of bools the least is whether all hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinyml.ir.dtype import BOOL, FLOAT32, INT8, INT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct, of_elements
from tinyml.ops import mean
from tinyml.ops.common import (
    has_same_quantisation,
    is_quantised_per_tensor,
    operand_count,
    result,
)
from tinyml.ops.extents import reduction
from tinyml.ops.forms import Form, typed
from tinyml.ops.halves import cut_reduction
from tinyml.ops.operands import no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, Scales, WholeNumbers


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The extreme over the axes."""
    assert inputs[0] is not None
    extreme = np.max if op.kind == "REDUCE_MAX" else np.min
    found = extreme(inputs[0], axis=mean.reduced_axes(op, graph))
    return (np.asarray(found, inputs[0].dtype).reshape(result(op, graph).shape),)


def float_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The same of floats, in which what is not a number counts only where it comes first."""
    assert inputs[0] is not None
    sizes = mean.loops_of(op, graph)
    runs = np.moveaxis(inputs[0].reshape(sizes), 3, 2).swapaxes(1, 0)  # outer_reduced in front
    flat = np.moveaxis(runs, 2, 1).reshape(-1, sizes[0], sizes[2], sizes[4])
    extreme = np.fmax if op.kind == "REDUCE_MAX" else np.fmin
    found = np.where(np.isnan(flat[0]), flat[0], extreme.reduce(flat, axis=0))
    return (np.asarray(found, np.float32).reshape(result(op, graph).shape),)


def lower_float(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_reduce_max_f32`` or ``tml_reduce_min_f32``."""
    call = lower(op, graph)
    function, header = (text.replace("s8", "f32") for text in (call.function, call.header))
    return of_elements(replace(call, function=function, header=header), 4)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_reduce_max_s8`` or ``tml_reduce_min_s8``."""
    given, made = graph.tensors[op.inputs[0]], result(op, graph)
    names = ("outer", "outer_reduced", "middle", "inner_reduced", "inner")
    sizes = mean.loops(given.shape, mean.reduced_axes(op, graph))
    seen_as = INT8 if given.dtype == BOOL else None
    return KernelCall(
        "tml_reduce_max_s8" if op.kind == "REDUCE_MAX" else "tml_reduce_min_s8",
        "kernels/reduce_max/s8.h",
        Struct("tml_reduce_max_params", tuple(zip(names, sizes, strict=True))),
        (Arg("input", 0, dtype=seen_as), Arg("output", 0, dtype=seen_as)),
        cost=Cost(instructions=6 * given.elements + 12 * made.elements, code_bytes=80),
    )


def _spec(kind: str, title: str) -> OpSpec:
    return OpSpec(
        kind=kind,
        title=f"{title} over constant axes",
        traits=(Axes("listed", (mean.AXES,)), Scales("same"), WholeNumbers()),
        table=mean.TABLE,
        inputs=("input", "axes"),
        constraints=(operand_count(2, 2), has_same_quantisation, mean.axes_are_usable),
        infer=mean.infer,
        macs=no_macs,
        forms=(
            Form(
                "s8",
                typed(input=INT8, axes=INT32, output=INT8),
                reference,
                lower,
                constraints=(is_quantised_per_tensor,),
            ),
            Form(
                "f32",
                typed(input=FLOAT32, axes=INT32, output=FLOAT32),
                float_reference,
                lower_float,
            ),
        ),
    )


REDUCE_ALL = "REDUCE_ALL"  # its key, for those who build one
EXTENTS = {"tml_reduce_max_params": reduction}

HALVES = {"tml_reduce_max_params": cut_reduction}

OPS = (
    _spec("REDUCE_MAX", "greatest value"),
    _spec("REDUCE_MIN", "least value"),
    OpSpec(
        kind=REDUCE_ALL,
        title="whether all hold, over constant axes",
        traits=(Axes("listed", (mean.AXES,)),),
        table=mean.TABLE,
        inputs=("input", "axes"),
        constraints=(operand_count(2, 2), mean.axes_are_usable),
        infer=mean.infer,
        macs=no_macs,
        forms=(Form("bool", typed(input=BOOL, axes=INT32, output=BOOL), reference, lower),),
    ),
)
