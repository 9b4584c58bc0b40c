"""Random small int8 graphs of any supported ops, as a hypothesis strategy.

A graph grows op by op: a kind and an earlier tensor are drawn, then weights, attributes and a
quantisation of the output that does not saturate everything. An op that does not meet its own
constraints (or shape rule) there is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.support.models.cases import Case, Vector
from tests.support.models.growing import Draw, Growing, compact
from tests.support.models.random_changes import change
from tests.support.models.random_choices import choose
from tests.support.models.random_cuts import cut
from tests.support.models.random_floats import float_step, to_floats
from tests.support.models.random_moves import move, view
from tests.support.models.random_numbers import number_step, to_numbers, truth_step
from tests.support.models.random_state import filtered, remember
from tests.support.models.random_wide import wide_step, widen
from tinyml.ir.dtype import BOOL, FLOAT32, INT8, INT16, INT32, INT64, UINT8, DType
from tinyml.ir.graph import Array, Graph, Quant, Tensor
from tinyml.ops import spec_of

_PADDINGS = ("SAME", "VALID")
_ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")
_VECTORS = 3

Step = Callable[[Growing, int], None]


def _convolution(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    if len(shape) != 4:
        return
    kind = g.one_of("CONV_2D", "DEPTHWISE_CONV_2D")
    taps_h, taps_w = g.between(1, 3), g.between(1, 3)
    filters = g.between(1, 6)
    attrs = {
        "padding": g.one_of(*_PADDINGS),
        "stride_h": g.between(1, 2),
        "stride_w": g.between(1, 2),
        "dilation_h": g.one_of(1, 1, 2),
        "dilation_w": g.one_of(1, 1, 2),
        "activation": g.one_of(*_ACTIVATIONS),
    }
    per_channel = g.one_of(True, False)
    if kind == "CONV_2D":
        weights = g.weights((filters, taps_h, taps_w, shape[3]), 0, per_channel=per_channel)
        depth = taps_h * taps_w * shape[3]
    else:
        attrs["depth_multiplier"] = g.between(1, 2)
        filters = shape[3] * attrs["depth_multiplier"]
        weights = g.weights((1, taps_h, taps_w, filters), 3, per_channel=per_channel)
        depth = taps_h * taps_w
    _weighted(g, kind, given, weights, filters, depth, spec_of(kind).attrs(**attrs))


def _fully_connected(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    outputs = g.between(1, 9)
    keeps = g.one_of(True, False) and len(shape) > 1
    features = shape[-1] if keeps or len(shape) == 2 else g.tensors[given].elements
    weights = g.weights((outputs, features), 0, per_channel=False)
    attrs = spec_of("FULLY_CONNECTED").attrs(
        activation=g.one_of(*_ACTIVATIONS), keep_num_dims=keeps
    )
    _weighted(g, "FULLY_CONNECTED", given, weights, outputs, features, attrs)


def _weighted(
    g: Growing, kind: str, given: int, weights: int, filters: int, depth: int, attrs: Any
) -> None:
    bias = g.bias(given, weights, filters)
    first, second = (g.tensors[i].quant for i in (given, weights))
    assert first is not None
    assert second is not None
    around = first.scale * float(np.mean(second.scales)) * 60 * depth**0.5
    # TFLM's DEPTHWISE_CONV_2D crashes on an absent third input, but not on two inputs.
    is_short = bias < 0 and kind == "DEPTHWISE_CONV_2D"
    inputs = (given, weights) if is_short else (given, weights, bias)
    g.finish(kind, inputs, attrs, g.quant(around))


def _pool(g: Growing, given: int) -> None:
    kind = g.one_of("AVERAGE_POOL_2D", "MAX_POOL_2D")
    attrs = spec_of(kind).attrs(
        padding=g.one_of(*_PADDINGS),
        stride_h=g.between(1, 2),
        stride_w=g.between(1, 2),
        kernel_h=g.between(1, 3),
        kernel_w=g.between(1, 3),
        activation=g.one_of(*_ACTIVATIONS),
    )
    g.finish(kind, (given,), attrs, g.tensors[given].quant)


def _mean(g: Growing, given: int) -> None:
    rank = len(g.tensors[given].shape)
    axes = [1, 2] if rank == 4 else [rank - 1]
    axis = g.constant(np.array(axes, np.int32), None)
    quant = g.tensors[given].quant
    assert quant is not None
    attrs = spec_of("MEAN").attrs(keep_dims=g.one_of(True, False))
    g.finish(
        g.one_of("MEAN", "MEAN", "SUM"), (given, axis), attrs, g.one_of(quant, g.quant(quant.scale))
    )


def _binary(g: Growing, given: int) -> None:
    kind = g.one_of("ADD", "SUB", "MUL")
    shape = g.tensors[given].shape
    choice = g.one_of("same", "earlier", "scalar", "channel", "full")
    if choice == "same":
        other = given
    elif choice == "earlier":
        other = g.between(0, len(g.tensors) - 1)
        if g.tensors[other].dtype != INT8 or other in g.hidden:
            return
    else:
        sizes = {"scalar": (), "channel": shape[-1:], "full": shape}[choice]
        other = g.constant(g.bytes(sizes), g.quant())
    pair = (given, other) if g.one_of(True, False) else (other, given)
    first, second = (g.tensors[i].quant for i in pair)
    if first is None or second is None or second.is_per_channel or first.is_per_channel:
        return
    around = max(first.scale, second.scale) * 1.5
    if kind == "MUL":
        around = first.scale * second.scale * 100
    attrs = spec_of(kind).attrs(activation=g.one_of(*_ACTIVATIONS))
    g.finish(kind, pair, attrs, g.quant(around))


def _map(g: Growing, given: int) -> None:
    kind = g.one_of("RELU", "RELU6", "LOGISTIC", "TANH", "SOFTMAX", "QUANTIZE", "ELU", "LEAKY_RELU")
    quant = g.tensors[given].quant
    assert quant is not None
    made = {
        "RELU": g.one_of(quant, g.quant(quant.scale)),
        "RELU6": quant,
        "TANH": Quant((1 / 128,), (0,)),
        "QUANTIZE": g.quant(quant.scale),
        "ELU": g.quant(quant.scale),
        "LEAKY_RELU": g.quant(quant.scale),
    }.get(kind, Quant((1 / 256,), (-128,)))
    slope = {"alpha": g.scale(0.3)} if kind == "LEAKY_RELU" else {}
    g.finish(kind, (given,), spec_of(kind).attrs(**slope), made)


_STEPS: dict[DType, tuple[Step, ...]] = {
    INT8: (
        *(_convolution, _convolution, _fully_connected, _pool, _mean, _binary, _map, _map, move),
        *(cut, change, change, choose, view, remember, filtered, widen, to_floats, to_floats),
        to_numbers,
    ),
    INT16: (*(wide_step,) * 8, to_floats, to_numbers, move, cut, view),
    FLOAT32: (*(float_step,) * 8, to_numbers, move, cut, view),
    INT32: (*(number_step,) * 8, to_numbers, move, cut, view),
    INT64: (*(number_step,) * 8, move, view),
    BOOL: (*(truth_step,) * 4, to_numbers, move, cut, view),
    UINT8: (to_floats, to_numbers, move, view),
}
_MOVES: tuple[Step, ...] = (to_numbers, to_floats, move, cut, view)
_OTHERS = (FLOAT32, INT16, INT32, INT64, BOOL, UINT8)  # types of inputs, beside int8


@st.composite
def cases(draw: Draw, max_ops: int = 5) -> Case:
    """A graph of 1 to ``max_ops`` ops with three input vectors."""
    seed = draw(st.integers(0, 2**32 - 1))
    return grown(Growing(draw, np.random.default_rng(seed)), max_ops, f"g{seed}")


def grown(g: Growing, max_ops: int, name: str) -> Case:
    """The case that comes of a graph which has no tensors yet."""
    for _ in range(g.one_of(1, 1, 2)):
        sizes = (g.one_of(1, 1, 2), g.between(1, 7), g.between(1, 7), g.between(1, 9))
        shape = g.one_of(sizes, sizes, sizes, (1, sizes[3]), sizes[1:], (sizes[3],))
        g.inputs.append(g.value(shape, g.quant()))
        if g.between(0, 3) == 0:
            g.inputs.append(_other_input(g, shape))
    wanted = g.between(1, max_ops)
    for _ in range(3 * wanted):
        if len(g.ops) == wanted:
            break
        runtime = [*g.inputs, *(i for op in g.ops for i in op.outputs)]
        runtime = [i for i in runtime if i not in g.hidden]
        given = runtime[-g.one_of(1, 1, min(2, len(runtime)))]
        tensor = g.tensors[given]
        is_plain = tensor.dtype.is_quantised and tensor.quant is None  # what a CAST makes
        g.one_of(*(_MOVES if is_plain else _STEPS[tensor.dtype]))(g, given)
    read = {i for op in g.ops for i in op.inputs}
    if not read & set(g.inputs) or not {i for op in g.ops for i in op.outputs} - read - g.hidden:
        g.finish("RELU6", (g.inputs[0],), spec_of("RELU6").attrs(), g.tensors[g.inputs[0]].quant)
    graph = compact(g)
    return Case(name, graph, tuple(_vector(g.rng, graph, i) for i in range(_VECTORS)))


def _other_input(g: Growing, shape: tuple[int, ...]) -> int:
    dtype = g.one_of(*_OTHERS)
    quant = {INT16: Quant((g.scale(0.0002),), (0,)), UINT8: Quant((g.scale(),), (128,))}.get(dtype)
    return g.value(shape, quant, dtype)


def _vector(rng: np.random.Generator, graph: Graph, number: int) -> Vector:
    """Uniform values first, then lowest and highest ones, then values near each other."""
    return tuple(_values(rng, graph.tensors[i], number) for i in graph.inputs)


def _values(rng: np.random.Generator, tensor: Tensor, number: int) -> Array:
    shape, dtype = tensor.shape, tensor.dtype
    if dtype == FLOAT32:
        return np.asarray(rng.uniform(-1, 1, shape) * 10.0**number, np.float32)
    if dtype == BOOL:
        return np.asarray(rng.random(shape) < 0.5)
    low, high = dtype.limits if tensor.quant is not None else (-1000, 1000)
    match number:
        case 0:
            values = rng.integers(low, high, shape, endpoint=True)
        case 1:
            values = rng.choice([low, high], shape)
        case _:
            values = rng.integers(-3, 4, shape) + rng.integers(low + 8, high - 7)
    return np.asarray(values, dtype.numpy)
