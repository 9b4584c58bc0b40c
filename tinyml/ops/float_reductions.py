"""Forms of pools, means and SOFTMAX for float32: sums in a fixed order, as in C."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

import numpy as np

from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, of_elements
from tinyml.ir.shapes import Window
from tinyml.ops.common import result
from tinyml.ops.extents import images, reduction, rows
from tinyml.ops.float_elementwise import LARGEST, float_bounds, float_clamp, has_float_bounds
from tinyml.ops.float_math import Floats, clamp, exp
from tinyml.ops.forms import Form, Types, typed
from tinyml.ops.halves import cut_images, cut_reduction, cut_rows
from tinyml.ops.windows import image_overlap, pad_image, tap_view, window_struct


def pool_form(name: str, windows: Callable[[Op, Graph], tuple[Window, Window]]) -> Form:
    """The form of a pool, by ``tml_<name>_f32``."""

    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        assert inputs[0] is not None
        axes, shape = windows(op, graph), result(op, graph).shape
        with np.errstate(all="ignore"):
            pooled = _POOLED[name]
            made = pooled(np.asarray(inputs[0], np.float32), axes, shape)
        return (clamp(made, *float_bounds(op.attrs.activation)),)

    def lower(op: Op, graph: Graph) -> KernelCall:
        return _lower_pool(op, graph, name, windows(op, graph))

    return Form("f32", typed(input=FLOAT32, output=FLOAT32), reference, lower, (has_float_bounds,))


def _taps(values: Floats, axes: tuple[Window, Window]) -> Iterator[tuple[Floats, Array]]:
    """What each tap of a window sees, in order, and whether it lies inside the image."""
    height, width = axes
    padded = pad_image(values, height, width, 0)
    inside = pad_image(np.ones(values.shape, np.float32), height, width, 0)
    for k_y in range(height.kernel):
        for k_x in range(width.kernel):
            seen, is_inside = (tap_view(x, height, width, k_y, k_x) for x in (padded, inside))
            yield seen, is_inside > 0


def _averages(values: Floats, axes: tuple[Window, Window], shape: tuple[int, ...]) -> Floats:
    sums, count = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for seen, is_inside in _taps(values, axes):
        sums = np.where(is_inside, sums + seen, sums)
        count += is_inside
    return np.asarray(sums / count, np.float32)


def _greatest(values: Floats, axes: tuple[Window, Window], shape: tuple[int, ...]) -> Floats:
    made = np.full(shape, -LARGEST, np.float32)
    for seen, is_inside in _taps(values, axes):
        made = np.where(is_inside & (made < seen), seen, made)
    return made


def _root_of_average_squares(
    values: Floats, axes: tuple[Window, Window], shape: tuple[int, ...]
) -> Floats:
    return np.asarray(np.sqrt(_averages(values * values, axes, shape)), np.float32)


_POOLED = {
    "average_pool_2d": _averages,
    "l2_pool_2d": _root_of_average_squares,
    "max_pool_2d": _greatest,
}


def _lower_pool(op: Op, graph: Graph, name: str, axes: tuple[Window, Window]) -> KernelCall:
    given, made = graph.tensors[op.inputs[0]], result(op, graph)
    height, width = axes
    fields = (
        ("batches", given.shape[0]),
        ("height", window_struct(height)),
        ("width", window_struct(width)),
        ("channels", given.shape[3]),
        ("clamp", float_clamp(op.attrs.activation)),
    )
    taps = height.used_taps() * width.used_taps() * given.shape[0] * given.shape[3]
    call = KernelCall(
        f"tml_{name}_f32",
        f"kernels/{name}/f32.h",
        Struct(f"tml_{name}_params_f32", fields),
        (Arg("input"), Arg("output")),
        overlaps=(image_overlap(height, width, given.shape, made.shape),),
        cost=Cost(5 * taps + 30 * made.elements, 200),
    )
    return of_elements(call, 4)


def mean_form(loops: Callable[[Op, Graph], tuple[int, ...]], axes: Types, *, is_mean: bool) -> Form:
    """The form of MEAN or SUM over ``loops``: sizes kept and reduced in turn, kept first."""

    def divisor(op: Op, graph: Graph) -> float:
        _, outer, _, inner, _ = loops(op, graph)
        return float(outer * inner) if is_mean else 1.0

    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        assert inputs[0] is not None
        sizes = loops(op, graph)
        values = inputs[0].reshape(sizes)
        sums = np.zeros((sizes[0], sizes[2], sizes[4]), np.float32)
        with np.errstate(all="ignore"):
            for outer in range(sizes[1]):
                for inner in range(sizes[3]):
                    sums = sums + values[:, outer, :, inner]
            made = sums / np.float32(divisor(op, graph))
        return (made.reshape(result(op, graph).shape),)

    def lower(op: Op, graph: Graph) -> KernelCall:
        names = ("outer", "outer_reduced", "middle", "inner_reduced", "inner")
        fields = (
            *zip(names, loops(op, graph), strict=True),
            ("divisor", divisor(op, graph)),
        )
        elements = graph.tensors[op.inputs[0]].elements
        call = KernelCall(
            "tml_mean_f32",
            "kernels/mean/f32.h",
            Struct("tml_mean_params_f32", fields),
            (Arg("input"), Arg("output")),
            cost=Cost(5 * elements + 30 * result(op, graph).elements),
        )
        return of_elements(call, 4)

    types = typed(input=FLOAT32, axes=axes, output=FLOAT32)
    return Form("f32", types, reference, lower)


def _softmax(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Exponentials over their sum, which is added up from the first to the last."""
    values = inputs[0]
    assert values is not None
    with np.errstate(all="ignore"):
        made = exp((values - values.max(axis=-1, keepdims=True)) * np.float32(op.attrs.beta))
        sums = np.zeros(made.shape[:-1], np.float32)
        for i in range(made.shape[-1]):
            sums = sums + made[..., i]
        return (np.asarray(made / sums[..., None], np.float32),)


def _lower_softmax(op: Op, graph: Graph) -> KernelCall:
    shape = graph.tensors[op.inputs[0]].shape
    fields = (("rows", prod(shape[:-1])), ("depth", shape[-1]), ("beta", float(op.attrs.beta)))
    call = KernelCall(
        "tml_softmax_f32",
        "kernels/softmax/f32.h",
        Struct("tml_softmax_params_f32", fields),
        (Arg("input"), Arg("output")),
        overlaps=(Overlap(0, 0),),
        cost=Cost(80 * prod(shape)),
    )
    return of_elements(call, 4)


SOFTMAX_FORM = Form("f32", typed(input=FLOAT32, output=FLOAT32), _softmax, _lower_softmax)

EXTENTS = {
    "tml_average_pool_2d_params_f32": images(),
    "tml_l2_pool_2d_params_f32": images(),
    "tml_max_pool_2d_params_f32": images(),
    "tml_mean_params_f32": reduction,
    "tml_softmax_params_f32": rows("rows", "depth", "depth"),
}

HALVES = {
    "tml_average_pool_2d_params_f32": cut_images(),
    "tml_l2_pool_2d_params_f32": cut_images(),
    "tml_max_pool_2d_params_f32": cut_images(),
    "tml_mean_params_f32": cut_reduction,
    "tml_softmax_params_f32": cut_rows("rows", "depth", "depth"),
}
