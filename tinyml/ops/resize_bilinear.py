"""RESIZE_BILINEAR: every output pixel between four input pixels, in steps of 1/1024."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct
from tinyml.ops import float_resize
from tinyml.ops.common import (
    has_same_quantisation,
    is_image,
    operand,
    operand_count,
    result,
)
from tinyml.ops.extents import images
from tinyml.ops.forms import Form, typed
from tinyml.ops.moves import WHOLE
from tinyml.ops.operands import have_one_scale, no_macs
from tinyml.ops.resize_nearest_neighbor import ResizeAttrs, infer
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import Scales, WholeNumbers

ONE = 1 << 10


@dataclass(frozen=True, slots=True)
class Between:
    """One image axis: output o lies at input (o * scale + start) / 1024."""

    in_size: int
    out_size: int
    scale: int
    start: int

    def inputs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """For each output: the input before, the one behind, and its share in 1/1024."""
        position = np.arange(self.out_size) * self.scale + self.start
        near = np.maximum(position, 0) // ONE
        far = np.minimum((position + ONE - 1) // ONE, self.in_size - 1)
        return near, far, np.where(near == far, 0, position % ONE)


TABLE = Table(
    "ResizeBilinearOptions",
    ResizeAttrs,
    (
        Field("align_corners", "AlignCorners", bool),
        Field("half_pixel_centers", "HalfPixelCenters", bool),
    ),
)


def axes(op: Op, graph: Graph) -> tuple[Between, Between]:
    """Rows and columns.

    Source: TensorFlow Lite, ResizeBilinearInteger (reference/resize_bilinear.h).
    Raises ModelError when the sizes make no sense.
    """
    given = graph.tensors[op.inputs[0]].shape
    ((_, height, width, _),) = infer(op, graph)
    made = []
    for size, larger in zip(given[1:3], (height, width), strict=True):
        is_aligned = op.attrs.align_corners and larger > 1
        inputs, outputs = (size - 1, larger - 1) if is_aligned else (size, larger)
        scale = (ONE * inputs + outputs // 2) // outputs
        start = scale // 2 - ONE // 2 if op.attrs.half_pixel_centers else 0
        made.append(Between(size, larger, scale, start))
    return made[0], made[1]


def sizes_make_sense(op: Op, graph: Graph) -> str | None:
    """The size must be constant, and centres and corners not both be aligned."""
    if op.attrs.align_corners and op.attrs.half_pixel_centers:
        return "both"
    try:
        infer(op, graph)
    except ModelError as error:
        return error.message
    return None


def stays_inside(op: Op, graph: Graph) -> str | None:
    """Every output must lie between two inputs."""
    given = operand(op, graph, 0)
    if given is None or len(given.shape) != 4 or sizes_make_sense(op, graph) is not None:
        return None
    both = axes(op, graph)
    if all(axis.inputs()[0].max() < axis.in_size for axis in both):
        return None
    return f"{[axis.in_size for axis in both]} to {[axis.out_size for axis in both]}"


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The four neighbours' weighted sum, rounded with halves away from zero."""
    assert inputs[0] is not None
    values = inputs[0].astype(np.int64)
    rows, columns = axes(op, graph)
    near, far, share = columns.inputs()
    across = values[:, :, near] * (ONE - share)[:, None] + values[:, :, far] * share[:, None]
    near, far, share = rows.inputs()
    share = share[:, None, None]
    sums = across[:, near] * (ONE - share) + across[:, far] * share
    return ((np.sign(sums) * ((np.abs(sums) + (1 << 19)) >> 20)).astype(np.int8),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_resize_bilinear_s8``."""
    batches, _, _, channels = graph.tensors[op.inputs[0]].shape
    rows, columns = axes(op, graph)
    made = result(op, graph)
    params = Struct(
        "tml_resize_bilinear_params",
        (
            ("batches", batches),
            ("height", _axis_struct(rows)),
            ("width", _axis_struct(columns)),
            ("channels", channels),
        ),
    )
    return KernelCall(
        "tml_resize_bilinear_s8",
        "kernels/resize_bilinear/s8.h",
        params,
        (Arg("input", 0), Arg("output", 0)),
        cost=Cost(instructions=22 * made.elements + 25 * made.elements // channels),
    )


def _axis_struct(axis: Between) -> Struct:
    return Struct(
        "tml_between_axis",
        (
            ("in", axis.in_size),
            ("out", axis.out_size),
            ("scale", axis.scale),
            ("start", axis.start),
        ),
    )


EXTENTS = {"tml_resize_bilinear_params": images()}

OPS = (
    OpSpec(
        kind="RESIZE_BILINEAR",
        title="linear interpolation between pixels, to any size",
        traits=(Scales("same"), WholeNumbers()),
        table=TABLE,
        inputs=("input", "size"),
        constraints=(
            operand_count(2, 2),
            is_image,
            have_one_scale,
            has_same_quantisation,
            sizes_make_sense,
        ),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "s8",
                typed(input=INT8, size=WHOLE, output=INT8),
                reference,
                lower,
                (stays_inside,),
            ),
            float_resize.FORM,
        ),
    ),
)
