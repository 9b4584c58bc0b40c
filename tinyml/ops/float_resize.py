"""RESIZE_BILINEAR of float32 images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct, of_elements
from tinyml.ops.common import result
from tinyml.ops.extents import images
from tinyml.ops.forms import Form, typed
from tinyml.ops.moves import WHOLE


@dataclass(frozen=True, slots=True)
class Between:
    """One image axis: output o lies at input o * scale, or at (o + 0.5) * scale - 0.5."""

    in_size: int
    out_size: int
    scale: np.float32
    is_half: bool

    def inputs(self) -> tuple[Array, Array, NDArray[np.float32]]:
        """For each output: the input before, the one behind, and its share.

        Source: TensorFlow Lite, ComputeInterpolationValues (reference/resize_bilinear.h).
        """
        out = np.arange(self.out_size, dtype=np.float32)
        position = out * self.scale
        if self.is_half:
            position = (out + np.float32(0.5)) * self.scale - np.float32(0.5)
        near = np.maximum(np.floor(position).astype(np.int32), 0)
        far = np.minimum(np.ceil(position).astype(np.int32), self.in_size - 1)
        return near, far, np.asarray(position - near.astype(np.float32), np.float32)


def float_axes(op: Op, graph: Graph) -> tuple[Between, Between]:
    """Rows and columns; scales are divided in single precision."""
    given, made = graph.tensors[op.inputs[0]].shape, result(op, graph).shape
    found = []
    for size, larger in zip(given[1:3], made[1:3], strict=True):
        is_aligned = op.attrs.align_corners and larger > 1
        inputs, outputs = (size - 1, larger - 1) if is_aligned else (size, larger)
        scale = np.float32(inputs) / np.float32(outputs)
        found.append(Between(size, larger, np.float32(scale), bool(op.attrs.half_pixel_centers)))
    return found[0], found[1]


def starts_inside(op: Op, graph: Graph) -> str | None:
    """Every output must lie at an input or behind one."""
    both = float_axes(op, graph)
    if all(axis.inputs()[0].max() < axis.in_size for axis in both):
        return None
    return f"{[axis.in_size for axis in both]} to {[axis.out_size for axis in both]}"


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The four neighbours' weighted sum, in the order of TFLM's formula."""
    values = inputs[0]
    assert values is not None
    rows, columns = float_axes(op, graph)
    top, bottom, y = rows.inputs()
    left, right, x = columns.inputs()
    down, across, one = y[:, None, None], x[:, None], np.float32(1.0)
    with np.errstate(all="ignore"):
        made = values[:, top][:, :, left] * (one - down) * (one - across)
        made = made + values[:, bottom][:, :, left] * down * (one - across)
        made = made + values[:, top][:, :, right] * (one - down) * across
        made = made + values[:, bottom][:, :, right] * down * across
    return (np.asarray(made, np.float32),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_resize_bilinear_f32``."""
    batches, _, _, channels = graph.tensors[op.inputs[0]].shape
    rows, columns = (
        Struct(
            "tml_float_axis",
            (("in", axis.in_size), ("out", axis.out_size), ("scale", float(axis.scale))),
        )
        for axis in float_axes(op, graph)
    )
    fields = (
        ("batches", batches),
        ("height", rows),
        ("width", columns),
        ("channels", channels),
        ("is_half", bool(op.attrs.half_pixel_centers)),
    )
    call = KernelCall(
        "tml_resize_bilinear_f32",
        "kernels/resize_bilinear/f32.h",
        Struct("tml_resize_bilinear_params_f32", fields),
        (Arg("input", 0), Arg("output", 0)),
        cost=Cost(30 * result(op, graph).elements),
    )
    return of_elements(call, 4)


FORM = Form(
    "f32",
    typed(input=FLOAT32, size=WHOLE, output=FLOAT32),
    reference,
    lower,
    constraints=(starts_inside,),
)

EXTENTS = {"tml_resize_bilinear_params_f32": images()}
