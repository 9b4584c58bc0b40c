"""A few operators on floats, and the ways there and back, for random graphs.

Nothing that is not a number may come of it: its bits differ from core to core. So roots and
logarithms are of what is positive, divisors are constants, and products are not piled up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.support.models.random_moves import view
from tinyml.ir.dtype import BOOL, FLOAT32, INT8, INT16, INT32
from tinyml.ir.graph import Quant, Tensor
from tinyml.ops import spec_of
from tinyml.ops.lookup import NoAttrs

if TYPE_CHECKING:
    from tests.support.models.growing import Growing

_PLAIN = ("ABS", "NEG", "FLOOR", "CEIL", "ROUND", "RELU", "RELU6", "HARD_SWISH", "SQUARE")
_CURVES = ("LOGISTIC", "TANH", "ELU", "SOFTMAX", "LOG_SOFTMAX", "SIN", "COS", "L2_NORMALIZATION")
_RELATIONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
LARGEST = 1e30  # beyond, a few products later, is what is not a number
_MOST_EXP = 60.0  # e to the power of it is far from infinity
_MOST_ANGLE = 1e4
_LEAST_SCALE, _MOST_SCALE = 1e-4, 1e4  # of what comes back from floats


def to_floats(g: Growing, given: int) -> None:
    """Quantised values, or whole numbers, as floats, and up to three operators on them."""
    if g.tensors[given].quant is not None and g.one_of(True, True, False):
        if not g.finish("DEQUANTIZE", (given,), NoAttrs(), None):
            return
    elif g.finish("CAST", (given,), NoAttrs(), None, FLOAT32):
        g.bounds[len(g.tensors) - 1] = 2.0 ** g.tensors[given].dtype.bits
    else:
        return
    for _ in range(g.between(0, 3)):
        last = g.ops[-1].outputs[0]
        if g.tensors[last].dtype == FLOAT32:
            float_step(g, last)


def float_step(g: Growing, given: int) -> None:
    """One operator on floats."""
    makers = (_plain, _curve, _root, _paired, _paired, _divided, _layer, _layer, _pooled, _reduced)
    makers = (*makers, _compared, _prelu, _back, _back, _extended, _product, view, view, _filtered)
    if g.tensors[given].shape:
        g.one_of(*makers)(g, given)


def _made(g: Growing, kind: str, inputs: tuple[int, ...], attrs: Any, bound: float) -> bool:
    """Adds an op whose floats are at most so far from zero."""
    if bound > LARGEST or not g.finish(kind, inputs, attrs, None, FLOAT32):
        return False
    for i in g.ops[-1].outputs:
        g.bounds[i] = max(bound, 1e-30)
    return True


def _floats(g: Growing, shape: tuple[int, ...], low: float = -2.0, high: float = 2.0) -> int:
    return g.constant(np.asarray(g.rng.uniform(low, high, shape), np.float32), None)


def _plain(g: Growing, given: int) -> None:
    kind, bound = g.one_of(*_PLAIN), g.bound(given)
    bound = {"SQUARE": bound * bound, "RELU6": 6.0}.get(kind, bound + 1.0)
    _made(g, kind, (given,), spec_of(kind).attrs(), bound)


def _curve(g: Growing, given: int) -> None:
    kind, bound = g.one_of(*_CURVES, "EXP", "LEAKY_RELU"), g.bound(given)
    if (kind == "EXP" and bound > _MOST_EXP) or (kind in ("SIN", "COS") and bound > _MOST_ANGLE):
        return
    attrs = {"alpha": g.scale(0.3)} if kind == "LEAKY_RELU" else {}
    bound = {"EXP": np.exp(min(bound, _MOST_EXP)), "LEAKY_RELU": 2.0 * bound}.get(kind, bound + 1.0)
    _made(g, kind, (given,), spec_of(kind).attrs(**attrs), bound)


def _root(g: Growing, given: int) -> None:
    """Of values that are made positive before."""
    bound = g.bound(given)
    if not _made(g, "ABS", (given,), NoAttrs(), bound):
        return
    kind, last = g.one_of("SQRT", "RSQRT", "LOG"), len(g.tensors) - 1
    if kind != "SQRT":
        least = _floats(g, (), 0.01, 1.0)
        if not _made(g, "MAXIMUM", (last, least), NoAttrs(), bound + 1.0):
            return
        last = len(g.tensors) - 1
    _made(g, kind, (last,), NoAttrs(), max(bound, 100.0))


def _paired(g: Growing, given: int) -> None:
    kind = g.one_of("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE")
    shape = g.tensors[given].shape
    other = _floats(g, g.one_of((), shape[-1:], shape))
    if g.one_of(True, False):
        other = g.one_of(*g.alike(given))
    first, second = g.bound(given), g.bound(other)
    bound = {"MUL": first * second, "SQUARED_DIFFERENCE": (first + second) ** 2}
    attrs = {"activation": g.one_of("NONE", "RELU6")} if kind in ("ADD", "SUB", "MUL") else {}
    pair = (given, other) if g.one_of(True, False) else (other, given)
    _made(g, kind, pair, spec_of(kind).attrs(**attrs), bound.get(kind, first + second))


def _divided(g: Growing, given: int) -> None:
    """By constants that are not near 0."""
    kind, shape = g.one_of("DIV", "FLOOR_DIV", "FLOOR_MOD"), g.tensors[given].shape
    sizes = g.one_of((), shape[-1:])
    divisors = g.rng.uniform(0.1, 5.0, sizes) * g.rng.choice([-1, 1], sizes)
    other = g.constant(np.asarray(divisors, np.float32), None)
    _made(g, kind, (given, other), spec_of(kind).attrs(), g.bound(given) * 10 + 5)


def _prelu(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    _made(g, "PRELU", (given, _floats(g, shape[-1:])), NoAttrs(), g.bound(given) * 2)


def _compared(g: Growing, given: int) -> None:
    other = g.one_of(*g.alike(given), _floats(g, ()))
    g.finish(g.one_of(*_RELATIONS), (given, other), NoAttrs(), None, BOOL)


def _layer(g: Growing, given: int) -> None:
    shape, filters = g.tensors[given].shape, g.between(1, 5)
    attrs: dict[str, Any] = {"activation": g.one_of("NONE", "RELU", "RELU6")}
    kind = "FULLY_CONNECTED"
    taps = (g.between(1, 3), g.between(1, 3))
    sizes: tuple[int, ...] = (filters, shape[-1])
    if len(shape) == 4:
        kind = g.one_of("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")
        sizes = (filters, *taps, shape[3])
    if kind == "DEPTHWISE_CONV_2D":
        filters = shape[3]
        sizes = (1, *taps, filters)
    if kind != "FULLY_CONNECTED":
        attrs |= {"padding": g.one_of("SAME", "VALID"), "stride_w": g.between(1, 2)}
    inputs = (given, _floats(g, sizes))
    if g.one_of(True, False):
        inputs = (*inputs, _floats(g, (filters,)))
    if kind == "TRANSPOSE_CONV":
        steps = (1, attrs["stride_w"])
        made = (
            size * step if attrs["padding"] == "SAME" else (size - 1) * step + k
            for size, step, k in zip(shape[1:3], steps, taps, strict=True)
        )
        numbers = np.array([shape[0], *made, filters], np.int32)
        inputs = (g.constant(numbers, None), inputs[1], given, *inputs[2:])
    _made(g, kind, inputs, spec_of(kind).attrs(**attrs), g.bound(given) * 2 * np.prod(sizes) + 2)


def _pooled(g: Growing, given: int) -> None:
    kind = g.one_of("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
    attrs = spec_of(kind).attrs(
        padding=g.one_of("SAME", "VALID"), kernel_h=g.between(1, 3), kernel_w=g.between(1, 3)
    )
    if g.bound(given) < 1e15:
        _made(g, kind, (given,), attrs, g.bound(given))


def _reduced(g: Growing, given: int) -> None:
    kind = g.one_of("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "ARG_MAX", "ARG_MIN")
    rank = len(g.tensors[given].shape)
    axis = g.between(-rank, rank - 1)
    if kind.startswith("ARG"):
        g.finish(kind, (given, g.constant(np.array(axis, np.int32), None)), NoAttrs(), None, INT32)
        return
    attrs = spec_of(kind).attrs(keep_dims=g.one_of(True, False))
    bound = g.bound(given) * g.tensors[given].elements
    _made(g, kind, (given, g.constant(np.array([axis], np.int32), None)), attrs, bound)


def _extended(g: Growing, given: int) -> None:
    """A sum of several tensors, or sums along an axis."""
    rank, bound = len(g.tensors[given].shape), g.bound(given)
    if g.one_of(True, False):
        same = g.alike(given)
        inputs = (given, *(g.one_of(*same) for _ in range(g.between(1, 4))))
        _made(g, "ADD_N", inputs, NoAttrs(), sum(map(g.bound, inputs)))
        return
    axis = g.constant(np.array(g.between(-rank, rank - 1), np.int32), None)
    attrs = spec_of("CUMSUM").attrs(g.one_of(True, False), g.one_of(True, False))
    _made(g, "CUMSUM", (given, axis), attrs, bound * g.tensors[given].elements)


def _product(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    if len(shape) > 1:
        other = g.one_of(given, _floats(g, (*shape[:-2], g.between(1, 4), shape[-1])))
        attrs = spec_of("BATCH_MATMUL").attrs(adj_y=True)
        bound = g.bound(given) * g.bound(other) * shape[-1]
        _made(g, "BATCH_MATMUL", (given, other), attrs, bound)


def _filtered(g: Growing, given: int) -> None:
    """An SVDF, which keeps what it saw in a variable of its own."""
    shape = g.tensors[given].shape
    if len(shape) != 2:
        return
    units, rank, memory = g.between(1, 4), g.between(1, 2), g.between(1, 5)
    weights = (_floats(g, (units * rank, size)) for size in (shape[1], memory))
    kept = (shape[0], memory * units * rank)
    inputs = (
        given,
        *weights,
        _floats(g, (units,)),
        g.add(Tensor(f"v{len(g.tensors)}", FLOAT32, kept, None, None, is_variable=True)),
    )
    g.hidden.add(inputs[-1])
    attrs = spec_of("SVDF").attrs(rank, g.one_of("NONE", "RELU", "RELU6"))
    bound = g.bound(given) * 4 * shape[1] * memory * rank + 2
    _made(g, "SVDF", inputs, attrs, bound)


def _back(g: Growing, given: int) -> None:
    """Floats as quantised values; some are beyond what those can hold."""
    around = g.bound(given) / g.one_of(50, 100, 300)
    if not _LEAST_SCALE < around < _MOST_SCALE:
        return
    if g.one_of(True, True, False):
        g.finish("QUANTIZE", (given,), NoAttrs(), g.quant(around), INT8)
        return
    g.finish("QUANTIZE", (given,), NoAttrs(), Quant((g.scale(around / 200),), (0,)), INT16)
