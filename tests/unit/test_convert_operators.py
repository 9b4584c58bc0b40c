"""Every operator that the quantiser knows: TensorFlow Lite Micro loads it and is right."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.nets.float_graphs import KINDS, FloatBuilder, single_op
from tests.support.running.executors import run_reference
from tests.support.running.tflm import needs_tflm
from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.convert.quantize import quantize
from tinyml.convert.ranges import dequantize
from tinyml.convert.ranges import quantize as to_integers
from tinyml.convert.rules import has_16_bits, is_supported
from tinyml.convert.runners import float_runner, quantised_runner, tflm_runner
from tinyml.convert.tables import tables
from tinyml.convert.values import QuantizeSettings
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.options import options
from tinyml.model.reader import load

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert (extra 'convert') is not installed")

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_WITHOUT_REFERENCE = {"ELU"}  # LiteRT's reference resolver lacks it
# Weights have 8 bits beside 16-bit values, so results are no more exact than those.
_COARSE_16 = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}


def test_every_supported_operator_has_a_case() -> None:
    # SHAPE only ever occurs before constants are folded; LSTM has a test of its own.
    supported = {kind for kind in tables() if is_supported(kind)}
    assert supported - {"SHAPE", _LSTM} <= set(KINDS)


def _modes() -> list[tuple[str, str]]:
    kinds = [kind for kind in KINDS if is_supported(kind)]
    return [(mode, kind) for mode in ("int8", "int16x8") for kind in kinds]


@needs_tflm
@pytest.mark.parametrize(("mode", "kind"), _modes())
def test_operator_in_integers(mode: str, kind: str) -> None:
    graph = single_op(kind)
    rng = np.random.default_rng(3)
    low = 0.1 if kind == "RSQRT" else -1.0
    samples = [
        tuple(rng.uniform(low, 1, graph.tensors[i].shape).astype(np.float32) for i in graph.inputs)
        for _ in range(6)
    ]
    given = flatfile.write(graph)
    made = quantize(given, samples, QuantizeSettings(quantization=mode)).data
    exact = float_runner(given)
    in_tflm = tflm_runner(made)
    assert in_tflm is not None, "TensorFlow Lite Micro refuses the model"
    best = in_tflm if kind in _WITHOUT_REFERENCE else quantised_runner(made)
    bits = 8 if mode == "int8" else 16
    is_coarse = bits == 16 and (kind in _COARSE_16 or not has_16_bits(kind))
    allowed = 3 * 256 if is_coarse else 8 if bits == 16 else 3
    for sample in samples:
        fed = tuple(
            to_integers(value, in_tflm.graph.tensors[i].quant, bits)
            for value, i in zip(sample, in_tflm.graph.inputs, strict=True)
        )
        wanted, found = exact.outputs(sample), in_tflm.outputs(fed)
        for a, b in zip(found, best.outputs(fed), strict=True):
            assert np.array_equal(a, b), "the runners differ"
        for real, value, i in zip(wanted, found, in_tflm.graph.outputs, strict=True):
            quant = in_tflm.graph.tensors[i].quant
            if quant is None:
                assert np.mean(value != real) < 0.15  # decisions near a tie may fall either way
            else:
                error = np.abs(dequantize(value, quant) - real).max() / quant.scale
                assert error <= allowed


_FUNCTIONS = ("EXP", "LOG", "SQRT", "SIN", "COS", "RSQRT", "SQUARE")


@needs_tflm
@pytest.mark.parametrize("kind", _FUNCTIONS)
def test_functions_in_16_bits_are_tables_of_halves(kind: str) -> None:
    """Functions without 16-bit kernels, and RSQRT, were refused with int16x8, then had 8 bits."""
    b = FloatBuilder()
    x = b.value("x", (1, 6))
    y = b.op(kind, (x,), b.value("y", (1, 6)))
    given = flatfile.write(b.graph((x,), (y,)))
    rng = np.random.default_rng(3)
    samples = [(rng.uniform(0.1, 1, (1, 6)).astype(np.float32),) for _ in range(6)]
    made = quantize(given, samples, QuantizeSettings(quantization="int16x8"))
    compiled, in_tflm = load(model_file("wide.tflite", made.data)), tflm_runner(made.data)
    assert in_tflm is not None
    assert not any("8 bits" in note for note in made.notes)
    for sample in samples:
        (quant,) = (compiled.tensors[i].quant for i in compiled.outputs)
        fed = (to_integers(sample[0], compiled.tensors[compiled.inputs[0]].quant, 16),)
        (found,), (wanted,) = in_tflm.outputs(fed), float_runner(given).outputs(sample)
        assert np.array_equal(found, run_reference(compiled, [fed])[0][0])
        assert np.abs(dequantize(found, quant) - wanted).max() <= 0.003 * np.abs(wanted).max()


@needs_tflm
@pytest.mark.parametrize("kind", [kind for mode, kind in _modes() if mode == "int16x8"])
def test_what_is_made_in_16_bits_is_compiled(kind: str) -> None:
    """Models of 16-bit values were made for TFLM alone: ``build`` refused every one of them."""
    graph, rng = single_op(kind), np.random.default_rng(3)
    low = 0.1 if kind == "RSQRT" else -1.0
    samples = [
        tuple(rng.uniform(low, 1, graph.tensors[i].shape).astype(np.float32) for i in graph.inputs)
        for _ in range(4)
    ]
    made = quantize(flatfile.write(graph), samples, QuantizeSettings("int16x8")).data
    compiled, in_tflm = load(model_file("wide.tflite", made)), tflm_runner(made)
    assert in_tflm is not None
    inputs = [compiled.tensors[i] for i in compiled.inputs]
    fed = [
        tuple(rng.integers(*t.dtype.limits, t.shape, t.dtype.numpy, True) for t in inputs)
        for _ in range(2)
    ]
    for values, wanted in zip(fed, run_reference(compiled, fed), strict=True):
        for a, b in zip(in_tflm.outputs(values), wanted, strict=True):
            assert np.array_equal(a, b)


def _lstm(b: FloatBuilder, absent: int = -1) -> Graph:
    """Six steps of five features, eight units."""
    steps, features, units = 6, 5, 8
    x = b.value("x", (1, steps, features))
    into = [b.weights(f"w{k}", units, features) for k in range(4)]
    back = [b.weights(f"r{k}", units, units) for k in range(4)]
    bias = [b.weights(f"b{k}", units) for k in range(4)]
    state = [b.constant(name, np.zeros((1, units))) for name in ("hidden", "cell")]
    inputs = (x, *into, *back, -1, -1, -1, *bias, absent, -1, *state, -1, -1, -1, -1)
    held = options("UnidirectionalSequenceLSTMOptions", FusedActivationFunction=4)
    y = b.op(_LSTM, inputs, b.value("y", (1, steps, units)), held)
    return b.graph((x,), (y,))


@needs_tflm
def test_lstm_in_integers() -> None:
    rng = np.random.default_rng(1)
    samples = [(rng.uniform(-1, 1, (1, 6, 5)).astype(np.float32),) for _ in range(20)]
    given = flatfile.write(_lstm(FloatBuilder()))
    made = quantize(given, samples, QuantizeSettings()).data
    exact, runner = float_runner(given), tflm_runner(made)
    assert runner is not None
    assert flatfile.write(flatfile.read("lstm", made)) == made
    quants = [runner.graph.tensors[i].quant for i in (*runner.graph.inputs, *runner.graph.outputs)]
    assert quants[0] is not None
    assert quants[1] is not None
    for sample in samples:
        (found,) = runner.outputs((to_integers(sample[0], quants[0]),))
        error = dequantize(found, quants[1]) - exact.outputs(sample)[0]
        assert np.abs(error).max() <= 2.5 * quants[1].scale


def test_lstm_with_a_projection_is_refused() -> None:
    b = FloatBuilder()
    data = flatfile.write(_lstm(b, absent=b.weights("projection", 3, 8)))
    with pytest.raises(ModelError, match=r"'y' has peepholes, a projection or layer norm"):
        quantize(data, [], QuantizeSettings())
