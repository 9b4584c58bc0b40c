"""Models that keep state, and decisions on which steps count, from float graphs to integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.models.cases import Vector
from tests.support.nets.float_graphs import FloatBuilder
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tests.unit.test_convert_fixups import kinds, same
from tinyml.convert import flatfile
from tinyml.convert.fixups import prepare
from tinyml.convert.fixups.decisions import as_known_decisions
from tinyml.convert.fixups.masks import choose_instead_of_adding
from tinyml.convert.layers import as_fed
from tinyml.convert.quantize import quantize
from tinyml.convert.ranges import dequantize
from tinyml.convert.runners import float_runner
from tinyml.convert.states import as_variables, following, with_states
from tinyml.convert.tables import options_of
from tinyml.convert.values import FloatModel, ModelInput, QuantizeSettings
from tinyml.ir.dtype import BOOL
from tinyml.ir.graph import Array, Graph
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.ops import reference

COUNT = 12


def leaking() -> FloatModel:
    """An average that forgets: the next state is 0.7 times the state plus the input, and more."""
    b = FloatBuilder()
    x, state = b.value("x", (1, 4)), b.value("kept", (1, 4))
    held = options_of("MUL")
    less = b.op("MUL", (state, b.constant("rate", 0.7)), b.value("less", (1, 4)), held)
    after = b.op("ADD", (less, x), b.value("kept/next", (1, 4)), options_of("ADD"))
    y = b.dense("y", after, b.rng.normal(size=(3, 4)))
    ends = (ModelInput("x", (1, 4)),), (ModelInput("y", (1, 3)),)
    data = flatfile.write(b.graph((x, state), (y, after)))
    return FloatModel(data, "m.tflite", "TensorFlow Lite", "", *ends, states=1)


def samples_of(shape: tuple[int, ...]) -> list[Vector]:
    rng = np.random.default_rng(3)
    return [(rng.normal(size=shape).astype(np.float32),) for _ in range(COUNT)]


def test_samples_of_a_model_with_state_are_one_sequence() -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    samples = samples_of((1, 4))
    kept = np.zeros((1, 4), np.float32)
    for sample, fed in zip(samples, with_states(leaking(), samples), strict=True):
        np.testing.assert_allclose(fed[1], kept, rtol=1e-5)
        kept = np.float32(0.7) * kept + sample[0]


@needs_tflm
@pytest.mark.parametrize("quantization", ["int8", "int16x8", "float32"])
def test_a_state_becomes_a_variable(quantization: str) -> None:
    """Stateful layers of Keras were refused: a file had no way to say what goes on."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    model, samples = leaking(), samples_of((1, 4))
    fed = with_states(model, samples)
    settings = QuantizeSettings(quantization, states=1)
    data = as_variables(quantize(model.data, fed, settings).data, 1)
    graph = load(model_file("m.tflite", data))
    assert graph.is_streaming
    assert [len(graph.inputs), len(graph.outputs)] == [1, 1]
    given = [(as_fed(graph.tensors[graph.inputs[0]], s[0]),) for s in samples]
    found = reference.sequence(graph, given)
    for one, other in zip(found, run_in_tflm(graph, given), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    out = graph.tensors[graph.outputs[0]].quant
    runner = float_runner(model.data)
    exact = np.stack([runner.outputs(sample)[0] for sample in fed])
    real = np.stack([v[0] if out is None else dequantize(v[0], out) for v in found])
    assert np.abs(real - exact).max() < 0.03 * np.abs(exact).max()


def test_a_runner_goes_on_from_its_own_states() -> None:
    """The score of a model with state fed the float model's states back, which hides drift."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    model = leaking()
    runner = following(float_runner(model.data), 1)
    nothing = np.zeros((1, 4), np.float32)
    (sample,) = samples_of((1, 4))[:1]
    first = runner.outputs((*sample, nothing))
    second = runner.outputs((*sample, nothing))
    assert not np.array_equal(first[0], second[0])
    np.testing.assert_allclose(second[1], 1.7 * sample[0], rtol=1e-5)


def attended(mask: Array, kind: str) -> Graph:
    """A softmax over scores of which a mask hides some."""
    b = FloatBuilder()
    x = b.value("x", (1, 4, 4))
    made = b.value("shown", (1, 4, 4))
    if kind == "ADD":
        operands = (x, b.constant("mask", mask[None]))
    else:
        shown = b.constant("which", (mask == 0)[None])
        operands = (shown, x, b.constant("least", np.float32(mask.min())))
    b.op(kind, operands, made, options_of(kind))
    y = b.op("SOFTMAX", (made,), b.value("y", (1, 4, 4)), options_of("SOFTMAX", Beta=1.0))
    return b.graph((x,), (y,))


@pytest.mark.parametrize("hidden", [-np.inf, np.finfo(np.float32).min, -1e9])
@pytest.mark.parametrize("kind", ["ADD", "SELECT_V2"])
def test_what_attention_must_not_see_takes_nothing_from_the_scale(hidden: float, kind: str) -> None:
    """A mask of -1e9 was on one scale with the scores: all were 0, or the range was infinite."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    mask = np.where(np.tri(4) == 1, 0, hidden).astype(np.float32)
    model, samples = flatfile.write(attended(mask, kind)), samples_of((1, 4, 4))
    graph = load(model_file("m", quantize(model, samples, QuantizeSettings()).data))
    exact = float_runner(model)
    out = graph.tensors[graph.outputs[0]].quant
    assert out is not None
    for sample in samples:
        given = as_fed(graph.tensors[graph.inputs[0]], sample[0])
        found = dequantize(reference.outputs(graph, (given,))[0], out)
        assert (found[0][np.tri(4) == 0] == 0).all()
        assert np.abs(found - exact.outputs(sample)[0]).max() < 0.03


def test_a_sum_that_hides_nothing_stays() -> None:
    graph = attended(np.full((4, 4), -2, np.float32), "ADD")
    assert choose_instead_of_adding(graph) is graph


def test_decisions_are_made_by_operators_that_kernels_have() -> None:
    """REDUCE_ANY, UNPACK and CAST of bool, as padded steps are found, had no kernel."""
    b = FloatBuilder()
    x = b.value("x", (1, 3, 4))
    differs = b.value("differs", (1, 3, 4), BOOL)
    b.op("GREATER", (x, b.constant("none", 0.2)), differs, options_of("GREATER"))
    steps = b.value("steps", (1, 3), BOOL)
    axis = b.constant("axis", np.array([2], np.int32))
    b.op("REDUCE_ANY", (differs, axis), steps, options_of("REDUCE_ANY", KeepDims=False))
    parts = tuple(b.value(f"part{k}", (1,), BOOL) for k in range(3))
    b.op("UNPACK", (steps,), parts, options_of("UNPACK", Axis=1, Num=3))
    real = [b.value(f"real{k}", (1,)) for k in range(3)]
    for part, made in zip(parts, real, strict=True):
        b.op("CAST", (part,), made, options_of("CAST", InDataType=6, OutDataType=0))
    y = b.value("y", (3,))
    b.op("CONCATENATION", tuple(real), y, options_of("CONCATENATION", Axis=0))
    graph = b.graph((x,), (y,))
    changed = as_known_decisions(graph)
    same(graph, changed)
    assert {"REDUCE_ANY", "UNPACK", "CAST"}.isdisjoint(kinds(changed))
    prepared, _ = prepare(replace(graph))
    same(graph, prepared)
