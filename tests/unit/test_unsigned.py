"""Models of uint8 values, as TensorFlow Lite 1 made them: refused before, now int8 inside.

What TFLite's own reference kernels compute of them is in the rows' comparison; those of
FULLY_CONNECTED round twice in TFLite 1, and here, once in the TFLite of today.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.models.small_graphs import GraphBuilder, f32
from tinyml.base.errors import UnsupportedOps
from tinyml.ir.dtype import INT8, UINT8
from tinyml.ir.fixedpoint import quantize_multiplier
from tinyml.ir.graph import Array, Graph, Quant
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.ops import layer_of, spec_of
from tinyml.ops.reference import outputs
from tinyml.passes import run_passes

needs_litert = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None, reason="ai_edge_litert is not installed"
)
IMAGE = (1, 9, 8, 6)
GIVEN = (0.03, 100)


def constant(rng: np.random.Generator, shape: tuple[int, ...], low: int = 0) -> Array:
    return rng.integers(low, 256, shape).astype(np.uint8)


def network(kind: str, shape: tuple[int, ...], constants: Any, made: Any, **attrs: Any) -> Graph:
    """One op on uint8 values."""
    b = GraphBuilder()
    x = b.value("x", shape, GIVEN, UINT8)
    held = [
        b.constant(f"c{k}", data, None if quant is None else Quant((f32(quant[0]),), (quant[1],)))
        for k, (data, quant) in enumerate(constants)
    ]
    y = b.value("y", (), made, UINT8)
    b.op(kind, (x, *held), y, spec_of(kind).attrs(**attrs))
    graph = b.graph((x,), (y,))
    ((found),) = spec_of(kind).infer(graph.ops[0], graph)
    tensors = (*graph.tensors[:y], replace(graph.tensors[y], shape=found), *graph.tensors[y + 1 :])
    return replace(graph, tensors=tensors)


def layers() -> dict[str, Graph]:
    """A layer for each way in which one becomes int8."""
    rng = np.random.default_rng(3)
    product = float(np.float32(GIVEN[0]) * np.float32(0.013))

    def bias(count: int) -> Any:
        return rng.integers(-3000, 3000, count).astype(np.int32), (product, 0)

    def weights(*shape: int, zero_point: int = 151, low: int = 0) -> Any:
        return constant(rng, shape, low), (0.013, zero_point)

    axes, sizes = (np.array([1, 2], np.int32), None), (0.05, 120)
    small, image = (GIVEN[0], GIVEN[1]), IMAGE
    conv = {"padding": "SAME", "activation": "RELU6"}
    return {
        "conv": network("CONV_2D", image, [weights(7, 3, 3, 6), bias(7)], sizes, **conv),
        "conv_narrow": network(
            "CONV_2D", image, [weights(7, 1, 1, 6, low=30), bias(7)], sizes, **conv
        ),
        "depthwise": network(
            "DEPTHWISE_CONV_2D", image, [weights(1, 3, 3, 6), bias(6)], (0.02, 99), stride_w=2
        ),
        "depthwise_more": network(
            "DEPTHWISE_CONV_2D", image, [weights(1, 3, 2, 12)], (0.02, 99), depth_multiplier=2
        ),
        "depthwise_narrow": network(
            *("DEPTHWISE_CONV_2D", image),
            *([weights(1, 3, 3, 6, zero_point=127), bias(6)], (0.02, 99)),
        ),
        "add": network("ADD", image, [weights(6)], sizes, activation="RELU"),
        "sub": network("SUB", image, [weights(9, 8, 6)], sizes),
        "mul": network("MUL", image, [weights(1)], (0.01, 90)),
        "average": network("AVERAGE_POOL_2D", image, [], small, kernel_h=2, kernel_w=2),
        "average_odd": network("AVERAGE_POOL_2D", image, [], small, kernel_h=9, padding="VALID"),
        "average_relu": network(
            "AVERAGE_POOL_2D", image, [], small, kernel_h=2, kernel_w=3, activation="RELU"
        ),
        "greatest": network("MAX_POOL_2D", image, [], small, kernel_h=2, activation="RELU6"),
        "softmax": network("SOFTMAX", (20, 11), [], (1 / 256, 0)),
        "logistic": network("LOGISTIC", (20, 11), [], (1 / 256, 0)),
        "tanh": network("TANH", (20, 11), [], (1 / 128, 128)),
        "relu": network("RELU", (20, 11), [], (0.02, 90)),
        "leaky": network("LEAKY_RELU", (20, 11), [], (0.04, 90), alpha=0.1),
        "hard_swish": network("HARD_SWISH", (20, 11), [], (0.04, 90)),
        "mean": network("MEAN", image, [axes], (0.02, 90)),
        "border": network(
            "PAD", image, [(np.array([[0, 0], [1, 1], [2, 0], [0, 0]], np.int32), None)], small
        ),
    }


def samples(graph: Graph, count: int = 12) -> list[Array]:
    rng = np.random.default_rng(8)
    shape = graph.tensors[graph.inputs[0]].shape
    return [rng.integers(0, 256, shape).astype(np.uint8) for _ in range(count)]


def in_litert(graph: Graph, values: list[Array]) -> list[Array]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    model = Interpreter(
        model_content=write(graph), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    model.allocate_tensors()
    (given,), (made,) = model.get_input_details(), model.get_output_details()
    found = []
    for value in values:
        model.set_tensor(given["index"], value)
        model.invoke()
        found.append(model.get_tensor(made["index"]).copy())
    return found


def compiled(graph: Graph) -> Graph:
    return load(model_file("m.tflite", write(graph)))


@needs_litert
@pytest.mark.parametrize("name", sorted(layers()))
def test_layers_are_those_of_tflite(name: str) -> None:
    graph = layers()[name]
    values = samples(graph)
    inside = compiled(graph)
    simple = run_passes(inside)
    for value, expected in zip(values, in_litert(graph, values), strict=True):
        for held in (inside, simple):
            np.testing.assert_array_equal(outputs(held, (value,))[0], expected)


@needs_litert
def test_a_matrix_product_rounds_twice_as_in_tflite_1() -> None:
    rng = np.random.default_rng(3)
    product = float(np.float32(GIVEN[0]) * np.float32(0.013))
    held = [
        (constant(rng, (37, 50)), (0.013, 151)),
        (rng.integers(-3000, 3000, 37).astype(np.int32), (product, 0)),
    ]
    graph = network("FULLY_CONNECTED", (4, 50), held, (0.1, 120), activation="NONE")
    values = samples(graph)
    for value, expected in zip(values, in_litert(graph, values), strict=True):
        found = outputs(compiled(graph), (value,))[0].astype(int)
        assert np.abs(found - expected).max() <= 1
        assert (found != expected).mean() < 0.02


def test_scales_are_multiplied_in_single_precision() -> None:
    """As GetQuantizedConvolutionMultipler does; kernels of int8 do it in double precision."""
    graph = compiled(layers()["conv"])
    numbers = layer_of(graph.ops[2], graph).numbers
    product = float(np.float32(GIVEN[0]) * np.float32(0.013))
    wanted = quantize_multiplier(product / f32(0.05))
    assert wanted != quantize_multiplier(f32(GIVEN[0]) * f32(0.013) / f32(0.05))
    assert (numbers.multiplier[0], numbers.shift[0]) == wanted


def test_inputs_and_outputs_stay_bytes() -> None:
    graph = compiled(layers()["conv"])
    ends = [graph.tensors[i] for i in (*graph.inputs, *graph.outputs)]
    assert [tensor.dtype for tensor in ends] == [UINT8, UINT8]
    assert [tensor.name for tensor in ends] == ["x", "y"]
    kinds = [op.kind for op in graph.ops]
    assert kinds == ["QUANTIZE", "CONCATENATION", "CONV_2D", "QUANTIZE"]
    assert all(graph.tensors[i].dtype == INT8 for i in graph.ops[1].inputs)


def test_weights_that_are_near_enough_cost_nothing() -> None:
    graph = compiled(layers()["depthwise_narrow"])
    assert [op.kind for op in graph.ops] == ["QUANTIZE", "DEPTHWISE_CONV_2D", "QUANTIZE"]


def test_what_rounds_in_another_way_is_refused() -> None:
    sizes = (np.array([13, 7], np.int32), None)
    graph = network("RESIZE_BILINEAR", IMAGE, [sizes], GIVEN)
    with pytest.raises(UnsupportedOps, match="TFLite must compute of uint8 values what it does"):
        compiled(graph)
