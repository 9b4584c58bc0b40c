"""500 random ONNX graphs: equal to onnxruntime in floats, and as near as integers allow.

What quantisation may cost is computed, not guessed: the float model runs with its weights and
values rounded to the numbers of the integer model. The integers may be half as far off again, and
half a step of the output.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

pytest.importorskip(
    "onnxruntime", reason="the package onnxruntime is missing (tinyml-firmware[onnx])"
)
pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is missing (tinyml-firmware[onnx])")

from tests.support.models.cases import Vector
from tests.support.nets.onnx_random import random_graph
from tests.support.nets.rounded_nets import rounded_model
from tests.support.running.executors import assert_equal
from tests.support.running.tflm import run_in_tflm
from tinyml.base.errors import ModelError
from tinyml.convert.importers import onnx_runs
from tinyml.convert.importers.onnx_reader import UnknownNodes, read_model
from tinyml.convert.layers import as_fed
from tinyml.convert.quantize import prepared, quantize
from tinyml.convert.ranges import dequantize
from tinyml.convert.runners import Runner, float_runner, quantised_runner
from tinyml.convert.values import QuantizeSettings
from tinyml.ir.graph import Array

GRAPHS, TOGETHER = 500, 50
SAMPLES = 3
TFLM_EVERY = 5
INT16_EVERY = 10
MORE, STEPS = 1.5, 0.5  # of the noise of rounding, and steps of the output besides
HAS_TFLM = importlib.util.find_spec("tflite_micro") is not None
KNOWN = ("the rule of old opsets that flattens axes",)


@dataclass(frozen=True, slots=True)
class Fed:
    """A model and what it gets and gives, sample by sample, in the source's order of axes."""

    model: Any
    inputs: list[dict[str, Array]]
    wanted: list[tuple[Array, ...]]


def fed(seed: int) -> Fed:
    model = random_graph(seed)
    generator = np.random.default_rng(seed)
    shapes = {
        item.name: [size.dim_value for size in item.type.tensor_type.shape.dim]
        for item in model.graph.input
    }
    inputs = [
        {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        for _ in range(SAMPLES)
    ]
    return Fed(model, inputs, [tuple(onnx_runs.outputs(model, each).values()) for each in inputs])


def is_wide(seed: int) -> bool:
    """Whether a seed's values have 16 bits."""
    return seed % INT16_EVERY == 9


def judged(seed: int) -> str:
    """Why the graph of a seed is refused, "" for one that is right; an AssertionError if wrong."""
    given = fed(seed)
    settings = QuantizeSettings(quantization="int16x8" if is_wide(seed) else "int8")
    try:
        made = read_model(given.model, ())
    except UnknownNodes as error:
        return "; ".join(error.found)
    turned = [
        tuple(
            value if order is None else value.transpose(order)
            for value, order in zip(each.values(), made.input_permutations, strict=True)
        )
        for each in given.inputs
    ]
    runner = float_runner(made.data)
    exact = [runner.outputs(each) for each in turned]
    for results, wanted in zip(exact, given.wanted, strict=True):
        for value, right, order in zip(results, wanted, made.output_permutations, strict=True):
            seen = value if order is None else value.transpose(np.argsort(order))
            np.testing.assert_allclose(seen, right, rtol=1e-4, atol=1e-4)
    graph, _ = prepared(made.data, turned, settings)
    try:
        integers = quantised_runner(quantize(made.data, turned, settings).data)
    except ModelError as error:
        return error.message
    assert "integer reference" in integers.name  # the compiler takes it
    rounded = float_runner(rounded_model(graph, integers.graph))
    _compare(integers, rounded, exact, turned)
    if seed % TFLM_EVERY == 0 and HAS_TFLM:
        vectors = [_integers(integers, each) for each in turned]
        found = [integers.outputs(each) for each in vectors]
        assert_equal(integers.graph, run_in_tflm(integers.graph, vectors), found)
    return ""


def _integers(runner: Runner, sample: Sequence[Array]) -> Vector:
    pairs = zip(runner.graph.inputs, sample, strict=True)
    return tuple(as_fed(runner.graph.tensors[i], value) for i, value in pairs)


def _compare(
    integers: Runner, rounded: Runner, exact: Sequence[Vector], samples: Sequence[Vector]
) -> None:
    found = [integers.outputs(_integers(integers, each)) for each in samples]
    near = [rounded.outputs(each) for each in samples]
    for number, index in enumerate(integers.graph.outputs):
        quant = integers.graph.tensors[index].quant
        assert quant is not None
        real = np.stack([each[number] for each in exact])
        noise = _rms(real - dequantize(np.stack([each[number] for each in found]), quant))
        allowed = MORE * _rms(real - np.stack([each[number] for each in near]))
        assert noise <= allowed + STEPS * quant.scale, (number, noise / quant.scale)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, GRAPHS, TOGETHER))
def test_random_graphs_are_right_or_refused(first: int) -> None:
    refused: Counter[str] = Counter()
    for seed in range(first, first + TOGETHER):
        try:
            why = judged(seed)
        except AssertionError as error:
            raise AssertionError(f"the graph of seed {seed} is wrong: {error}") from error
        if why:
            assert any(each in why for each in KNOWN), (seed, why)
            refused[why] += 1
    assert refused.total() <= TOGETHER // 10, refused
