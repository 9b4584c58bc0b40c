"""Fix-ups of a model: each gives a smaller graph with equal outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.nets.fixed_up import kinds, reshaped, results, same, sequence_layer
from tests.support.nets.float_graphs import FloatBuilder
from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.convert.fixups import prepare
from tinyml.convert.fixups.affine import fold_affine
from tinyml.convert.fixups.constants import fold_constants
from tinyml.convert.fixups.dense import as_fully_connected
from tinyml.convert.fixups.equalize import equalize, pairs_of
from tinyml.convert.fixups.expand import expand_hard_swish, expand_prelu
from tinyml.convert.fixups.fake_quant import adopt_fake_quant
from tinyml.convert.fixups.fuse import fuse_activations, fuse_pads
from tinyml.convert.fixups.identities import drop_identities
from tinyml.convert.fixups.kernelless import replace_kernelless
from tinyml.convert.quality import outputs
from tinyml.convert.quantize import quantize
from tinyml.convert.runners import quantised_runner
from tinyml.convert.values import QuantizeSettings
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Quant
from tinyml.model.options import options
from tinyml.passes.simplify import drop_dead


def test_files_survive_reading_and_writing() -> None:
    b = FloatBuilder()
    image = b.value("image", (1, 4, 4, 2))
    conv = b.conv("conv", image, b.rng.normal(size=(3, 3, 3, 2)), (1, 4, 4, 3))
    shape = b.constant("shape", [1, 48])
    flat = b.value("flat", (1, 48))
    b.op("RESHAPE", (conv, shape), flat, options("ReshapeOptions", NewShape=(1, 48)))
    graph = b.graph((image,), (flat,))
    data = flatfile.write(graph)
    back = flatfile.read("float.tflite", data)
    assert back.ops == graph.ops
    assert back.tensors == graph.tensors
    for one, other in zip(back.tensors, graph.tensors, strict=True):
        assert (one.data is None) == (other.data is None)
        assert one.data is None or np.array_equal(one.data, other.data)
    assert flatfile.write(back) == data


def test_equal_constants_share_a_buffer() -> None:
    def made(count: int) -> bytes:
        b = FloatBuilder()
        value = b.value("x", (1, 500))
        for k in range(count):
            other = b.constant(f"c{k}", np.ones((1, 500)))
            value = b.op("ADD", (value, other), b.value(f"y{k}", (1, 500)), options("AddOptions"))
        return flatfile.write(b.graph((0,), (value,)))

    assert len(made(8)) - len(made(1)) < 2000


@pytest.mark.parametrize("kind", ["WHILE", "IF", "CALL_ONCE"])
def test_control_flow_says_how_to_unroll(kind: str) -> None:
    b = FloatBuilder()
    value = b.value("x", (1, 4))
    b.op(kind, (value,), b.value("loop", (1, 4)))
    data = flatfile.write(b.graph((value,), (1,)))
    with pytest.raises(ModelError, match=rf"control flow.*{kind} 'loop'(?s:.*)unroll=True"):
        flatfile.read("rnn.tflite", data)


def test_any_truncation_of_a_file_is_one_clear_error() -> None:
    b = FloatBuilder()
    value = b.value("x", (1, 4))
    dense = b.dense("dense", value, np.ones((3, 4)))
    data = flatfile.write(b.graph((value,), (dense,)))
    for length in range(0, len(data), 7):
        with pytest.raises(ModelError):
            flatfile.read("cut.tflite", data[:length])


def test_constants_are_computed_and_shapes_known() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 3, 4))
    shape = b.op("SHAPE", (x,), b.value("shape", (3,), INT32), options("ShapeOptions", OutType=2))
    first = b.value("batch", (), INT32)
    operands = (shape, b.constant("b", [0]), b.constant("e", [1]), b.constant("s", [1]))
    b.op("STRIDED_SLICE", operands, first, options("StridedSliceOptions", ShrinkAxisMask=1))
    pack = b.value("size", (2,), INT32)
    b.op(
        "PACK",
        (first, b.constant("twelve", np.int32(12))),
        pack,
        options("PackOptions", ValuesCount=2),
    )
    y = b.op("RESHAPE", (x, pack), b.value("y", (1, 12)))
    graph = b.graph((x,), (y,))
    after = fold_constants(graph)
    assert kinds(after) == ["RESHAPE"]
    assert after.tensors[pack].data is not None
    assert after.tensors[pack].data.tolist() == [1, 12]
    same(graph, after)


@pytest.mark.parametrize("option", ["EllipsisMask", "NewAxisMask"])
def test_slices_with_options_that_nobody_heeds_stay(option: str) -> None:
    """A constant slice with an ellipsis was computed as if it had none."""
    b = FloatBuilder()
    x = b.value("x", (4,))
    data = b.constant("data", np.arange(4.0))
    bounds = (b.constant("b", [1]), b.constant("e", [3]), b.constant("s", [1]))
    table = options("StridedSliceOptions", **{option: 1})
    part = b.op("STRIDED_SLICE", (data, *bounds), b.value("part", (4,)), table)
    y = b.op("ADD", (x, part), b.value("y", (4,)), options("AddOptions"))
    assert kinds(fold_constants(b.graph((x,), (y,)))) == ["STRIDED_SLICE", "ADD"]


def test_identities_and_pairs_go() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 2, 3, 4))
    there = b.value("there", (1, 4, 2, 3))
    b.op("TRANSPOSE", (x, b.constant("p", [0, 3, 1, 2])), there)
    back = b.op("TRANSPOSE", (there, b.constant("q", [0, 2, 3, 1])), b.value("b", (1, 2, 3, 4)))
    flat = b.op("RESHAPE", (back, b.constant("f", [1, 24])), b.value("flat", (1, 24)))
    full = b.op("RESHAPE", (flat, b.constant("g", [1, 2, 3, 4])), b.value("full", (1, 2, 3, 4)))
    none = b.op("PAD", (full, b.constant("n", [[0, 0]] * 4)), b.value("none", (1, 2, 3, 4)))
    y = b.op("RELU", (none,), b.value("y", (1, 2, 3, 4)))
    graph = b.graph((x,), (y,))
    after = drop_identities(graph)
    assert kinds(drop_dead(after)) == ["RELU"]
    same(graph, drop_dead(after))


def test_transposes_that_do_something_stay() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 2, 3, 4))
    y = b.op("TRANSPOSE", (x, b.constant("p", [0, 3, 1, 2])), b.value("y", (1, 4, 2, 3)))
    z = b.op("TRANSPOSE", (y, b.constant("q", [0, 3, 1, 2])), b.value("z", (1, 3, 4, 2)))
    assert kinds(drop_identities(b.graph((x,), (z,)))) == ["TRANSPOSE", "TRANSPOSE"]


def test_batch_normalisation_folds_into_the_layer() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4, 4, 2))
    y = b.conv("conv", x, b.rng.normal(size=(3, 3, 3, 2)), (1, 4, 4, 3))
    factor, offset = b.weights("factor", 3), b.weights("offset", 1, 1, 1, 3)
    y = b.op("MUL", (y, factor), b.value("scaled", (1, 4, 4, 3)), options("MulOptions"))
    held = options("AddOptions", FusedActivationFunction=1)
    y = b.op("ADD", (offset, y), b.value("shifted", (1, 4, 4, 3)), held)
    graph = b.graph((x,), (y,))
    after = fold_affine(graph)
    assert kinds(after) == ["CONV_2D"]
    assert after.ops[0].attrs.get("FusedActivationFunction") == 1
    same(graph, after, 1e-6)


def test_a_value_with_two_readers_is_not_folded() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    y = b.dense("dense", x, b.rng.normal(size=(3, 4)))
    z = b.op("MUL", (y, b.weights("f", 3)), b.value("z", (1, 3)), options("MulOptions"))
    sum_ = b.op("ADD", (y, z), b.value("sum", (1, 3)), options("AddOptions"))
    graph = b.graph((x,), (sum_,))
    assert fold_affine(graph) == graph


@pytest.mark.parametrize(
    ("pads", "folds"),
    [([[0, 0], [0, 1], [0, 1], [0, 0]], True), ([[0, 0], [1, 1], [1, 1], [0, 0]], False)],
)
def test_pads_fold_where_same_padding_means_them(pads: list[list[int]], folds: bool) -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 6, 6, 2))
    rows = 6 + sum(pads[1])
    padded = b.op("PAD", (x, b.constant("pads", pads)), b.value("padded", (1, rows, rows, 2)))
    weights = b.rng.normal(size=(3, 3, 3, 2))
    size = (rows - 3) // 2 + 1
    y = b.conv("conv", padded, weights, (1, size, size, 3), StrideH=2, StrideW=2, Padding=1)
    graph = b.graph((x,), (y,))
    after = fuse_pads(graph)
    assert kinds(after) == (["CONV_2D"] if folds else ["PAD", "CONV_2D"])
    same(graph, after, 1e-6)


def test_activations_fuse() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    y = b.op("RELU6", (b.dense("dense", x, b.rng.normal(size=(3, 4))),), b.value("y", (1, 3)))
    graph = b.graph((x,), (y,))
    after = fuse_activations(graph)
    assert kinds(after) == ["FULLY_CONNECTED"]
    same(graph, after)


def test_activations_stay_behind_a_concatenation() -> None:
    """It has a field for them, which its kernels refuse: such models did not load."""
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    held = options("ConcatenationOptions", Axis=1)
    joined = b.op("CONCATENATION", (x, x), b.value("joined", (1, 8)), held)
    y = b.op("RELU", (joined,), b.value("y", (1, 8)))
    graph = b.graph((x,), (y,))
    same(graph, fuse_activations(graph))
    assert kinds(fuse_activations(graph)) == ["CONCATENATION", "RELU"]


def test_single_pixel_convolutions_and_products_become_fully_connected() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 1, 1, 6))
    y = b.conv("conv", x, b.rng.normal(size=(4, 1, 1, 6)), (1, 1, 1, 4), FusedActivationFunction=1)
    matrix = b.weights("matrix", 4, 3)
    z = b.op("BATCH_MATMUL", (y, matrix), b.value("z", (1, 1, 1, 3)), options("BatchMatMulOptions"))
    graph = b.graph((x,), (z,))
    after = as_fully_connected(graph)
    assert kinds(after) == ["FULLY_CONNECTED", "FULLY_CONNECTED"]
    same(graph, after, 1e-6)


def test_convolutions_of_more_pixels_stay() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 2, 1, 6))
    y = b.conv("conv", x, b.rng.normal(size=(4, 1, 1, 6)), (1, 2, 1, 4))
    assert kinds(as_fully_connected(b.graph((x,), (y,)))) == ["CONV_2D"]


def test_hard_swish_is_a_sum_and_two_products() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 9))
    y = b.op("HARD_SWISH", (x,), b.value("y", (1, 9)), options("HardSwishOptions"))
    graph = b.graph((x,), (y,))
    assert expand_hard_swish(graph, set()) == graph
    after = expand_hard_swish(graph, {y})
    assert kinds(after) == ["ADD", "MUL", "MUL"]
    same(graph, after, 1e-6)


def test_prelu_is_two_sides_of_zero() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 3, 4))
    y = b.op("PRELU", (x, b.weights("slope", 1, 1, 4)), b.value("y", (1, 3, 4)))
    graph = b.graph((x,), (y,))
    assert expand_prelu(graph, set()) == graph
    after = expand_prelu(graph, {y})
    assert kinds(after) == ["RELU", "MINIMUM", "MUL", "ADD"]
    same(graph, after, 1e-6)


def test_fake_quantisation_becomes_the_scale_of_the_value() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    quant = Quant((0.03125,), (-7,))
    down = b.op("QUANTIZE", (x,), b.integers("q", (1, 4), quant), options("QuantizeOptions"))
    up = b.op("DEQUANTIZE", (down,), b.value("dq", (1, 4)), options("DequantizeOptions"))
    y = b.dense("dense", up, b.rng.normal(size=(3, 4)))
    held = options("FakeQuantOptions", Min=-1.0, Max=3.0, NumBits=8)
    z = b.op("RELU", (b.op("FAKE_QUANT", (y,), b.value("fq", (1, 3)), held),), b.value("z", (1, 3)))
    after = adopt_fake_quant(b.graph((x,), (z,)))
    assert kinds(drop_dead(after)) == ["FULLY_CONNECTED", "RELU"]
    assert after.tensors[x].quant == quant
    found = after.tensors[y].quant
    assert found is not None
    assert found.scale == pytest.approx(4 / 255)
    assert found.zero_point == round(-128 + 1 / (4 / 255))


@pytest.mark.parametrize("quantization", ["float32", "int16x8", "int8"])
def test_a_relu_that_trained_scales_stand_for_stays(quantization: str) -> None:
    """With scales from 0 on, onnxruntime's quantiser leaves it out: wide values had none."""
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    y = b.dense("dense", x, b.rng.normal(size=(6, 4)))
    quant = Quant((0.02,), (-128,))
    down = b.op("QUANTIZE", (y,), b.integers("q", (1, 6), quant), options("QuantizeOptions"))
    up = b.op("DEQUANTIZE", (down,), b.value("dq", (1, 6)), options("DequantizeOptions"))
    z = b.dense("last", up, b.rng.normal(size=(3, 6)))
    graph = b.graph((x,), (z,))
    rng = np.random.default_rng(9)
    samples = [(rng.uniform(-1, 1, (1, 4)).astype(np.float32),) for _ in range(4)]
    made = quantize(flatfile.write(graph), samples, QuantizeSettings(quantization)).data
    found = [outputs(quantised_runner(made), sample)[0] for sample in samples]
    assert np.abs(np.stack(found) - results(graph)).max() < 0.1


