"""Layers that share their weights are one layer in flash."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.nets.float_graphs import FloatBuilder
from tinyml.convert import flatfile
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
