"""RESIZE_NEAREST_NEIGHBOR: every pixel several times, or every n-th of them.

Rows and columns are repeated a whole number of times or left out in regular steps, which the kernel
for slices can do: a step of 0 reads the same pixel again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import (
    has_same_quantisation,
    is_image,
    operand,
    operand_count,
)
from tinyml.ops.forms import Form, Like, typed
from tinyml.ops.moves import MOVED, WHOLE, Walk, lower_walk, whole_numbers
from tinyml.ops.operands import have_one_scale, no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import MovesOnly, Scales, WholeNumbers

RESIZE_NEAREST_NEIGHBOR = "RESIZE_NEAREST_NEIGHBOR"  # its key, for those who build one

SIZE = 1  # operand
_MAX_SIZE = 1 << 20  # as of any dimension of a model


@dataclass(frozen=True, slots=True)
class ResizeAttrs:
    """Options of RESIZE_NEAREST_NEIGHBOR."""

    align_corners: bool = False  # the first and the last pixel stay where they are
    half_pixel_centers: bool = False


TABLE = Table(
    "ResizeNearestNeighborOptions",
    ResizeAttrs,
    (
        Field("align_corners", "AlignCorners", bool),
        Field("half_pixel_centers", "HalfPixelCenters", bool),
    ),
)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """[batch, height, width, channels] with the size that the second operand gives."""
    sizes = whole_numbers(operand(op, graph, SIZE), "sizes are")
    if len(sizes) != 2 or not 1 <= min(sizes) <= max(sizes) <= _MAX_SIZE:
        raise ModelError(f"{list(sizes)} is no height and width")
    batches, _, _, channels = graph.tensors[op.inputs[0]].shape
    return ((batches, *sizes, channels),)


def nearest(size: int, made: int, attrs: ResizeAttrs) -> NDArray[np.int64]:
    """Which of ``size`` input positions each of ``made`` output positions reads.

    Source: TensorFlow Lite, GetNearestNeighbor (reference/resize_nearest_neighbor.h): binary32.
    """
    f32 = np.float32
    is_aligned = attrs.align_corners and made > 1
    scale = f32(size - 1) / f32(made - 1) if is_aligned else f32(size) / f32(made)
    places = np.arange(made, dtype=np.float32)
    moved = (places + f32(0.5 if attrs.half_pixel_centers else 0)) * scale
    found = np.floor(moved + f32(0.5)) if attrs.align_corners else np.floor(moved)
    whole: NDArray[np.int64] = np.clip(found, 0, size - 1).astype(np.int64)
    return whole


def loops(places: NDArray[np.int64]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Positions as two loops of (count, step), the inner of step 0; None when they are irregular.

    The first position is ``places[0]``.
    """
    times = 1
    while times < len(places) and places[times] == places[0]:
        times += 1
    if len(places) % times:
        return None
    distinct = places[::times]
    step = int(distinct[1] - distinct[0]) if len(distinct) > 1 else 0
    if not np.array_equal(places, np.repeat(places[0] + step * np.arange(len(distinct)), times)):
        return None
    return (len(distinct), step), (times, 0)


def is_regular(op: Op, graph: Graph) -> str | None:
    """Rows and columns must be repeated a whole number of times, or left out in equal steps."""
    given = operand(op, graph, 0)
    if given is None or len(given.shape) != 4:
        return None
    try:
        ((_, height, width, _),) = infer(op, graph)
    except ModelError as error:
        return error.message
    for size, made in zip(given.shape[1:3], (height, width), strict=True):
        if loops(nearest(size, made, op.attrs)) is None:
            return f"{list(given.shape[1:3])} to {[height, width]}"
    return None


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The nearest pixel for each pixel of the output."""
    values = inputs[0]
    assert values is not None
    ((_, height, width, _),) = infer(op, graph)
    rows = nearest(values.shape[1], height, op.attrs)
    columns = nearest(values.shape[2], width, op.attrs)
    return (values[:, rows][:, :, columns],)


def lower(op: Op, graph: Graph) -> KernelCall | None:
    """A call of ``tml_slice_s8``."""
    batches, in_height, in_width, channels = graph.tensors[op.inputs[0]].shape
    ((_, height, width, _),) = infer(op, graph)
    rows, columns = (
        nearest(in_height, height, op.attrs),
        nearest(in_width, width, op.attrs),
    )
    along_y, along_x = loops(rows), loops(columns)
    assert along_y is not None
    assert along_x is not None
    row = in_width * channels
    walk = Walk(
        int(rows[0]) * row + int(columns[0]) * channels,
        (batches, *(count for count, _ in (*along_y, *along_x)), channels),
        (
            in_height * row,
            *(step * row for _, step in along_y),
            *(step * channels for _, step in along_x),
            1,
        ),
    )
    return lower_walk(op, graph, walk)


OPS = (
    OpSpec(
        kind=RESIZE_NEAREST_NEIGHBOR,
        title="every pixel several times, or every n-th pixel",
        traits=(MovesOnly("repeat"), Scales("same", (8, 16)), WholeNumbers()),
        table=TABLE,
        inputs=("input", "size"),
        constraints=(
            operand_count(2, 2),
            is_image,
            have_one_scale,
            has_same_quantisation,
            is_regular,
        ),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(input=MOVED - {INT32}, size=WHOLE, output=Like("input")),
                reference,
                lower,
            ),
        ),
    ),
)