def test_trained_weights_keep_their_scales() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    quant = Quant((0.5, 0.25, 0.125), (0, 0, 0), 0)
    stored = b.constant("stored", np.arange(12, dtype=np.int8).reshape(3, 4), quant)
    weights = b.op("DEQUANTIZE", (stored,), b.value("w", (3, 4)), options("DequantizeOptions"))
    y = b.op(
        "FULLY_CONNECTED", (x, weights, -1), b.value("y", (1, 3)), options("FullyConnectedOptions")
    )
    after = fold_constants(b.graph((x,), (y,)))
    held = after.tensors[weights]
    assert held.quant == quant
    assert held.data is not None
    assert held.data[2].tolist() == [1.0, 1.125, 1.25, 1.375]


def test_equalising_moves_factors_and_keeps_the_function() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 6, 6, 2))
    first = b.rng.normal(size=(5, 3, 3, 2))
    first[3] *= 500
    y = b.conv("first", x, first, (1, 6, 6, 5), FusedActivationFunction=1)
    y = b.depthwise("middle", y, b.rng.normal(size=(1, 3, 3, 5)), (1, 3, 3, 5), 2)
    flat = b.op("RESHAPE", (y, b.constant("s", [1, 45])), b.value("flat", (1, 45)))
    z = b.dense("last", flat, b.rng.normal(size=(4, 45)))
    graph = b.graph((x,), (z,))
    values = [pair.value for pair in pairs_of(graph)]
    assert [graph.tensors[i].name for i in values] == ["first", "middle"]
    peaks = {values[0]: np.array([1.0, 1, 1, 500, 1]), values[1]: np.array([1.0, 1, 1, 500, 1])}
    after = equalize(graph, peaks)
    same(graph, after, 1e-5)
    weights = after.tensors[after.ops[0].inputs[1]].data
    assert weights is not None
    loud = np.abs(weights).max(axis=(1, 2, 3))
    assert loud.max() / np.median(loud) < 10


