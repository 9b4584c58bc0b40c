"""Passes make graphs simpler and change no result, element for element."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.models.small_graphs import GraphBuilder, small_network
from tinyml.base.errors import PlanError
from tinyml.conformance.targets import host_board
from tinyml.ir.dtype import FLOAT32, INT32, INT64, UINT8
from tinyml.ir.graph import Array, Graph, Op, Quant
from tinyml.model.support import check_supported
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.layout import ReshapeAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.pack import PackAttrs
from tinyml.ops.reference import outputs
from tinyml.ops.slice import StridedSliceAttrs
from tinyml.ops.split import SplitAttrs, UnpackAttrs
from tinyml.passes import run_passes
from tinyml.plan.planner import plan
from tinyml.plan.verify import verify

QUANT = (0.05, 3)


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph.ops]


def samples(graph: Graph, count: int = 4) -> list[tuple[Array, ...]]:
    rng = np.random.default_rng(11)
    values = []
    for _ in range(count):
        sample = []
        for tensor in (graph.tensors[i] for i in graph.inputs):
            raw = rng.integers(-128, 128, tensor.shape)
            sample.append((raw + 128 if tensor.dtype == UINT8 else raw).astype(tensor.dtype.numpy))
        values.append(tuple(sample))
    return values


def simplified(graph: Graph) -> Graph:
    """The graph after the passes, proven equal on random inputs."""
    after = run_passes(graph)
    for sample in samples(graph):
        before = outputs(graph, sample)
        for expected, found in zip(before, outputs(after, sample), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert [t.name for t in after.tensors[: len(graph.tensors)]] == [t.name for t in graph.tensors]
    assert run_passes(after).ops == after.ops, "a second run finds nothing more"
    return after


def test_padding_and_activation_disappear_into_the_convolution() -> None:
    after = simplified(small_network())
    expected = ["CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"]
    assert kinds(after) == expected
    assert after.ops[0].attrs == Conv2dAttrs("SAME", 2, 2, activation="RELU")
    assert [after.tensors[i].name for i in after.ops[0].outputs] == ["relu"]


def test_constants_are_computed() -> None:
    """The value of a reshaped, activated constant is known; the reader of it stays."""
    b = GraphBuilder()
    x = b.value("x", (2, 2), QUANT)
    held = b.constant("c", np.array([-100, 5, 60, 120], np.int8), b.tensors[x].quant)
    square = b.op("RESHAPE", (held,), b.value("s", (2, 2), QUANT), ReshapeAttrs((2, 2)))
    relu = b.op("RELU", (square,), b.value("r", (2, 2), QUANT), NoAttrs())
    y = b.op("ADD", (x, relu), b.value("y", (2, 2), (0.1, 0)), BinaryAttrs())
    after = simplified(b.graph((x,), (y,)))
    assert kinds(after) == ["ADD"]
    np.testing.assert_array_equal(after.tensors[relu].data, [[3, 5], [60, 120]])


def test_a_constant_model_output_stays_computed() -> None:
    b = GraphBuilder()
    x = b.value("x", (4,), QUANT)
    held = b.constant("c", np.array([-100, 5, 60, 120], np.int8), b.tensors[x].quant)
    y = b.op("RELU", (held,), b.value("y", (4,), QUANT), NoAttrs())
    assert kinds(simplified(b.graph((x,), (y,)))) == ["RELU"]


def test_a_constant_output_of_64_bits_is_copied() -> None:
    """It had no place in memory: the copy of it took no more than 32 bits."""
    b = GraphBuilder()
    x = b.value("x", (1, 5), None, INT64)
    zeros = b.op("ZEROS_LIKE", (x,), b.value("z", (1, 5), None, INT64), NoAttrs())
    y = b.op("RESHAPE", (zeros,), b.value("y", (5,), None, INT64), ReshapeAttrs((5,)))
    after = simplified(b.graph((x,), (y,)))
    assert kinds(after) == ["SLICE"]


def test_one_element_that_fills_one_is_a_view() -> None:
    """FILL had no kernel then, and the planner took the sizes for what is handed on."""
    b = GraphBuilder()
    x = b.value("x", (), QUANT)
    sizes = b.constant("sizes", np.array([1, 1], np.int32), None)
    y = b.op("FILL", (sizes, x), b.value("y", (1, 1), QUANT), NoAttrs())
    assert kinds(simplified(b.graph((x,), (y,)))) == ["RESHAPE"]


def test_a_long_pack_of_constants_is_an_output() -> None:
    """Whether its kernel reads them was asked of a kernel that it does not have."""
    b = GraphBuilder()
    x = b.value("x", (2,), None, INT32)
    held = b.constant("c", np.array([3, 4], np.int32), None)
    y = b.op("PACK", (held,) * 12, b.value("y", (12, 2), None, INT32), PackAttrs(0, 12))
    graph = b.graph((x,), (y,))
    (found,) = outputs(run_passes(graph), samples(graph)[0])
    np.testing.assert_array_equal(found, np.tile([3, 4], (12, 1)))


def test_numbers_without_scale_are_put_together() -> None:
    """A PACK of more than ten became a CONCATENATION that asked for scales."""
    b = GraphBuilder()
    x = b.value("x", (2,), None, INT32)
    cast = b.op("CAST", (x,), b.value("c", (2,), None), NoAttrs())
    y = b.op("PACK", (cast,) * 12, b.value("y", (12, 2), None), PackAttrs(0, 12))
    assert kinds(simplified(b.graph((x,), (y,))))[-1] == "CONCATENATION"


def test_dead_ops_disappear() -> None:
    b = GraphBuilder()
    x = b.value("x", (4,), QUANT)
    dead = b.op("TANH", (x,), b.value("dead", (4,), (1 / 128, 0)), NoAttrs())
    b.op("RELU", (dead,), b.value("deader", (4,), (1 / 128, 0)), NoAttrs())
    y = b.op("RELU", (x,), b.value("y", (4,), QUANT), NoAttrs())
    assert [op.name for op in simplified(b.graph((x,), (y,))).ops] == ["y"]


def test_requantising_to_the_same_scale_disappears() -> None:
    b = GraphBuilder()
    x = b.value("x", (4,), QUANT)
    same = b.op("QUANTIZE", (x,), b.value("same", (4,), QUANT), NoAttrs())
    y = b.op("TANH", (same,), b.value("y", (4,), (1 / 128, 0)), NoAttrs())
    after = simplified(b.graph((x,), (y,)))
    assert kinds(after) == ["TANH"]
    assert after.ops[0].inputs == (x,)


def test_requantising_to_another_scale_stays() -> None:
    b = GraphBuilder()
    x = b.value("x", (4,), QUANT)
    other = b.op("QUANTIZE", (x,), b.value("other", (4,), (0.06, 3)), NoAttrs())
    y = b.op("TANH", (other,), b.value("y", (4,), (1 / 128, 0)), NoAttrs())
    assert kinds(simplified(b.graph((x,), (y,)))) == ["QUANTIZE", "TANH"]


def test_a_pair_that_undoes_itself_disappears() -> None:
    """int8 → float → int8 with one scale; both ops go, for nobody else reads the float."""
    b = GraphBuilder()
    x = b.value("x", (4,), QUANT)
    real = b.op("DEQUANTIZE", (x,), b.value("real", (4,), None, FLOAT32), NoAttrs())
    back = b.op("QUANTIZE", (real,), b.value("back", (4,), QUANT), NoAttrs())
    y = b.op("TANH", (back,), b.value("y", (4,), (1 / 128, 0)), NoAttrs())
    assert kinds(simplified(b.graph((x,), (y,)))) == ["TANH"]


def test_a_pair_without_effect_before_an_output() -> None:
    """The first op of the pair went on reading a tensor that nobody wrote any more."""
    b = GraphBuilder()
    x = b.value("x", (4,))
    made = b.op("TANH", (x,), b.value("made", (4,), (1 / 128, 0)), NoAttrs())
    bytes_ = b.op("QUANTIZE", (made,), b.value("u", (4,), (1 / 128, 128), UINT8), NoAttrs())
    back = b.op("QUANTIZE", (bytes_,), b.value("back", (4,), (1 / 128, 0)), NoAttrs())
    assert kinds(simplified(b.graph((x,), (back,)))) == ["TANH"]
    assert kinds(simplified(b.graph((x,), (back, bytes_)))) == ["TANH", "QUANTIZE"]


def test_an_identity_before_a_model_output_lets_its_maker_write_it() -> None:
    b = GraphBuilder()
    x = b.value("x", (4,), QUANT)
    middle = b.op("TANH", (x,), b.value("middle", (4,), (1 / 128, 0)), NoAttrs())
    y = b.op("QUANTIZE", (middle,), b.value("y", (4,), (1 / 128, 0)), NoAttrs())
    after = simplified(b.graph((x,), (y,)))
    assert [(op.kind, op.outputs) for op in after.ops] == [("TANH", (y,))]


def test_an_identity_between_model_input_and_output_stays() -> None:
    b = GraphBuilder()
    x = b.value("x", (4,), QUANT)
    y = b.op("RESHAPE", (x,), b.value("y", (4,), QUANT), ReshapeAttrs((4,)))
    assert kinds(simplified(b.graph((x,), (y,)))) == ["RESHAPE"]


@pytest.mark.parametrize(
    ("conv_quant", "relu_quant", "kind", "fused"),
    [
        ((0.04, -128), (0.04, -128), "RELU", True),
        ((0.04, -7), (0.04, -7), "RELU", True),
        ((0.04, -7), (0.04, -7), "RELU6", True),
        ((0.01, -7), (0.01, -7), "RELU6", True),
        ((0.04, -7), (0.02, -128), "RELU", False),
        ((0.04, -7), (0.04, -8), "RELU", False),
    ],
)
def test_activations_fuse_only_where_they_clamp(
    conv_quant: tuple[float, int], relu_quant: tuple[float, int], kind: str, fused: bool
) -> None:
    graph = conv_and(conv_quant, relu_quant, kind)
    assert kinds(simplified(graph)) == (["CONV_2D"] if fused else ["CONV_2D", kind])


def conv_and(conv: tuple[float, int], relu: tuple[float, int], kind: str) -> Graph:
    b = GraphBuilder()
    x = b.value("x", (1, 4, 4, 3), (0.05, 3))
    operands = (x, b.weights("w", (6, 1, 1, 3), 0, 6), b.bias("b", 6))
    made = b.op("CONV_2D", operands, b.value("c", (1, 4, 4, 6), conv), Conv2dAttrs("VALID"))
    y = b.op(kind, (made,), b.value("y", (1, 4, 4, 6), relu), NoAttrs())
    return b.graph((x,), (y,))


def test_what_else_is_read_is_not_fused() -> None:
    graph = conv_and((0.04, -7), (0.04, -7), "RELU")
    both = dataclasses.replace(graph, outputs=(*graph.outputs, graph.ops[0].outputs[0]))
    assert kinds(simplified(both)) == ["CONV_2D", "RELU"]


PADS = st.tuples(st.integers(0, 3), st.integers(0, 3))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    pads=st.tuples(PADS, PADS),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    depthwise=st.booleans(),
)
def test_fused_padding_is_exact(
    sizes: tuple[int, int],
    pads: tuple[tuple[int, int], tuple[int, int]],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    depthwise: bool,
) -> None:
    padded = [size + sum(pad) for size, pad in zip(sizes, pads, strict=True)]
    out = [(padded[i] - (kernel[i] - 1) * dilation[i] - 1) // stride[i] + 1 for i in range(2)]
    assume(min(out) >= 1)
    b = GraphBuilder()
    x = b.value("x", (1, *sizes, 2))
    amounts = b.constant("pads", np.array([(0, 0), *pads, (0, 0)], np.int32))
    middle = b.op("PAD", (x, amounts), b.value("p", (1, *padded, 2)), NoAttrs())
    y = b.value("y", (1, *out, 2), (0.04, 1))
    shared: dict[str, Any] = {"padding": "VALID", "stride_h": stride[0], "stride_w": stride[1]}
    shared |= {"dilation_h": dilation[0], "dilation_w": dilation[1]}
    if depthwise:
        weights = b.weights("w", (1, *kernel, 2), 3, 2)
        b.op("DEPTHWISE_CONV_2D", (middle, weights, -1), y, DepthwiseConv2dAttrs(**shared))
    else:
        weights = b.weights("w", (2, *kernel, 2), 0, 2)
        b.op("CONV_2D", (middle, weights, -1), y, Conv2dAttrs(**shared))
    simplified(b.graph((x,), (y,)))


def test_a_split_becomes_slices() -> None:
    b = GraphBuilder()
    given = b.value("x", (1, 6), QUANT)
    axis = b.constant("axis", np.array([1], np.int32))
    parts = tuple(b.value(name, (1, 3), QUANT) for name in ("left", "right"))
    b.ops.append(Op("SPLIT", "left", (axis, given), parts, SplitAttrs(2)))
    after = simplified(b.graph((given,), parts))
    assert [(op.kind, op.name) for op in after.ops] == [
        ("STRIDED_SLICE", "left"),
        ("STRIDED_SLICE", "right"),
    ]


def test_a_long_pack_becomes_packs_and_a_concatenation() -> None:
    b = GraphBuilder()
    given = tuple(b.value(f"x{k}", (1, 3), QUANT) for k in range(12))
    out = b.op("PACK", given, b.value("y", (1, 12, 3), QUANT), PackAttrs(1, 12))
    after = simplified(b.graph(given, (out,)))
    assert kinds(after) == ["PACK", "PACK", "CONCATENATION"]
    assert [len(op.inputs) for op in after.ops] == [10, 2, 2]


@pytest.mark.parametrize(("step", "left"), [(1, ["RELU6"]), (-1, ["STRIDED_SLICE", "RELU6"])])
def test_a_slice_of_everything_disappears(step: int, left: list[str]) -> None:
    b = GraphBuilder()
    given = b.value("x", (5,), QUANT)
    ends = (b.constant(f"c{k}", np.array([k], np.int32)) for k in (0, 1, step))
    masks = StridedSliceAttrs(begin_mask=1, end_mask=1)
    taken = b.op("STRIDED_SLICE", (given, *ends), b.value("part", (5,), QUANT), masks)
    out = b.op("RELU6", (taken,), b.value("y", (5,), QUANT), NoAttrs())
    assert kinds(simplified(b.graph((given,), (out,)))) == left


def test_planning_asks_for_the_passes() -> None:
    b = GraphBuilder()
    given = b.value("x", (2, 3), QUANT)
    parts = tuple(b.value(name, (3,), QUANT) for name in ("first", "second"))
    b.ops.append(Op("UNPACK", "first", (given,), parts, UnpackAttrs(2, 0)))
    with pytest.raises(PlanError, match=r"'first' \(UNPACK\) has no kernel of its own") as caught:
        plan(b.graph((given,), parts), host_board())
    assert caught.value.hint == "run the passes (tinyml.passes.run_passes) before planning."


@pytest.mark.parametrize("axis", range(5))
@pytest.mark.parametrize("kind", ["UNPACK", "SPLIT"])
def test_five_dimensions_are_cut_as_three(kind: str, axis: int) -> None:
    """What stands for a cut of five dimensions was refused behind the pass: a slice takes four."""
    b = GraphBuilder()
    shape = (2, 4, 2, 6, 2)
    given = b.value("given", shape)
    count = shape[axis] if kind == "UNPACK" else 2
    kept = [shape[axis] // 2] if kind == "SPLIT" else []
    part = (*shape[:axis], *kept, *shape[axis + 1 :])
    made = tuple(b.value(f"part{n}", part) for n in range(count))
    at = b.constant("axis", np.array([axis], np.int32))
    inputs = (given,) if kind == "UNPACK" else (at, given)
    attrs = UnpackAttrs(count, axis) if kind == "UNPACK" else SplitAttrs(count)
    b.ops.append(Op(kind, "cut", inputs, made, attrs))
    graph = b.graph((given,), made)
    check_supported(graph)
    simple = run_passes(graph)
    sample = (np.arange(192, dtype=np.int64).reshape(shape).astype(np.int8),)
    for wanted, found in zip(outputs(graph, sample), outputs(simple, sample), strict=True):
        np.testing.assert_array_equal(wanted, found)
    verify(plan(simple, host_board()), host_board())


@pytest.mark.parametrize(("rows", "is_folded"), [(16, True), (600, False)])
def test_what_repeats_a_constant_takes_no_flash(rows: int, is_folded: bool) -> None:
    """A FILL of 1 MB would have been 1 MB of the image, where a loop writes it."""
    b = GraphBuilder()
    given = b.value("given", (rows, 16), QUANT)
    shape = b.constant("shape", np.array([rows, 16], np.int32))
    value = b.constant("value", np.array(7, np.int8), Quant((0.05,), (3,)))
    full = b.op("FILL", (shape, value), b.value("full", (rows, 16), QUANT), NoAttrs())
    made = b.op("MAXIMUM", (given, full), b.value("made", (rows, 16), QUANT), NoAttrs())
    after = simplified(b.graph((given,), (made,)))
    assert kinds(after) == (["MAXIMUM"] if is_folded else ["FILL", "MAXIMUM"])
