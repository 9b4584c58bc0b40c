"""Beginnings of small ONNX graphs: a convolution or a dense layer, then the nodes in question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.support.nets import onnx_cases

RNG = np.random.default_rng(11)
IMAGE = (1, 4, 9, 8)
LINE = (1, 4, 16)
STEPS = (1, 6, 5)
INT = np.int64


def graph_of(*arguments: Any, **options: Any) -> Any:
    """A model whose outputs have the types and shapes that the reference gives them."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    model = onnx_cases.graph_of(*arguments, **options)
    if all(item.type.tensor_type.HasField("shape") for item in model.graph.output):
        return model
    fed = {
        item.name: np.ones([d.dim_value for d in item.type.tensor_type.shape.dim], np.float32)
        for item in model.graph.input
    }
    found = ReferenceEvaluator(model).run(None, fed)
    for item, value in zip(model.graph.output, found, strict=True):
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        item.CopyFrom(helper.make_tensor_value_info(item.name, kind, value.shape))
    return model


Node = tuple[str, str, str, dict[str, Any]]


def held(*shape: int, spread: float = 0.4) -> np.ndarray[Any, Any]:
    """Weights."""
    return RNG.normal(0, spread, shape).astype(np.float32)


def ints(*values: int) -> np.ndarray[Any, Any]:
    """An operand of integers."""
    return np.array(values, INT)


def imaged(
    *nodes: Node, opset: int = 17, outputs: Sequence[str] = ("y",), **constants: Any
) -> Callable[[], Any]:
    """A convolution to ``a`` [1, 6, 9, 8], then nodes."""
    first = ("Conv", "x w b", "a", {"pads": [1, 1, 1, 1]})
    weights = {"w": held(6, 4, 3, 3), "b": held(6)}
    return lambda: graph_of(
        [("x", IMAGE)], [first, *nodes], weights | constants, outputs, opset=opset
    )


def lined(*nodes: Node, opset: int = 17, **constants: Any) -> Callable[[], Any]:
    """A convolution of a sequence to ``a`` [1, 6, 16], then nodes."""
    first = ("Conv", "x w b", "a", {"pads": [1, 1]})
    return lambda: graph_of(
        [("x", LINE)], [first, *nodes], {"w": held(6, 4, 3), "b": held(6)} | constants, opset=opset
    )


def flat(*nodes: Node, opset: int = 17, **constants: Any) -> Callable[[], Any]:
    """A dense layer to ``a`` [1, 8], then nodes."""
    first = ("Gemm", "x w b", "a", {})
    return lambda: graph_of(
        [("x", (1, 10))], [first, *nodes], {"w": held(10, 8), "b": held(8)} | constants, opset=opset
    )


def stepped(*nodes: Node, opset: int = 17, **constants: Any) -> Callable[[], Any]:
    """A dense layer on each step to ``a`` [1, 6, 8], then nodes."""
    first = ("MatMul", "x w", "a", {})
    return lambda: graph_of(
        [("x", STEPS)], [first, *nodes], {"w": held(5, 8)} | constants, opset=opset
    )


def recurrent(kind: str, **attrs: Any) -> Callable[[], Any]:
    """A layer with its first states as inputs and its last ones as outputs."""
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    count = 2 if attrs.get("direction") == "bidirectional" else 1
    constants = {
        "w": held(count, gates * 5, 5),
        "r": held(count, gates * 5, 5),
        "b": held(count, 2 * gates * 5),
        "none": np.zeros(0, np.float32),
    }
    inputs = [("x", (6, 1, 5)), ("h", (count, 1, 5))]
    reads, writes = "x w r b  h", "y z"
    if kind == "LSTM":
        inputs.append(("c", (count, 1, 5)))
        reads, writes = "x w r b  h c", "y z m"
    constants.pop("none")

    def make() -> Any:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        given = ["x", "w", "r", "b", "", "h", *(["c"] if kind == "LSTM" else [])]
        node = helper.make_node(kind, given, writes.split(), hidden_size=5, **attrs)
        graph = helper.make_graph(
            [node],
            "g",
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in writes.split()],
            [numpy_helper.from_array(v, k) for k, v in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        return onnx.shape_inference.infer_shapes(model)

    assert reads
    return make


def act(name: str, opset: int = 17, **attrs: Any) -> Callable[[], Any]:
    """An activation between a convolution and another."""
    return imaged(
        (name, "a", "c", attrs), ("Conv", "c v", "y", {}), opset=opset, v=held(3, 6, 1, 1)
    )


def normed(name: str, opset: int = 17, **attrs: Any) -> Callable[[], Any]:
    """A normalisation of an image with a scale and a shift per channel."""
    return imaged(
        (name, "a s t", "c", attrs), ("Relu", "c", "y", {}), opset=opset, s=held(6) + 1, t=held(6)
    )
