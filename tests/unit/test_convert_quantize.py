"""The quantiser: types at the border, mixed widths, ranges, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.nets.digit_nets import data_of, digits, mobilenet_v3, plain_cnn
from tests.support.nets.float_graphs import FloatBuilder
from tests.support.running.tflm import needs_tflm
from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.convert.choices import RANGES
from tinyml.convert.formats import kept_tensors
from tinyml.convert.quality import outputs
from tinyml.convert.quantize import quantize
from tinyml.convert.ranges import (
    Observer,
    chosen_range,
    dequantize,
    quant_of_range,
)
from tinyml.convert.ranges import quantize as to_integers
from tinyml.convert.runners import float_runner, quantised_runner, tflm_runner
from tinyml.convert.values import QuantizeSettings
from tinyml.convert.weights import corrected_bias, fitted_to_bias, weight_quant
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Quant, Tensor
from tinyml.model.file import model_file
from tinyml.model.options import options
from tinyml.model.reader import load


def needs_litert() -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert (extra 'convert') is missing")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")


def made_of(graph: Graph, settings: QuantizeSettings) -> bytes:
    return quantize(data_of(graph), digits()[0].images[:40], settings).data


def agreement(graph: Graph, data: bytes) -> float:
    """How often the integer model decides as the float one, in TFLM where it loads."""
    exact, found = float_runner(data_of(graph)), tflm_runner(data)
    assert found is not None, "TensorFlow Lite Micro refuses the model"
    samples = digits()[1].images[:60]
    alike = [
        outputs(exact, sample)[0].argmax() == outputs(found, sample)[0].argmax()
        for sample in samples
    ]
    return float(np.mean(alike))


@needs_tflm
@pytest.mark.parametrize("quantization", ["int8", "int8-per-tensor", "int16x8"])
@pytest.mark.parametrize("io", ["int8", "float32"])
def test_types_at_the_border(quantization: str, io: str) -> None:
    needs_litert()
    data = made_of(plain_cnn(), QuantizeSettings(quantization, io))
    graph = flatfile.read("m", data)
    wanted = {"float32": "float32"}.get(io, "int16" if quantization == "int16x8" else "int8")
    assert [graph.tensors[i].dtype.name for i in (*graph.inputs, *graph.outputs)] == [wanted] * 2
    assert [graph.tensors[i].name for i in (*graph.inputs, *graph.outputs)] == ["image", "dense"]
    assert agreement(plain_cnn(), data) >= 0.95


@needs_tflm
def test_uint8_is_int8_moved_by_128() -> None:
    needs_litert()
    signed = flatfile.read("m", made_of(plain_cnn(), QuantizeSettings()))
    data = made_of(plain_cnn(), QuantizeSettings(io="uint8"))
    graph = flatfile.read("m", data)
    for i, k in zip(
        (*graph.inputs, *graph.outputs), (*signed.inputs, *signed.outputs), strict=True
    ):
        one, other = graph.tensors[i].quant, signed.tensors[k].quant
        assert graph.tensors[i].dtype.name == "uint8"
        assert one is not None
        assert other is not None
        assert one == replace(other, zero_points=(other.zero_point + 128,))
    assert agreement(plain_cnn(), data) >= 0.95


def test_the_default_is_what_the_compiler_wants() -> None:
    needs_litert()
    graph = load(model_file("m.tflite", made_of(plain_cnn(), QuantizeSettings())))
    assert [op.kind for op in graph.ops] == ["CONV_2D", "CONV_2D", "RESHAPE", "FULLY_CONNECTED"]
    for op in (graph.ops[0], graph.ops[1], graph.ops[3]):
        weights = graph.tensors[op.inputs[1]]
        assert weights.quant is not None
        assert len(weights.quant.scales) == weights.shape[0]
        assert weights.data is not None
        assert weights.data.min() >= -127


def test_per_tensor_has_one_scale_per_layer() -> None:
    needs_litert()
    graph = flatfile.read("m", made_of(plain_cnn(), QuantizeSettings("int8-per-tensor")))
    assert all(len(tensor.quant.scales) == 1 for tensor in graph.tensors if tensor.quant)


def test_the_same_input_gives_the_same_bytes() -> None:
    needs_litert()
    assert made_of(plain_cnn(), QuantizeSettings()) == made_of(plain_cnn(), QuantizeSettings())


@needs_tflm
def test_a_kept_layer_is_wide_until_it_was_used() -> None:
    needs_litert()
    data = made_of(plain_cnn(), QuantizeSettings(keep_int16=("first",)))
    graph = flatfile.read("m", data)
    widths = {tensor.name: tensor.dtype.name for tensor in graph.tensors if not tensor.is_constant}
    assert widths["first"] == widths["second"] == "int16"
    assert widths["flat"] == widths["dense"] == "int8"
    assert [op.kind for op in graph.ops].count("QUANTIZE") == 2
    assert agreement(plain_cnn(), data) >= 0.95


@needs_tflm
def test_a_kept_hard_swish_is_taken_apart() -> None:
    needs_litert()
    data = made_of(mobilenet_v3(), QuantizeSettings(keep_int16=("stem_swish",)))
    kinds = [op.kind for op in flatfile.read("m", data).ops]
    assert kinds.count("HARD_SWISH") == 2
    assert agreement(mobilenet_v3(), data) >= 0.95


def test_patterns_name_several_layers() -> None:
    needs_litert()
    graph = mobilenet_v3()
    names = {graph.tensors[i].name for i in kept_tensors(graph, ("*_swish",))}
    assert names == {"stem_swish", "expand_swish", "depthwise_swish"}


@pytest.mark.parametrize("name", ["stem", "stem_1", "model/stem_1/Bias", "*stem_1*", "other"])
def test_a_layer_is_found_by_what_its_framework_calls_it(name: str) -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    y = b.dense("model/stem_1/Bias;other", x, np.ones((3, 4)))
    z = b.dense("model/stem_swish/Bias", y, np.ones((3, 3)))
    assert kept_tensors(b.graph((x,), (z,)), (name,)) == {y}


def test_an_unknown_layer_has_near_matches() -> None:
    needs_litert()
    with pytest.raises(ModelError, match=r"no layer is called 'frist'\nhint: did you mean 'first'"):
        kept_tensors(plain_cnn(), ("frist",))


def test_16_bit_values_cannot_be_fed_as_bytes() -> None:
    needs_litert()
    with pytest.raises(ModelError, match=r"'image' has 16-bit values.*uint8"):
        made_of(plain_cnn(), QuantizeSettings("int16x8", "uint8"))


def test_dynamic_range_models_are_refused_by_tensor() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    weights = b.constant("w", np.ones((3, 4), np.int8), Quant((0.1,), (0,)))
    held = options("FullyConnectedOptions")
    y = b.op("FULLY_CONNECTED", (x, weights, -1), b.value("y", (1, 3)), held)
    data = flatfile.write(b.graph((x,), (y,)))
    with pytest.raises(ModelError, match=r"dynamic range.*'w'\nhint: convert the original float"):
        quantize(data, [], QuantizeSettings())


def test_integer_models_are_refused() -> None:
    b = FloatBuilder()
    quant = Quant((0.1,), (0,))
    x, y = b.integers("x", (1, 4), quant), b.integers("y", (1, 4), quant)
    b.op("RELU", (x,), y)
    with pytest.raises(ModelError, match="is quantised already: 'x' and 1 more"):
        quantize(flatfile.write(b.graph((x,), (y,))), [], QuantizeSettings())


def test_every_layer_without_a_kernel_is_listed() -> None:
    b = FloatBuilder()
    x, w = (b.value(name, (1, 4)) for name in "xw")
    y = b.op("FLOOR_DIV", (x, w), b.value("y", (1, 4)), options("FloorDivOptions"))
    z = b.op("FLOOR_MOD", (y, w), b.value("z", (1, 4)), options("FloorModOptions"))
    wanted = r"2 layer\(s\) cannot(?s:.*)FLOOR_DIV 'y'(?s:.*)FLOOR_MOD 'z'"
    with pytest.raises(ModelError, match=wanted):
        quantize(flatfile.write(b.graph((x, w), (z,))), [], QuantizeSettings())


def test_no_16_bit_kernel_is_said_before_anything_is_made() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    y = b.op("ELU", (x,), b.value("y", (1, 4)))
    with pytest.raises(ModelError, match="ELU 'y' has no kernel for 16-bit values"):
        quantize(flatfile.write(b.graph((x,), (y,))), [], QuantizeSettings(keep_int16=("y",)))


def test_samples_that_are_not_numbers_are_refused() -> None:
    needs_litert()
    bad = np.full((1, 8, 8, 1), np.nan, np.float32)
    with pytest.raises(ModelError, match=r"'\w+' becomes infinite or not a number"):
        quantize(data_of(plain_cnn()), [(bad,)], QuantizeSettings())


def test_ranges_contain_zero_and_clip_as_asked() -> None:
    observer = Observer(20)
    rng = np.random.default_rng(3)
    values = rng.normal(5, 1, (1, 40_000)).astype(np.float32)
    values[0, 7] = 500
    for k in range(20):
        observer.add(0, values[:, k * 2000 : (k + 1) * 2000], "x")
    seen = observer.seen()[0]
    spans = {method: chosen_range(seen, method) for method in RANGES}
    assert all(low <= 0 <= high for low, high in spans.values())
    assert spans["minmax"] == (0.0, 500.0)
    assert spans["mse"][1] < 500
    assert spans["percentile"][1] < 500
    with pytest.raises(ModelError, match="did you mean 'minmax'"):
        chosen_range(seen, "minmx")


def test_zero_is_exact_and_rounding_halves_go_outwards() -> None:
    quant = quant_of_range(-1.0, 3.0, 8)
    assert dequantize(to_integers(np.zeros(1), quant), quant)[0] == 0.0
    plain = Quant((1.0,), (0,))
    values = np.array([-2.5, -0.5, 0.5, 2.5, 1e9, -1e9])
    assert to_integers(values, plain).tolist() == [-3, -1, 1, 3, 127, -128]


def test_a_vanished_channel_keeps_its_bias() -> None:
    data = np.array([[1.0, -1.0], [1e-9, 0.0], [0.0, 0.0]], np.float32)
    quant = weight_quant(Tensor("w", FLOAT32, (3, 2), None, data), 0, per_channel=True)
    assert min(quant.scales) > 0
    bias = np.array([1.0, 50.0, -3.0])
    fitted = fitted_to_bias(quant, bias, 1e-4)
    assert np.all(np.abs(bias) / (np.array(fitted.scales) * 1e-4) <= 2**28 * 1.001)


@pytest.mark.parametrize("kind", ["dense", "grouped", "depthwise"])
def test_bias_correction_takes_out_the_average_error(kind: str) -> None:
    rng = np.random.default_rng(4)
    means = rng.normal(2, 1, 6)
    shape, axis = {
        "dense": ((4, 1, 1, 6), 0),
        "grouped": ((4, 1, 1, 3), 0),
        "depthwise": ((1, 1, 1, 12), 3),
    }[kind]
    exact = rng.normal(size=shape)
    rounded = exact + rng.normal(0, 0.1, shape)
    bias = corrected_bias(np.zeros(shape[axis]), exact, rounded, means, axis)
    flat_exact, flat_rounded = exact.reshape(-1), rounded.reshape(-1)
    for k in range(shape[axis]):
        if kind == "depthwise":
            error = (flat_rounded[k] - flat_exact[k]) * means[k // 2]
        else:
            depth = shape[3]
            group = means[depth * (k * (6 // depth) // 4) :][:depth]
            error = float((rounded - exact)[k, 0, 0] @ group)
        assert bias[k] == pytest.approx(-error)


@needs_tflm
def test_trained_scales_are_used_as_they_are() -> None:
    needs_litert()
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    held = options("FakeQuantOptions", Min=-1.0, Max=1.0, NumBits=8)
    x_ = b.op("FAKE_QUANT", (x,), b.value("xq", (1, 4)), held)
    y = b.dense("y", x_, b.rng.normal(size=(3, 4)))
    out = b.op("FAKE_QUANT", (y,), b.value("out", (1, 3)), replace(held, values=held.values))
    data = flatfile.write(b.graph((x,), (out,)))
    samples = [(np.array([[0.1, 0.2, -0.1, 0.05]], np.float32),)]
    runner = quantised_runner(quantize(data, samples, QuantizeSettings()).data)
    for i in (*runner.graph.inputs, *runner.graph.outputs):
        quant = runner.graph.tensors[i].quant
        assert quant is not None
        assert quant.scale == pytest.approx(2 / 255)


@needs_tflm
def test_values_that_all_but_vanish_do_not_break_kernels() -> None:
    """An untrained MobileNet made TFLM refuse RELU6, and end the process in SOFTMAX."""
    needs_litert()
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    y = b.dense("y", x, b.rng.normal(size=(3, 4)) * 1e-10, FusedActivationFunction=3)
    z = b.dense("z", y, b.rng.normal(size=(3, 3)) * 1e-10)
    p = b.op("SOFTMAX", (z,), b.value("p", (1, 3)), options("SoftmaxOptions", Beta=1.0))
    samples = [(b.rng.normal(size=(1, 4)).astype(np.float32),) for _ in range(4)]
    data = quantize(flatfile.write(b.graph((x,), (p,))), samples, QuantizeSettings()).data
    load(model_file("m.tflite", data))
    runner = tflm_runner(data)
    assert runner is not None
    assert outputs(runner, samples[0])[0] == pytest.approx(np.full((1, 3), 1 / 3), abs=0.01)


@needs_tflm
@pytest.mark.parametrize("quantization", ["int8", "int16x8"])
def test_a_value_of_fixed_scale_beside_another_is_requantised(quantization: str) -> None:
    """CONCATENATION wants one scale, SOFTMAX has its own: a QUANTIZE stands between them."""
    needs_litert()
    b = FloatBuilder()
    x, other = b.value("x", (1, 6)), b.value("other", (1, 4))
    p = b.op("SOFTMAX", (x,), b.value("p", (1, 6)), options("SoftmaxOptions", Beta=1.0))
    y = b.op(
        "CONCATENATION", (p, other), b.value("y", (1, 10)), options("ConcatenationOptions", Axis=1)
    )
    data = flatfile.write(b.graph((x, other), (y, p)))
    samples = [
        (
            b.rng.normal(size=(1, 6)).astype(np.float32),
            b.rng.normal(0, 9, (1, 4)).astype(np.float32),
        )
        for _ in range(8)
    ]
    runner = tflm_runner(quantize(data, samples, QuantizeSettings(quantization)).data)
    assert runner is not None
    assert [op.kind for op in runner.graph.ops] == ["SOFTMAX", "QUANTIZE", "CONCATENATION"]
    exact = float_runner(data)
    for sample in samples:
        for real, found in zip(exact.outputs(sample), outputs(runner, sample), strict=True):
            assert np.abs(real - found).max() <= 0.02 * np.abs(real).max() + 0.01


def test_a_bias_of_any_rank_is_one_of_channels() -> None:
    """Batch norm behind a transposed convolution of PyTorch left [1, 1, 1, n]: a TypeError."""
    needs_litert()
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    y = b.dense("dense", x, b.rng.normal(size=(3, 4)))
    b.give("dense/b", [1.0, 2.0, 3.0])
    graph = b.graph((x,), (y,))
    tensors = tuple(
        replace(t, shape=(1, 1, 1, 3), data=t.data.reshape(1, 1, 1, 3))
        if t.name == "dense/b" and t.data is not None
        else t
        for t in graph.tensors
    )
    odd = flatfile.write(replace(graph, tensors=tensors))
    samples = [(b.rng.normal(size=(1, 4)).astype(np.float32),) for _ in range(4)]
    assert (
        quantize(odd, samples, QuantizeSettings()).data
        == quantize(flatfile.write(graph), samples, QuantizeSettings()).data
    )
