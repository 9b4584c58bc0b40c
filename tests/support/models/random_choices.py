"""Operators that compare and choose values, for random graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.support.models.random_moves import view
from tests.support.models.random_numbers import look_up
from tinyml.ir.dtype import BOOL, INT8, INT32
from tinyml.ir.graph import Quant
from tinyml.ops.lookup import NoAttrs

if TYPE_CHECKING:
    from tests.support.models.growing import Growing

_RELATIONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")


def choose(g: Growing, given: int) -> None:
    """One of them on tensor ``given``; what TFLM does not take is left out by the constraints."""
    makers = (_extreme, _compare, _select, _place, view, view)
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
    if g.finish(g.one_of("ARG_MAX", "ARG_MIN"), (given, axis), NoAttrs(), None, INT32):
        look_up(g, len(g.tensors) - 1)
