"""Graph → .tflite → Graph changes nothing, and a real interpreter computes the same with it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.support.models.small_graphs import GraphBuilder, small_network
from tinyml.ir.dtype import ALL, DType
from tinyml.ir.graph import Graph, Tensor
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.reference import run


def assert_equal(found: Graph, expected: Graph) -> None:
    assert found.ops == expected.ops
    assert found.tensors == expected.tensors
    assert (found.inputs, found.outputs) == (expected.inputs, expected.outputs)
    for a, b in zip(found.tensors, expected.tensors, strict=True):
        assert a.is_constant == b.is_constant
        if a.data is not None and b.data is not None:
            np.testing.assert_array_equal(a.data, b.data)


def test_what_is_written_is_read_back() -> None:
    graph = small_network()
    read = load(model_file("small.tflite", write(graph)))
    assert_equal(read, graph)
    assert read.name == "small"


def test_the_same_graph_gives_the_same_bytes() -> None:
    assert write(small_network()) == write(small_network())


def test_constants_are_aligned_and_not_copied() -> None:
    data = write(small_network())
    for tensor in load(model_file("small.tflite", data)).tensors:
        if tensor.data is not None:
            assert not tensor.data.flags.writeable
            assert not tensor.data.flags.owndata
            start = tensor.data.__array_interface__["data"][0]
            assert (start - np.frombuffer(data, np.uint8).__array_interface__["data"][0]) % 16 == 0


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_every_dtype_survives(dtype: DType) -> None:
    graph = small_network()
    extra = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype.numpy)
    graph = dataclasses.replace(
        graph, tensors=(*graph.tensors, Tensor("extra", dtype, (2, 3), None, extra))
    )
    assert_equal(load(model_file("x.tflite", write(graph))), graph)


def test_the_scalar_shape_survives() -> None:
    b = GraphBuilder()
    given = b.value("x", (), (0.5, 0))
    out = b.op("RELU", (given,), b.value("y", (), (0.5, 0)), NoAttrs())
    assert load(model_file("x.tflite", write(b.graph((given,), (out,))))).tensors[out].shape == ()


def test_tflm_computes_the_same() -> None:
    micro = pytest.importorskip("tflite_micro", reason="tflite_micro has wheels for Linux only")
    graph = small_network()
    interpreter = micro.runtime.Interpreter.from_bytes(write(graph))
    rng = np.random.default_rng(3)
    for _ in range(5):
        given = rng.integers(-128, 128, (1, 6, 6, 3)).astype(np.int8)
        interpreter.set_input(given, 0)
        interpreter.invoke()
        expected = run(graph, [given])[graph.outputs[0]]
        np.testing.assert_array_equal(interpreter.get_output(0), expected)