def test_relu6_is_no_place_for_factors() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    y = b.dense("one", x, b.rng.normal(size=(3, 4)), FusedActivationFunction=3)
    z = b.dense("two", y, b.rng.normal(size=(3, 3)))
    assert pairs_of(b.graph((x,), (z,))) == ()


def test_prepare_says_what_it_did() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    y = b.op("RELU", (b.dense("dense", x, b.rng.normal(size=(3, 4))),), b.value("relu", (1, 3)))
    z = b.op("RESHAPE", (y, b.constant("s", [1, 3])), b.value("z", (1, 3)))
    unread = b.op("RELU", (y,), b.value("unread", (1, 3)))
    assert unread > 0
    graph = b.graph((x,), (z,))
    after, notes = prepare(graph)
    assert kinds(after) == ["FULLY_CONNECTED"]
    assert notes == (
        "1 RELU without readers, removed",
        "1 RESHAPE without effect, removed",
        "1 RELU fused into the layer before",
    )
    same(graph, after)


def test_names_with_text_of_frameworks_are_left_alone() -> None:
    b = FloatBuilder()
    x = b.value("model/x;model/y", (1, 4))
    y = b.dense("dense;bias;relu", x, b.rng.normal(size=(3, 4)))
    graph = b.graph((x,), (y,))
    assert flatfile.read("m", flatfile.write(graph)).ops[0].name == "dense"
    assert replace(graph, name="x").tensors[x].name == "model/x;model/y"


