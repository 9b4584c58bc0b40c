"""Channels that never change disappear; every element of every output stays as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.models.small_graphs import GraphBuilder
from tinyml.ir.graph import Graph, check
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.layout import ReshapeAttrs
from tinyml.ops.pool_2d import Pool2dAttrs
from tinyml.ops.reference import outputs
from tinyml.passes import run_passes
from tinyml.passes.drop_channels import drop_channels


def channels(graph: Graph) -> list[int]:
    return [graph.tensors[op.outputs[0]].shape[-1] for op in graph.ops]


def without(b: GraphBuilder, tensor: int, filters: list[int], axis: int) -> None:
    """Sets the weights of some filters to 0."""
    data = b.tensors[tensor].data
    assert data is not None
    changed = np.moveaxis(data.copy(), axis, 0)
    changed[filters] = 0
    changed = np.ascontiguousarray(np.moveaxis(changed, 0, axis))
    changed.flags.writeable = False
    b.tensors[tensor] = replace(b.tensors[tensor], data=changed)


def network(
    seed: int, dead: list[int], zero_point: int, *, depth: int = 1, kernel: int = 3
) -> tuple[GraphBuilder, int]:
    """Image → 1x1 → depthwise → 1x1 → average → dense; some filters of both 1x1 have no weights."""
    b = GraphBuilder(seed)
    quant = (0.05, zero_point)
    image = b.value("image", (1, 6, 6, 4))
    weights = b.weights("first/w", (8, 1, 1, 4), 0, 8)
    without(b, weights, dead, 0)
    first = b.value("first", (1, 6, 6, 8), quant)
    b.op("CONV_2D", (image, weights, b.bias("first/b", 8)), first, Conv2dAttrs(activation="RELU"))
    wide = 8 * depth
    taps = b.weights("deep/w", (1, kernel, kernel, wide), 3, wide)
    deep = b.value("deep", (1, 6, 6, wide), quant)
    attrs = DepthwiseConv2dAttrs(depth_multiplier=depth, activation="RELU")
    b.op("DEPTHWISE_CONV_2D", (first, taps, b.bias("deep/b", wide)), deep, attrs)
    weights = b.weights("second/w", (8, 1, 1, wide), 0, 8)
    without(b, weights, dead, 0)
    second = b.value("second", (1, 6, 6, 8), quant)
    b.op("CONV_2D", (deep, weights, b.bias("second/b", 8)), second, Conv2dAttrs(activation="RELU"))
    pool = b.value("pool", (1, 1, 1, 8), quant)
    b.op("AVERAGE_POOL_2D", (second,), pool, Pool2dAttrs("VALID", 6, 6, 6, 6))
    shape = b.constant("shape", np.array([1, 8], np.int32))
    flat = b.op("RESHAPE", (pool, shape), b.value("flat", (1, 8), quant), ReshapeAttrs((1, 8)))
    dense = b.value("dense", (1, 3), (0.1, 20))
    operands = (flat, b.weights("dense/w", (3, 8), 0, 3), b.bias("dense/b", 3))
    b.op("FULLY_CONNECTED", operands, dense, FullyConnectedAttrs())
    return b, dense


def assert_same(before: Graph, after: Graph) -> None:
    check(after)
    rng = np.random.default_rng(0)
    shape = before.tensors[before.inputs[0]].shape
    extremes = (np.full(shape, value) for value in (-128, 127))
    for values in (*extremes, *(rng.integers(-128, 128, shape) for _ in range(4))):
        sample = (values.astype(np.int8),)
        for wanted, found in zip(outputs(before, sample), outputs(after, sample), strict=True):
            np.testing.assert_array_equal(found, wanted)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 16),
    dead=st.lists(st.integers(0, 7), unique=True, max_size=8),
    zero_point=st.sampled_from((-128, -128, -100, 3, 127)),
    depth=st.sampled_from((1, 1, 2)),
    kernel=st.sampled_from((1, 3)),
)
def test_outputs_stay(seed: int, dead: list[int], zero_point: int, depth: int, kernel: int) -> None:
    b, dense = network(seed, sorted(dead), zero_point, depth=depth, kernel=kernel)
    graph = b.graph((0,), (dense,))
    after = run_passes(graph)
    assert_same(graph, after)
    assert run_passes(after).tensors == after.tensors, "a second run finds nothing more"


def test_filters_without_weights_go_with_all_that_reads_them() -> None:
    """At zero point -128 with RELU and a bias below 0 such a channel is 0, borders or not."""
    b, dense = network(3, [1, 4, 5], -128)
    for name in ("first/b", "second/b", "deep/b"):
        number = next(i for i, tensor in enumerate(b.tensors) if tensor.name == name)
        low = np.full(8, -9000, np.int32)
        low.flags.writeable = False
        b.tensors[number] = replace(b.tensors[number], data=low)
    after = drop_channels(b.graph((0,), (dense,)))
    assert channels(after)[0] <= 5
    assert channels(after)[2:] == [5, 5, 5, 3]
    assert_same(b.graph((0,), (dense,)), after)


def test_a_constant_goes_into_the_bias_where_nothing_is_padded() -> None:
    b, dense = network(5, [0, 7], 3, kernel=1)
    after = drop_channels(b.graph((0,), (dense,)))
    assert channels(after) == [6, 6, 6, 6, 6, 3]
    bias = next(t for t in after.tensors if t.name == "dense/b").data
    was = next(t for t in b.tensors if t.name == "dense/b").data
    assert bias is not None
    assert was is not None
    assert not np.array_equal(bias, was)
    assert_same(b.graph((0,), (dense,)), after)


def test_a_constant_that_padding_breaks_stays() -> None:
    """Next to the border a 3x3 filter sees the constant less often."""
    b = GraphBuilder(2)
    image, made = b.value("image", (1, 5, 5, 3)), b.value("made", (1, 5, 5, 4), (0.0001, 3))
    weights = b.weights("w", (4, 1, 1, 3), 0, 4)
    without(b, weights, [2], 0)
    bias = b.constant("b", np.full(4, 300, np.int32), b.tensors[weights].quant)
    b.op("CONV_2D", (image, weights, bias), made, Conv2dAttrs())
    out = b.value("out", (1, 5, 5, 2))
    operands = (made, b.weights("w2", (2, 3, 3, 4), 0, 2), b.bias("b2", 2))
    b.op("CONV_2D", operands, out, Conv2dAttrs("SAME"))
    assert channels(drop_channels(b.graph((image,), (out,)))) == [4, 2]
    valid = [replace(op, attrs=Conv2dAttrs("VALID")) if op.name == "out" else op for op in b.ops]
    b.ops[:] = valid
    b.tensors[out] = replace(b.tensors[out], shape=(1, 3, 3, 2))
    after = drop_channels(b.graph((image,), (out,)))
    assert channels(after) == [3, 2]
    assert_same(b.graph((image,), (out,)), after)


@pytest.mark.parametrize("reader", ["output", "add", "shared weights"])
def test_channels_stay_where_somebody_else_needs_them(reader: str) -> None:
    b = GraphBuilder(4)
    image, quant = b.value("image", (1, 2, 2, 4)), (0.05, -128)
    weights = b.weights("w", (4, 1, 1, 4), 0, 4)
    without(b, weights, [0, 1], 0)
    low = b.constant("low", np.full(4, -5000, np.int32), None)
    first = b.value("first", (1, 2, 2, 4), quant)
    b.op("CONV_2D", (image, weights, low), first, Conv2dAttrs(activation="RELU"))
    second = b.value("second", (1, 2, 2, 4), quant)
    again = weights if reader == "shared weights" else b.weights("w2", (4, 1, 1, 4), 0, 4)
    b.op("CONV_2D", (first, again, b.bias("b2", 4)), second, Conv2dAttrs())
    made = [second, first] if reader == "output" else [second]
    if reader == "add":
        added = b.value("added", (1, 2, 2, 4), quant)
        made = [b.op("ADD", (first, second), added, BinaryAttrs())]
    graph = b.graph((image,), tuple(made))
    assert channels(drop_channels(graph))[0] == 4
    assert_same(graph, drop_channels(graph))


def test_one_channel_is_left_of_a_layer_that_says_nothing() -> None:
    b, dense = network(6, list(range(8)), -128)
    for number, tensor in enumerate(b.tensors):
        if tensor.name in ("first/b", "second/b"):
            low = np.full(8, -9000, np.int32)
            low.flags.writeable = False
            b.tensors[number] = replace(tensor, data=low)
    after = drop_channels(b.graph((0,), (dense,)))
    assert channels(after) == [1, 1, 1, 1, 1, 3]
    assert_same(b.graph((0,), (dense,)), after)


def _depthwise_on(b: GraphBuilder, given: int, dead: list[int], multiplier: int = 1) -> int:
    """A 3x3 depthwise layer some of whose filters have no weights and a bias far below 0."""
    shape = b.tensors[given].shape
    wide = shape[3] * multiplier
    weights = b.weights(f"dw{given}/w", (1, 3, 3, wide), 3, wide)
    without(b, weights, dead, 3)
    low = np.zeros(wide, np.int32)
    low[dead] = -90000
    bias = b.constant(f"dw{given}/b", low, None)
    made = b.value(f"dw{given}", (*shape[:3], wide), (0.05, -128))
    attrs = DepthwiseConv2dAttrs("SAME", depth_multiplier=multiplier, activation="RELU")
    return b.op("DEPTHWISE_CONV_2D", (given, weights, bias), made, attrs)


def _dense_on(b: GraphBuilder, given: int, dead: list[int]) -> int:
    """A 1x1 convolution that does not look at some of its channels."""
    shape = b.tensors[given].shape
    weights = b.weights(f"dense{given}/w", (5, 1, 1, shape[3]), 0, 5)
    without(b, weights, dead, 3)
    made = b.value(f"dense{given}", (*shape[:3], 5), (0.05, 3))
    return b.op("CONV_2D", (given, weights, b.bias(f"dense{given}/b", 5)), made, Conv2dAttrs())


def _pool_on(b: GraphBuilder, given: int) -> int:
    shape, quant = b.tensors[given].shape, b.tensors[given].quant
    assert quant is not None
    made = b.value(f"pool{given}", (1, 1, 1, shape[3]), (quant.scale, quant.zero_point))
    attrs = Pool2dAttrs("VALID", 1, 1, shape[1], shape[2])
    return b.op("AVERAGE_POOL_2D", (given,), made, attrs)


def _blocks(kind: str) -> Graph:
    """A block in which a channelwise op has dead channels that its input cannot do without."""
    b = GraphBuilder(11)
    image = b.value("image", (1, 6, 6, 4), (0.05, -128))
    if kind == "depthwise on the model input":
        made = _dense_on(b, _depthwise_on(b, image, [1]), [2])
    elif kind == "pool behind a sum":
        other = _dense_on(b, image, [])
        twice = b.value("twice", (1, 6, 6, 5), (0.1, 0))
        b.op("ADD", (other, other), twice, BinaryAttrs())
        made = _dense_on(b, _pool_on(b, twice), [0, 3])
    elif kind == "view of the model input":
        shape = b.constant("shape", np.array([1, 9, 4, 4], np.int32))
        view = b.value("view", (1, 9, 4, 4), (0.05, -128))
        b.op("RESHAPE", (image, shape), view, ReshapeAttrs((1, 9, 4, 4)))
        made = _dense_on(b, view, [0])
    elif kind == "squeeze and excite":
        wide = _depthwise_on(b, _dense_on(b, image, []), [2])
        gate = _dense_on(b, _pool_on(b, wide), [2])
        scaled = b.value("scaled", (1, 6, 6, 5), (0.1, -5))
        b.op("MUL", (wide, gate), scaled, BinaryAttrs())
        made = _dense_on(b, scaled, [1])
    elif kind == "depthwise with a multiplier":
        made = _dense_on(b, _depthwise_on(b, _depthwise_on(b, image, [0], 2), [1, 5], 3), [7, 9])
    else:
        inner = _dense_on(b, image, [])
        made = _pool_on(b, _depthwise_on(b, inner, [0, 1, 2, 3, 4]))
    return b.graph((image,), (made,))


@pytest.mark.parametrize(
    "kind",
    [
        "depthwise on the model input",
        "pool behind a sum",
        "view of the model input",
        "squeeze and excite",
        "depthwise with a multiplier",
        "pool that is an output",
    ],
)
def test_an_output_keeps_the_channels_that_its_input_keeps(kind: str) -> None:
    """Channelwise ops lost output channels that their inputs still had: C overran its buffers."""
    graph = _blocks(kind)
    after = run_passes(graph)
    assert_same(graph, after)
    for op in after.ops:
        if op.kind in ("AVERAGE_POOL_2D", "DEPTHWISE_CONV_2D", "RESHAPE"):
            given, made = (after.tensors[i].shape[-1] for i in (op.inputs[0], op.outputs[0]))
            assert made == given * getattr(op.attrs, "depth_multiplier", 1), op.name
