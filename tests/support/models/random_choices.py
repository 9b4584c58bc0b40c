"""Operators that compare, choose, repeat and rearrange values, for random graphs."""

from __future__ import annotations

import numpy as np

from tests.support.models.random_cuts import Growing
from tinyml.ir.dtype import BOOL, INT8, INT32
from tinyml.ir.graph import Quant
from tinyml.ops import spec_of
from tinyml.ops.lookup import NoAttrs

_RELATIONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")


def choose(g: Growing, given: int) -> None:
    """One of them on tensor ``given``; what TFLM does not take is left out by the constraints."""
    makers = (_extreme, _compare, _select, _place, _repeat, _blocks, _batches, _mirror)
    makers = (*makers, _pick, _update)
    if g.tensors[given].shape:
        g.one_of(*makers)(g, given)


def _quant(g: Growing, given: int) -> Quant:
    quant = g.tensors[given].quant
    assert quant is not None
    return quant


def _other(g: Growing, given: int) -> int:
    """A second operand: an earlier one that fits, or a constant."""
    shape, quant = g.tensors[given].shape, _quant(g, given)
    fits = [
        i
        for i, tensor in enumerate(g.tensors)
        if tensor.dtype == INT8 and tensor.shape == shape and tensor.quant is not None
    ]
    if g.one_of(True, False):
        return int(g.one_of(*fits))
    sizes = g.one_of((), shape[-1:], (*shape[:-1], 1), shape)
    data = g.rng.integers(-128, 128, sizes).astype(np.int8)
    return g.constant(data, g.one_of(quant, Quant((0.07,), (g.between(-128, 127),))))


def _extreme(g: Growing, given: int) -> None:
    kind, other = g.one_of("MAXIMUM", "MINIMUM"), _other(g, given)
    pair = (given, other) if g.one_of(True, False) else (other, given)
    g.finish(kind, pair, NoAttrs(), _quant(g, given))


def _compare(g: Growing, given: int) -> None:
    g.finish(g.one_of(*_RELATIONS), (given, _other(g, given)), NoAttrs(), None, BOOL)


def _select(g: Growing, given: int) -> None:
    """A choice by a comparison with the same value."""
    if g.finish(g.one_of(*_RELATIONS), (given, _other(g, given)), NoAttrs(), None, BOOL):
        condition = len(g.tensors) - 1
        if g.one_of(True, False) and g.finish("LOGICAL_NOT", (condition,), NoAttrs(), None, BOOL):
            condition += 1
        inputs = (condition, given, _other(g, given))
        g.finish("SELECT_V2", inputs, NoAttrs(), _quant(g, given))


def _place(g: Growing, given: int) -> None:
    rank = len(g.tensors[given].shape)
    axis = g.constant(np.array(g.between(-rank, rank - 1), np.int32), None)
    g.finish(g.one_of("ARG_MAX", "ARG_MIN"), (given, axis), NoAttrs(), None, INT32)


def _repeat(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    wanted = [g.between(1, 3) if size == 1 else size for size in shape]
    sizes = g.constant(np.array([*g.one_of([], [2]), *wanted], np.int32), None)
    g.finish("BROADCAST_TO", (given, sizes), NoAttrs(), _quant(g, given))


def _blocks(g: Growing, given: int) -> None:
    kind = g.one_of("SPACE_TO_DEPTH", "DEPTH_TO_SPACE")
    if len(g.tensors[given].shape) == 4:
        g.finish(kind, (given,), spec_of(kind).attrs(g.between(1, 3)), _quant(g, given))


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
    g.finish(kind, (given, *operands), NoAttrs(), _quant(g, given))


def _mirror(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    attrs = spec_of("MIRROR_PAD").attrs(g.one_of("REFLECT", "SYMMETRIC"))
    widths = [(g.between(0, min(2, size)), g.between(0, min(2, size))) for size in shape]
    sides = g.constant(np.array(widths, np.int32).reshape(-1, 2), None)
    g.finish("MIRROR_PAD", (given, sides), attrs, _quant(g, given))


def _pick(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    depth = g.between(1, len(shape))
    rows = [[g.between(0, size - 1) for size in shape[:depth]] for _ in range(g.between(1, 4))]
    numbers = g.constant(np.array(rows, np.int32), None)
    g.finish("GATHER_ND", (given, numbers), NoAttrs(), _quant(g, given))


def _update(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    sizes = tuple(g.between(1, size) for size in shape)
    block = g.constant(g.rng.integers(-128, 128, sizes).astype(np.int8), _quant(g, given))
    start = g.constant(np.array([g.between(-1, size) for size in shape], np.int32), None)
    g.finish("DYNAMIC_UPDATE_SLICE", (given, block, start), NoAttrs(), _quant(g, given))