def tile(b: FloatBuilder, given: int, times: list[int]) -> int:
    shape = tuple(a * t for a, t in zip(b.tensors[given].shape, times, strict=True))
    name = f"tile_{len(b.ops)}"
    return b.op("TILE", (given, b.constant(f"{name}/times", times)), b.value(name, shape))


def test_repeated_rows_and_columns_are_one_resize() -> None:
    """UpSampling2D of Keras 3 comes as two TILE, which have no integer kernel."""
    b = FloatBuilder()
    image = b.value("image", (1, 3, 4, 5))
    rows = tile(b, reshaped(b, image, (1, 3, 1, 4, 5)), [1, 1, 2, 1, 1])
    columns = tile(b, reshaped(b, rows, (1, 6, 4, 1, 5)), [1, 1, 1, 3, 1])
    graph = b.graph((image,), (reshaped(b, columns, (1, 6, 12, 5)),))
    after, notes = prepare(graph)
    assert kinds(after) == ["RESIZE_NEAREST_NEIGHBOR"]
    assert "2 TILE replaced by operators that have integer kernels" in notes
    same(graph, after)


def test_repeated_steps_of_a_sequence_are_a_resize() -> None:
    b = FloatBuilder()
    steps = b.value("steps", (1, 6, 5))
    graph = b.graph(
        (steps,),
        (reshaped(b, tile(b, reshaped(b, steps, (1, 6, 1, 5)), [1, 1, 2, 1]), (1, 12, 5)),),
    )
    after = replace_kernelless(graph)
    assert kinds(after).count("RESIZE_NEAREST_NEIGHBOR") == 1
    assert "TILE" not in kinds(after)
    same(graph, after)


