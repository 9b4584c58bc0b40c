"""A few operators on 16-bit values between two QUANTIZE, for random graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinyml.ir.dtype import INT8, INT16, INT32
from tinyml.ir.graph import Quant
from tinyml.ops import spec_of
from tinyml.ops.lookup import NoAttrs

if TYPE_CHECKING:
    from tests.support.models.growing import Growing

_UNIT = Quant((2.0**-15,), (0,))


def widen(g: Growing, given: int) -> None:
    """Tensor ``given`` in 16 bits, up to four operators on it, and back in 8 bits or not."""
    quant = g.tensors[given].quant
    assert quant is not None
    if g.between(0, 5) == 0:
        made = Quant((2.0**-16,), (-32768,))
        g.finish("SOFTMAX", (given,), spec_of("SOFTMAX").attrs(), made, INT16)
        return
    if not g.finish("QUANTIZE", (given,), NoAttrs(), _near(g, quant.scale / 200), INT16):
        return
    for _ in range(g.between(1, 4)):
        last = g.ops[-1].outputs[0]
        if g.tensors[last].dtype == INT16:
            wide_step(g, last)
    last = g.ops[-1].outputs[0]
    if g.tensors[last].dtype == INT16 and g.one_of(True, True, False):
        g.finish("QUANTIZE", (last,), NoAttrs(), g.quant(_scale(g, last) * 200), INT8)


def wide_step(g: Growing, given: int) -> None:
    """One operator on 16-bit values with a scale."""
    if g.tensors[given].quant is None or not g.tensors[given].shape:
        return
    makers = (_weighted, _paired, _mapped, _mapped, _pooled, _reduced, _multiplied, _narrowed)
    makers = (*makers, _inverse_root)
    g.one_of(*makers)(g, given)


def _narrowed(g: Growing, given: int) -> None:
    """Back in 8 bits, or in 32."""
    if g.one_of(True, True, False):
        g.finish("QUANTIZE", (given,), NoAttrs(), g.quant(_scale(g, given) * 200), INT8)
        return
    made = Quant((g.scale(_scale(g, given)),), (0,))
    if g.finish("QUANTIZE", (given,), NoAttrs(), made, INT32) and g.one_of(True, False):
        back = (len(g.tensors) - 1,)
        g.finish("QUANTIZE", back, NoAttrs(), Quant((g.scale(made.scale),), (0,)), INT16)


def _near(g: Growing, scale: float) -> Quant:
    return Quant((g.scale(scale),), (0,))


def _scale(g: Growing, i: int) -> float:
    quant = g.tensors[i].quant
    assert quant is not None
    return quant.scale


def _random(g: Growing, shape: tuple[int, ...]) -> int:
    data = g.rng.integers(-32768, 32768, shape).astype(np.int16)
    return g.constant(data, Quant((g.scale(0.0001),), (0,)))


def _weighted(g: Growing, given: int) -> None:
    shape, filters = g.tensors[given].shape, g.between(1, 6)
    attrs: dict[str, Any] = {"activation": g.one_of("NONE", "RELU", "RELU6")}
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")
    kind = g.one_of(*kinds) if len(shape) == 4 else "FULLY_CONNECTED"
    if kind == "FULLY_CONNECTED":
        form, axis = (filters, shape[-1] if shape else 1), 0
    elif kind != "DEPTHWISE_CONV_2D":
        form, axis = (filters, g.between(1, 3), g.between(1, 3), shape[3]), 0
    else:
        form, axis = (1, g.between(1, 3), g.between(1, 3), shape[3]), 3
    if kind != "FULLY_CONNECTED":
        attrs |= {"padding": g.one_of("SAME", "VALID"), "stride_w": g.between(1, 2)}
    weights = g.weights(form, axis, per_channel=g.one_of(True, False) and len(form) == 4)
    held = g.tensors[weights].quant
    assert held is not None
    scales = np.float32(_scale(g, given)) * np.array(held.scales, np.float32)
    inputs = (given, weights)
    if g.one_of(True, False):
        data = g.rng.integers(-300000, 300000, form[axis], np.int64)
        inputs = (*inputs, g.constant(data, Quant(tuple(scales.tolist()), (0,) * len(scales))))
    if kind == "TRANSPOSE_CONV":
        steps, same = (1, attrs["stride_w"]), attrs["padding"] == "SAME"
        made_of = (
            size * step if same else (size - 1) * step + taps
            for size, step, taps in zip(shape[1:3], steps, form[1:3], strict=True)
        )
        sizes = g.constant(np.array([shape[0], *made_of, filters], np.int32), None)
        inputs = (sizes, weights, given, *inputs[2:])
    depth = int(np.prod(form)) // form[axis]
    made = _near(g, float(scales.mean()) * 60 * depth**0.5)
    g.finish(kind, inputs, spec_of(kind).attrs(**attrs), made, INT16)


def _paired(g: Growing, given: int) -> None:
    kind = g.one_of("ADD", "SUB", "MUL", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM")
    shape = g.tensors[given].shape
    other = given if g.one_of(True, False) else _random(g, g.one_of((), shape[-1:], shape))
    pair = (given, other) if g.one_of(True, False) else (other, given)
    first, second = (_scale(g, i) for i in pair)
    around = max(first, second) * 1.5
    if kind in ("MUL", "SQUARED_DIFFERENCE"):
        around = max(first, second) ** 2 * 20000
    attrs = {} if kind not in ("ADD", "SUB", "MUL") else {"activation": g.one_of("NONE", "RELU")}
    g.finish(kind, pair, spec_of(kind).attrs(**attrs), _near(g, around), INT16)


def _inverse_root(g: Growing, given: int) -> None:
    """Of values that are made positive before."""
    quant = Quant((_scale(g, given),), (0,))
    if g.finish("ABS", (given,), spec_of("ABS").attrs(), quant, INT16):
        last = len(g.tensors) - 1
        made = Quant((g.scale(quant.scale**-0.5 / 1000),), (0,))
        g.finish("RSQRT", (last,), spec_of("RSQRT").attrs(), made, INT16)


def _mapped(g: Growing, given: int) -> None:
    kind = g.one_of(
        *("ABS", "RELU", "RELU6", "LEAKY_RELU", "LOGISTIC", "TANH", "SOFTMAX", "QUANTIZE")
    )
    attrs = {"alpha": g.scale(0.3)} if kind == "LEAKY_RELU" else {}
    made = _near(g, _scale(g, given))
    if kind == "RELU6":
        made = Quant((_scale(g, given),), (0,))
    if kind in ("LOGISTIC", "TANH", "SOFTMAX"):
        made = _UNIT
    g.finish(kind, (given,), spec_of(kind).attrs(**attrs), made, INT16)


def _pooled(g: Growing, given: int) -> None:
    kind = g.one_of("AVERAGE_POOL_2D", "MAX_POOL_2D")
    attrs = spec_of(kind).attrs(
        padding=g.one_of("SAME", "VALID"), kernel_h=g.between(1, 3), kernel_w=g.between(1, 3)
    )
    g.finish(kind, (given,), attrs, g.tensors[given].quant, INT16)


def _reduced(g: Growing, given: int) -> None:
    rank = len(g.tensors[given].shape)
    if rank:
        axis = g.constant(np.array([g.between(-rank, rank - 1)], np.int32), None)
        attrs = spec_of("MEAN").attrs(keep_dims=True)
        made = _near(g, _scale(g, given))
        g.finish(g.one_of("MEAN", "SUM"), (given, axis), attrs, made, INT16)


def _multiplied(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    if len(shape) > 1:
        other = _random(g, (*shape[:-2], shape[-1], g.between(1, 5)))
        around = _scale(g, given) * _scale(g, other) * 30000
        attrs = spec_of("BATCH_MATMUL").attrs()
        g.finish("BATCH_MATMUL", (given, other), attrs, _near(g, around), INT16)
