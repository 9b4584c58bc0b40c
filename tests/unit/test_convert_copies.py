"""Layers that share their weights are one layer in flash."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.nets.float_graphs import FloatBuilder
from tinyml.convert import flatfile
from tinyml.convert.formats import kept_tensors
from tinyml.convert.quality import measure
from tinyml.convert.quantize import quantize
from tinyml.convert.values import QuantizeSettings
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.options import options
from tinyml.model.reader import load

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert (extra 'convert') is not installed")


def twice(*, is_shared: bool) -> Graph:
    """A layer on a value, and another one, or the same again, on what it made."""
    b = FloatBuilder()
    value = b.value("x", (1, 6))
    weights = [b.weights(f"w{k}", 6, 6) for k in range(2)]
    bias = b.weights("b", 6)
    held = options("FullyConnectedOptions")
    for k in range(2):
        operands = (value, weights[0 if is_shared else k], bias)
        value = b.op("FULLY_CONNECTED", operands, b.value(f"y{k}", (1, 6)), held)
    return b.graph((0,), (value,))


def quantised(graph: Graph) -> Graph:
    rng = np.random.default_rng(5)
    samples = [(rng.uniform(-1, 3, (1, 6)).astype(np.float32),) for _ in range(30)]
    data = quantize(flatfile.write(graph), samples, QuantizeSettings()).data
    return load(model_file("twice.tflite", data))


def test_layers_with_the_same_weights_are_equal() -> None:
    graph = quantised(twice(is_shared=True))
    first, second = graph.ops
    for a, b in zip(first.inputs[1:], second.inputs[1:], strict=True):
        np.testing.assert_array_equal(graph.tensors[a].data, graph.tensors[b].data)
    scales = {graph.tensors[i].quant for op in graph.ops for i in (op.inputs[0], op.outputs[0])}
    assert len(scales) == 1


def test_other_layers_have_their_own_scales() -> None:
    graph = quantised(twice(is_shared=False))
    first, second = (graph.tensors[op.outputs[0]].quant for op in graph.ops)
    assert first != second


def unrolled(steps: int = 6) -> Graph:
    """h' = tanh(W x + U h), step by step; the first begins with an input."""
    b = FloatBuilder()
    given = [b.value(f"x{k}", (1, 4)) for k in range(steps)]
    state = b.value("h", (1, 5))
    weights, recurrent, bias = b.weights("w", 5, 4), b.weights("u", 5, 5), b.weights("b", 5)
    dense = options("FullyConnectedOptions")
    inputs = (*given, state)
    for k, x in enumerate(given):
        parts = (
            b.op("FULLY_CONNECTED", (x, weights, bias), b.value(f"a{k}", (1, 5)), dense),
            b.op("FULLY_CONNECTED", (state, recurrent, bias), b.value(f"r{k}", (1, 5)), dense),
        )
        total = b.op("ADD", parts, b.value(f"s{k}", (1, 5)), options("AddOptions"))
        state = b.op("TANH", (total,), b.value(f"h{k}", (1, 5)), options(""))
    return b.graph(inputs, (state,))


def samples_of(graph: Graph, count: int = 12) -> list[tuple[np.ndarray, ...]]:  # type: ignore[type-arg]
    rng = np.random.default_rng(7)
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    return [tuple(rng.uniform(-1, 1, s).astype(np.float32) for s in shapes) for _ in range(count)]


def test_steps_of_a_layer_have_common_scales() -> None:
    """Values in the same place of all steps: also those that no weights make."""
    graph = unrolled()
    data = quantize(flatfile.write(graph), samples_of(graph), QuantizeSettings()).data
    made = load(model_file("steps.tflite", data))
    for letter in "arsh":
        quants = {t.quant for t in made.tensors if t.name[:1] == letter and t.name[1:].isdigit()}
        assert len(quants) == 1, letter


def test_one_step_kept_at_16_bits_keeps_all() -> None:
    graph = unrolled()
    kept = kept_tensors(graph, ["s3"])
    assert {graph.tensors[i].name for i in kept} == {f"s{k}" for k in range(6)}


def test_the_report_has_one_row_for_all_steps() -> None:
    graph = unrolled()
    original, samples = flatfile.write(graph), samples_of(graph)
    made = quantize(original, samples, QuantizeSettings())
    layers = measure((original, made), QuantizeSettings(), samples).layers
    assert [layer.steps for layer in layers] == [6] * 4
    assert {layer.kind for layer in layers} == {"FULLY_CONNECTED", "ADD", "TANH"}
    assert all(layer.own_db < 100 for layer in layers if layer.kind != "TANH")
