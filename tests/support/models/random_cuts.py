"""Operators that take tensors apart and put them together, for random graphs; and attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Quant
from tinyml.ops import spec_of
from tinyml.ops.lookup import NoAttrs

if TYPE_CHECKING:
    from tests.support.models.growing import Growing


def cut(g: Growing, given: int) -> None:
    """One of them on tensor ``given``; what TFLM does not take is left out by the constraints."""
    if g.tensors[given].shape:
        makers = (
            _slice,
            _strided_slice,
            _split,
            _unpack,
            _pack,
            _transpose,
            _reverse,
            _product,
            _gather,
        )
        g.one_of(*makers)(g, given)


def _numbers(g: Growing, *values: Sequence[int]) -> tuple[int, ...]:
    return tuple(g.constant(np.array(item, np.int32), None) for item in values)


def _slice(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    begins = [g.between(0, extent - 1) for extent in shape]
    sizes = [
        g.one_of(-1, g.between(1, extent - begin))
        for extent, begin in zip(shape, begins, strict=True)
    ]
    _finish(g, "SLICE", (given, *_numbers(g, begins, sizes)), NoAttrs())


def _strided_slice(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    rank = len(shape)
    begins, ends = ([g.between(-extent, extent) for extent in shape] for _ in range(2))
    steps = [g.one_of(1, 1, 2, 3, -1, -2) for _ in shape]
    masks = [g.between(0, (1 << rank) - 1) for _ in range(3)]
    attrs = spec_of("STRIDED_SLICE").attrs(masks[0], masks[1], masks[2] & g.one_of(0, masks[0]))
    _finish(g, "STRIDED_SLICE", (given, *_numbers(g, begins, ends, steps)), attrs)


def _split(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    axis = g.between(-len(shape), len(shape) - 1)
    extent = shape[axis]
    (at,) = _numbers(g, [axis])
    if g.one_of(True, False):
        count = g.one_of(*(n for n in range(1, extent + 1) if extent % n == 0))
        _finish(g, "SPLIT", (at, given), spec_of("SPLIT").attrs(count))
        return
    first = g.between(1, extent)
    sizes = [first, extent - first] if first < extent else [first]
    inputs = (given, *_numbers(g, sizes), at)
    _finish(g, "SPLIT_V", inputs, spec_of("SPLIT_V").attrs(len(sizes)))


def _unpack(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    axis = g.between(-len(shape), len(shape) - 1)
    _finish(g, "UNPACK", (given,), spec_of("UNPACK").attrs(shape[axis], axis))


def _pack(g: Growing, given: int) -> None:
    count, rank = g.one_of(1, 2, 3, 12), len(g.tensors[given].shape)
    alike = g.alike(given)
    inputs = (given, *(g.one_of(*alike) for _ in range(count - 1)))
    attrs = spec_of("PACK").attrs(g.between(-rank - 1, rank), count)
    _finish(g, "PACK", inputs, attrs)


def _transpose(g: Growing, given: int) -> None:
    order = g.rng.permutation(len(g.tensors[given].shape))
    _finish(g, "TRANSPOSE", (given, *_numbers(g, order.tolist())), NoAttrs())


def _reverse(g: Growing, given: int) -> None:
    rank = len(g.tensors[given].shape)
    first = g.between(0, rank - 1)
    axes = range(first, g.between(first, rank - 1) + 1)
    _finish(g, "REVERSE_V2", (given, *_numbers(g, list(axes))), NoAttrs())


def _gather(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    axis = g.between(-len(shape), len(shape) - 1)
    numbers = [g.between(0, shape[axis] - 1) for _ in range(g.between(1, 5))]
    attrs = spec_of("GATHER").attrs(axis)
    _finish(g, "GATHER", (given, *_numbers(g, numbers)), attrs)


def _product(g: Growing, given: int) -> None:
    """A tensor times itself, as attention does, or times another one that fits."""
    tensor = g.tensors[given]
    if tensor.dtype != INT8 or tensor.quant is None:
        return
    fits = [
        i
        for i, other in enumerate(g.tensors)
        if i not in g.hidden
        and other.dtype == INT8
        and other.quant is not None
        and other.data is None
        and other.shape[-1:] == tensor.shape[-1:]
    ]
    made = g.tensors[given].quant
    assert made is not None
    quant = Quant((made.scale * g.one_of(0.3, 1.0, 4.0),), made.zero_points)
    attrs = spec_of("BATCH_MATMUL").attrs(adj_y=True)
    g.finish("BATCH_MATMUL", (given, g.one_of(given, *fits)), attrs, quant)


def _finish(g: Growing, kind: str, inputs: tuple[int, ...], attrs: Any) -> None:
    given = inputs[1] if kind == "SPLIT" else inputs[0]
    g.like(kind, inputs, attrs, given)
