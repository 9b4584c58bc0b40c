"""Operators that move values of any type, for random graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.ir.dtype import FLOAT32, DType
from tinyml.ir.graph import Array
from tinyml.ops import spec_of
from tinyml.ops.lookup import NoAttrs

if TYPE_CHECKING:
    from tests.support.models.growing import Growing


def move(g: Growing, given: int) -> None:
    """A RESHAPE, a PAD or a CONCATENATION."""
    tensor = g.tensors[given]
    kind = g.one_of("RESHAPE", "PAD", "CONCATENATION")
    inputs: tuple[int, ...] = (given,)
    attrs = spec_of(kind).attrs()
    if kind == "RESHAPE":
        last = tensor.shape[-1] if tensor.shape else 1
        shape = g.one_of(
            (1, tensor.elements), (tensor.elements // last, last), (1, 1, *tensor.shape)
        )
        attrs = spec_of(kind).attrs(new_shape=shape[-4:] if len(shape) > 4 else shape)
    elif kind == "PAD" and tensor.shape:
        widths = [(g.between(0, 2), g.between(0, 2)) for _ in tensor.shape]
        inputs = (given, g.constant(np.array(widths, np.int32).reshape(-1, 2), None))
    elif kind == "CONCATENATION":
        same = [
            i
            for i, t in enumerate(g.tensors)
            if (t.dtype, t.quant) == (tensor.dtype, tensor.quant)
            and i not in g.hidden
            and (i in g.rough) == (given in g.rough)
            and (t.quant is not None or t.data is None)
        ]
        inputs = (given, *(g.one_of(*same) for _ in range(g.between(0, 3))))
        rank = max(1, len(tensor.shape))
        attrs = spec_of(kind).attrs(axis=g.between(-rank, rank - 1))
    g.like(kind, inputs, attrs, given)


def view(g: Growing, given: int) -> None:
    """One of the others on tensor ``given``; what its type does not have is left out."""
    makers = [_repeat, _blocks, _batches, _mirror, _pick, _update, _resize, _same, _padded, _fill]
    if g.is_beyond:
        makers.append(_tile)
    if g.tensors[given].shape:
        g.one_of(*makers)(g, given)


def _random(g: Growing, sizes: tuple[int, ...], dtype: DType) -> Array:
    """Values that any tensor of the type may have."""
    if dtype == FLOAT32:
        return np.asarray(g.rng.uniform(-3, 3, sizes), np.float32)
    return g.rng.integers(0, 2 if dtype.name == "bool" else 100, sizes).astype(dtype.numpy)


def _same(g: Growing, given: int) -> None:
    """SQUEEZE or EXPAND_DIMS: the same values; or zeros in their place."""
    kind, rank = g.one_of("SQUEEZE", "EXPAND_DIMS", "ZEROS_LIKE"), len(g.tensors[given].shape)
    inputs: tuple[int, ...] = (given,)
    if kind == "EXPAND_DIMS":
        inputs = (given, g.constant(np.array([g.between(0, rank)], np.int32), None))
    g.like(kind, inputs, spec_of(kind).attrs(), given)


def _padded(g: Growing, given: int) -> None:
    tensor = g.tensors[given]
    widths = np.array([(g.between(0, 2), g.between(0, 2)) for _ in tensor.shape], np.int32)
    fill = g.constant(_random(g, (1,), tensor.dtype), tensor.quant)
    g.like("PADV2", (given, g.constant(widths.reshape(-1, 2), None), fill), NoAttrs(), given)


def _resize(g: Growing, given: int) -> None:
    if len(g.tensors[given].shape) != 4:
        return
    kind = g.one_of("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
    sizes = g.constant(np.array([g.between(1, 9), g.between(1, 9)], np.int32), None)
    choice = g.one_of((False, False), (True, False), (False, True))
    g.like(kind, (given, sizes), spec_of(kind).attrs(*choice), given)


def _fill(g: Growing, given: int) -> None:
    """A tensor of one value, which is the first of another."""
    rank = len(g.tensors[given].shape)
    firsts, ones = (g.constant(np.full(rank, n, np.int32), None) for n in (0, 1))
    strided = spec_of("STRIDED_SLICE").attrs(shrink_axis_mask=(1 << rank) - 1)
    if g.like("STRIDED_SLICE", (given, firsts, ones, ones), strided, given):
        sizes = g.constant(np.array([g.between(1, 4), g.between(1, 5)], np.int32), None)
        g.like("FILL", (sizes, len(g.tensors) - 2), NoAttrs(), given)


def _tile(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    times = g.constant(np.array([g.between(1, 3) for _ in shape], np.int32), None)
    g.like("TILE", (given, times), NoAttrs(), given)


def _repeat(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    wanted = [g.between(1, 3) if size == 1 else size for size in shape]
    sizes = g.constant(np.array([*g.one_of([], [2]), *wanted], np.int32), None)
    g.like("BROADCAST_TO", (given, sizes), NoAttrs(), given)


def _blocks(g: Growing, given: int) -> None:
    kind = g.one_of("SPACE_TO_DEPTH", "DEPTH_TO_SPACE")
    if len(g.tensors[given].shape) == 4:
        g.like(kind, (given,), spec_of(kind).attrs(g.between(1, 3)), given)


def _batches(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    if len(shape) not in (3, 4):
        return
    kind, axes = g.one_of("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"), len(shape) - 2
    block = [g.between(1, 2) for _ in range(axes)]
    sides = [[0, 0] for _ in range(axes)]
    if kind == "BATCH_TO_SPACE_ND":  # TFLM fills a border with what its memory held
        sides = [[g.between(0, 1), g.between(0, 1)] for _ in range(axes)]
    operands = (g.constant(np.array(data, np.int32), None) for data in (block, sides))
    g.like(kind, (given, *operands), NoAttrs(), given)


def _mirror(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    attrs = spec_of("MIRROR_PAD").attrs(g.one_of("REFLECT", "SYMMETRIC"))
    widths = [(g.between(0, min(2, size)), g.between(0, min(2, size))) for size in shape]
    sides = g.constant(np.array(widths, np.int32).reshape(-1, 2), None)
    g.like("MIRROR_PAD", (given, sides), attrs, given)


def _pick(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    depth = g.between(1, len(shape))
    rows = [[g.between(0, size - 1) for size in shape[:depth]] for _ in range(g.between(1, 4))]
    numbers = g.constant(np.array(rows, np.int32), None)
    g.like("GATHER_ND", (given, numbers), NoAttrs(), given)


def _update(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    sizes = tuple(g.between(1, size) for size in shape)
    tensor = g.tensors[given]
    block = g.constant(_random(g, sizes, tensor.dtype), tensor.quant)
    start = g.constant(np.array([g.between(-1, size) for size in shape], np.int32), None)
    g.like("DYNAMIC_UPDATE_SLICE", (given, block, start), NoAttrs(), given)
