"""Operators that change values or sizes and are no layer with weights, for random graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.ir.graph import Quant
from tinyml.ops import spec_of
from tinyml.ops.lookup import NoAttrs

if TYPE_CHECKING:
    from tests.support.models.growing import Growing


def change(g: Growing, given: int) -> None:
    """One of them on tensor ``given``; what TFLM does not take is left out by the constraints."""
    makers = (_map, _map, _extreme, _prelu, _squared, _transposed, _divided)
    makers = (*makers, _sum, _normalised)
    if g.tensors[given].shape:
        g.one_of(*makers)(g, given)


def _quant(g: Growing, given: int) -> Quant:
    quant = g.tensors[given].quant
    assert quant is not None
    return quant


def _sum(g: Growing, given: int) -> None:
    """ADD_N of values of one shape and scale, or sums along an axis."""
    tensor, quant = g.tensors[given], _quant(g, given)
    made = Quant((quant.scale * g.one_of(0.5, 2.0, 4.0),), (g.one_of(-128, 0, 5),))
    if g.one_of(True, False):
        alike = g.alike(given)
        inputs = (given, *(g.one_of(*alike) for _ in range(g.between(1, 5))))
        g.finish("ADD_N", inputs, NoAttrs(), made)
        return
    rank = len(tensor.shape)
    axis = g.constant(np.array(g.between(-rank, rank - 1), np.int32), None)
    attrs = spec_of("CUMSUM").attrs(g.one_of(True, False), g.one_of(True, False))
    g.finish("CUMSUM", (given, axis), attrs, made)


def _divided(g: Growing, given: int) -> None:
    """By constants that are not 0: TFLM would divide by it."""
    zero_point = g.between(-128, 127)
    divisors = g.rng.integers(-128, 128, g.one_of((), g.tensors[given].shape[-1:]))
    divisors = np.where(divisors == zero_point, -zero_point - 1, divisors).astype(np.int8)
    other = g.constant(divisors, Quant((g.scale(0.02),), (zero_point,)))
    made = g.quant(_quant(g, given).scale)
    g.finish("DIV", (given, other), spec_of("DIV").attrs(), made)


def _normalised(g: Growing, given: int) -> None:
    if g.one_of(True, False):
        g.finish("LOG_SOFTMAX", (given,), NoAttrs(), Quant((1 / 16,), (127,)))
        return
    attrs = spec_of("L2_NORMALIZATION").attrs()
    g.finish("L2_NORMALIZATION", (given,), attrs, Quant((1 / 128,), (0,)))


def _map(g: Growing, given: int) -> None:
    kind, quant = (
        g.one_of("ABS", "HARD_SWISH", "RSQRT", *["GELU"] * 3 * g.is_beyond),
        _quant(g, given),
    )
    if kind == "RSQRT" and quant.zero_point != -128:
        return  # TFLM stops at values below zero
    made = Quant((quant.scale * g.one_of(0.5, 1.0, 2.0),), (g.one_of(-128, 0, 5),))
    g.finish(kind, (given,), spec_of(kind).attrs(), made)


def _extreme(g: Growing, given: int) -> None:
    kind, rank = g.one_of("REDUCE_MAX", "REDUCE_MIN"), len(g.tensors[given].shape)
    axis = g.constant(np.array([g.between(0, rank - 1)], np.int32), None)
    attrs = spec_of(kind).attrs(keep_dims=g.one_of(True, False))
    g.finish(kind, (given, axis), attrs, _quant(g, given))


def _prelu(g: Growing, given: int) -> None:
    shape, quant = g.tensors[given].shape, _quant(g, given)
    slopes = g.rng.integers(-128, 128, g.one_of(shape[-1:], shape[1:])).astype(np.int8)
    slope = g.constant(slopes, Quant((0.01,), (g.between(-20, 20),)))
    g.finish("PRELU", (given, slope), NoAttrs(), Quant(quant.scales, (g.between(-128, 127),)))


def _squared(g: Growing, given: int) -> None:
    shape, quant = g.tensors[given].shape, _quant(g, given)
    other = g.rng.integers(-128, 128, g.one_of(shape, shape[-1:])).astype(np.int8)
    inputs = (given, g.constant(other, Quant(quant.scales, (g.between(-128, 127),))))
    made = Quant((quant.scale**2 * 60,), (g.one_of(-128, -100),))
    g.finish("SQUARED_DIFFERENCE", inputs, NoAttrs(), made)


def _transposed(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    if len(shape) != 4:
        return
    filters, taps, stride = g.between(1, 5), g.between(1, 4), g.between(1, 2)
    padding = g.one_of("SAME", "VALID")
    rows, columns = (
        size * stride if padding == "SAME" else (size - 1) * stride + taps for size in shape[1:3]
    )
    sizes = g.constant(np.array([shape[0], rows, columns, filters], np.int32), None)
    data = g.rng.integers(-127, 128, (filters, taps, taps, shape[3])).astype(np.int8)
    scales = tuple(np.float32(g.rng.uniform(0.001, 0.01, filters)).tolist())
    weights = g.constant(data, Quant(scales, (0,) * filters))
    made = Quant((_quant(g, given).scale * 0.3 * taps,), (g.between(-128, 127),))
    attrs = spec_of("TRANSPOSE_CONV").attrs(padding, stride, stride)
    g.finish("TRANSPOSE_CONV", (sizes, weights, given), attrs, made)
