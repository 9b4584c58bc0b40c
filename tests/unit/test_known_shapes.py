"""Shapes that a model computes at run time are known when it is read."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.support.small_graphs import GraphBuilder
from tinyml.errors import UnsupportedOps
from tinyml.ir.graph import Graph
from tinyml.model.shapes import know_shapes
from tinyml.model.support import check_shapes, check_supported
from tinyml.ops.layout import ReshapeAttrs
from tinyml.ops.lookup import NoAttrs


def flattened() -> Graph:
    """What TensorFlow writes for a Flatten with a free batch size: [1, 2, 2, 3] -> [1, 12]."""
    b = GraphBuilder()
    image = b.value("image", (1, 2, 2, 3))
    shape = b.op("SHAPE", (image,), b.value("shape", (4,), None, "int32"), None)
    bounds = [b.constant(f"bounds_{i}", np.array([i], np.int32)) for i in range(3)]
    batch = b.value("batch", (), None, "int32")
    b.op("STRIDED_SLICE", (shape, *bounds), batch, None)
    rest = b.constant("rest", np.array(-1, np.int32))
    packed = b.op("PACK", (batch, rest), b.value("packed", (2,), None, "int32"), None)
    flat = b.op("RESHAPE", (image, packed), b.value("flat", (1, 12)), ReshapeAttrs())
    return b.graph((image,), (flat,))


def test_flatten_as_tensorflow_writes_it_is_a_reshape() -> None:
    """SHAPE, STRIDED_SLICE and PACK in front of a RESHAPE were refused as unsupported."""
    graph = know_shapes(flattened())
    assert [op.kind for op in graph.ops] == ["RESHAPE"]
    shape = graph.tensors[graph.ops[0].inputs[1]]
    assert (shape.name, shape.dtype) == ("packed", "int32")
    assert shape.data is not None
    assert shape.data.tolist() == [1, 12]
    check_supported(graph)
    check_shapes(graph)


def test_a_shape_that_someone_else_reads_stays() -> None:
    given = flattened()
    graph = know_shapes(dataclasses.replace(given, outputs=(*given.outputs, 1)))
    assert [op.kind for op in graph.ops] == ["SHAPE", "RESHAPE"]
    with pytest.raises(UnsupportedOps) as error:
        check_supported(graph)
    assert [item.found for item in error.value.found] == ["SHAPE"]


def test_ops_without_readers_before_stay() -> None:
    b = GraphBuilder()
    image = b.value("image", (1, 4))
    relu = b.op("RELU", (image,), b.value("relu", (1, 4)), NoAttrs())
    b.op("FLOOR_MOD", (image,), b.value("unused", (1, 4)), None)
    graph = b.graph((image,), (relu,))
    assert know_shapes(graph) is graph
