"""AVERAGE_POOL_2D and MAX_POOL_2D: one value per channel and window; padding is left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct
from tinyml.ir.shapes import Window
from tinyml.ops.common import (
    activation_is_a_range,
    activation_range,
    clamp_struct,
    has_same_quantisation,
    is_image,
    is_quantised_per_tensor,
    of_type,
    operand,
    operand_count,
    padding_is_known,
    quant_of,
    result,
)
from tinyml.ops.extents import images
from tinyml.ops.float_reductions import pool_form
from tinyml.ops.forms import Form, as_constraint, typed
from tinyml.ops.halves import cut_images
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import ACTIVATION, PADDING, Field, Table
from tinyml.ops.traits import Channels, ClampsOutput, Homogeneous, Rows, Scales, Unsigned
from tinyml.ops.windows import (
    Pads,
    image_overlap,
    image_windows,
    is_padded,
    pad_image,
    tap_view,
    window_struct,
)


@dataclass(frozen=True, slots=True)
class Pool2dAttrs:
    """Options of the 2-D pools."""

    padding: str = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    kernel_h: int = 1
    kernel_w: int = 1
    activation: str = "NONE"
    pads: Pads | None = None  # instead of padding; TFLite cannot say it, streamed layers need it


TABLE = Table(
    "Pool2DOptions",
    Pool2dAttrs,
    (
        Field("padding", "Padding", PADDING),
        Field("stride_w", "StrideW"),
        Field("stride_h", "StrideH"),
        Field("kernel_w", "FilterWidth"),
        Field("kernel_h", "FilterHeight"),
        Field("activation", "FusedActivationFunction", ACTIVATION),
    ),
)


def windows(op: Op, graph: Graph) -> tuple[Window, Window]:
    """The pool's windows over rows and columns.

    Raises ModelError when the window does not fit.
    """
    given, attrs = operand(op, graph, 0), op.attrs
    if given is None or len(given.shape) != 4:
        raise ModelError("the input must have four dimensions")
    return image_windows(attrs, given.shape, (attrs.kernel_h, attrs.kernel_w), (1, 1))


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """[batch, rows, columns, channels]."""
    rows, columns = windows(op, graph)
    given = graph.tensors[op.inputs[0]]
    return ((given.shape[0], rows.out_size, columns.out_size, given.shape[3]),)


@as_constraint
def window_fits(op: Op, graph: Graph) -> None:
    """The window must fit into the padded input."""
    windows(op, graph)


def counts(op: Op, graph: Graph) -> Array:
    """How many inputs lie inside the window of each output pixel: [rows, columns]."""
    rows, columns = windows(op, graph)
    return np.outer(_taps_inside(rows), _taps_inside(columns))


def average(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Averages of the inputs inside each window, halves away from zero, then clamped."""
    values = inputs[0]
    assert values is not None
    rows, columns = windows(op, graph)
    padded = pad_image(values, rows, columns, 0).astype(np.int64)
    sums = np.zeros(result(op, graph).shape, np.int64)
    for k_y in range(rows.kernel):
        for k_x in range(columns.kernel):
            sums += tap_view(padded, rows, columns, k_y, k_x)
    inside = counts(op, graph)[None, :, :, None]
    rounded = np.sign(sums) * ((np.abs(sums) + inside // 2) // inside)
    return (_clamped(op, graph, rounded),)


def _taps_inside(axis: Window) -> Array:
    return np.array([end - start for start, end in map(axis.taps, range(axis.out_size))])


def maximum(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Greatest inputs inside each window, clamped."""
    values = inputs[0]
    assert values is not None
    rows, columns = windows(op, graph)
    lowest = np.iinfo(values.dtype).min
    padded = pad_image(values, rows, columns, lowest)
    greatest = np.full(result(op, graph).shape, lowest, values.dtype)
    for k_y in range(rows.kernel):
        for k_x in range(columns.kernel):
            np.maximum(greatest, tap_view(padded, rows, columns, k_y, k_x), out=greatest)
    return (_clamped(op, graph, greatest),)


def _clamped(op: Op, graph: Graph, values: Array) -> Array:
    made = result(op, graph)
    return np.clip(values, *_bounds(op, made)).astype(made.dtype.numpy)


def _bounds(op: Op, made: Tensor) -> tuple[int, int]:
    return activation_range(op.attrs.activation, quant_of(made), made.dtype)


def macs(op: Op, graph: Graph) -> int:
    """None: pools do not multiply."""
    return 0


def lower(op: Op, graph: Graph) -> KernelCall:
    """The plain kernel of either pool."""
    name = "average_pool_2d" if op.kind == "AVERAGE_POOL_2D" else "max_pool_2d"
    given, made = graph.tensors[op.inputs[0]], result(op, graph)
    rows, columns = windows(op, graph)
    params = Struct(
        f"tml_{name}_params",
        (
            ("batches", given.shape[0]),
            ("height", window_struct(rows)),
            ("width", window_struct(columns)),
            ("channels", given.shape[3]),
            ("clamp", clamp_struct(_bounds(op, made))),
        ),
    )
    taps = rows.used_taps() * columns.used_taps() * given.shape[0] * given.shape[3]
    call = KernelCall(
        f"tml_{name}_s8",
        f"kernels/{name}/s8.h",
        params,
        (Arg("input", 0), Arg("output", 0)),
        overlaps=(image_overlap(rows, columns, given.shape, made.shape),),
        cost=Cost(
            instructions=3 * taps + 24 * made.elements,
            code_bytes=110 + 90 * is_padded(rows, columns),
        ),
    )
    return of_type(call, "s8" if made.dtype == INT8 else "s16", made.dtype)


_CONSTRAINTS = (
    operand_count(1, 1),
    is_image,
    has_same_quantisation,
    padding_is_known,
    window_fits,
)


EXTENTS = {
    "tml_average_pool_2d_params": images(),
    "tml_max_pool_2d_params": images(),
}

HALVES = {
    "tml_average_pool_2d_params": cut_images(),
    "tml_max_pool_2d_params": cut_images(),
}


def _forms(reference: Callable[..., tuple[Array, ...]]) -> tuple[Form, ...]:
    demands = (is_quantised_per_tensor, activation_is_a_range)
    return tuple(
        Form(name, typed(input=dtype, output=dtype), reference, lower, demands)
        for name, dtype in (("s8", INT8), ("s16", INT16))
    )


_POOLS = (Channels(), ClampsOutput(), Homogeneous(), Scales("same", (8, 16)))

OPS = (
    OpSpec(
        kind="AVERAGE_POOL_2D",
        title="average over windows: any size, stride and padding",
        traits=(Rows(windows, fill=None, can_add_up=True), Unsigned(counts), *_POOLS),
        table=TABLE,
        inputs=("input",),
        constraints=_CONSTRAINTS,
        infer=infer,
        macs=macs,
        forms=(
            *_forms(average),
            pool_form("average_pool_2d", windows),
        ),
    ),
    OpSpec(
        kind="L2_POOL_2D",
        title="root of the average square over windows",
        traits=(),
        table=TABLE,
        inputs=("input",),
        constraints=_CONSTRAINTS,
        infer=infer,
        macs=macs,
        forms=(pool_form("l2_pool_2d", windows),),
    ),
    OpSpec(
        kind="MAX_POOL_2D",
        title="maximum over windows: any size, stride and padding",
        traits=(Rows(windows, fill="lowest"), Unsigned(), *_POOLS),
        table=TABLE,
        inputs=("input",),
        constraints=_CONSTRAINTS,
        infer=infer,
        macs=macs,
        forms=(
            *_forms(maximum),
            pool_form("max_pool_2d", windows),
        ),
    ),
)