def test_rows_whose_result_is_read_twice_stay_two_resizes() -> None:
    b = FloatBuilder()
    image = b.value("image", (1, 3, 4, 5))
    rows = tile(b, reshaped(b, image, (1, 3, 1, 4, 5)), [1, 1, 2, 1, 1])
    columns = tile(b, reshaped(b, rows, (1, 6, 4, 1, 5)), [1, 1, 1, 3, 1])
    graph = b.graph((image,), (columns, rows))
    after = replace_kernelless(graph)
    assert kinds(after).count("RESIZE_NEAREST_NEIGHBOR") == 2
    same(graph, after)


def test_other_tiles_are_concatenations() -> None:
    b = FloatBuilder()
    image = b.value("image", (1, 3, 2, 5))
    graph = b.graph((image,), (tile(b, image, [1, 2, 1, 3]),))
    after = replace_kernelless(graph)
    assert kinds(after) == ["CONCATENATION", "CONCATENATION"]
    same(graph, after)


def test_tiles_with_too_many_copies_stay() -> None:
    b = FloatBuilder()
    image = b.value("image", (1, 3, 2, 5))
    graph = b.graph((image,), (tile(b, image, [1, 257, 1, 1]),))
    assert replace_kernelless(graph) is graph


def test_a_sign_is_a_product() -> None:
    b = FloatBuilder()
    given = b.value("given", (1, 7))
    graph = b.graph((given,), (b.op("NEG", (given,), b.value("negated", (1, 7))),))
    after = replace_kernelless(graph)
    assert kinds(after) == ["MUL"]
    same(graph, after)


def test_normalisation_behind_a_one_dimensional_layer_folds() -> None:
    """PyTorch's Conv1d and BatchNorm1d stayed three operators, each with a rounding of its own."""
    b = FloatBuilder()
    steps = b.value("steps", (1, 8, 3))
    value = sequence_layer(b, steps)
    shape = b.tensors[value].shape
    for number, kind in enumerate(("MUL", "ADD")):
        operands = (value, b.weights(f"factor_{number}", 1, 1, 4))
        held = options(f"{kind.capitalize()}Options")
        value = b.op(kind, operands, b.value(f"norm_{number}", shape), held)
    value = b.op("RELU", (value,), b.value("relu", shape))
    graph = b.graph((steps,), (value,))
    after, _ = prepare(graph)
    assert kinds(after) == ["RESHAPE", "CONV_2D", "RESHAPE"]
    same(graph, after, tolerance=1e-5)
