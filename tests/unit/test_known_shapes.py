"""Shapes that a model computes at run time are known when it is read."""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.support.models.small_graphs import GraphBuilder
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph
from tinyml.model.shapes import know_shapes
from tinyml.model.support import check_shapes, check_supported
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.gather import GatherAttrs
from tinyml.ops.layout import ConcatenationAttrs, ReshapeAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.pack import PackAttrs
from tinyml.ops.slice import StridedSliceAttrs


def flattened() -> Graph:
    """What TensorFlow writes for a Flatten with a free batch size: [1, 2, 2, 3] -> [1, 12]."""
    b = GraphBuilder()
    image = b.value("image", (1, 2, 2, 3))
    shape = b.op("SHAPE", (image,), b.value("shape", (4,), None, INT32), None)
    bounds = [b.constant(f"bounds_{i}", np.array([i], np.int32)) for i in range(3)]
    batch = b.value("batch", (), None, INT32)
    b.op("STRIDED_SLICE", (shape, *bounds), batch, StridedSliceAttrs(shrink_axis_mask=1))
    rest = b.constant("rest", np.array(-1, np.int32))
    packed = b.op("PACK", (batch, rest), b.value("packed", (2,), None, INT32), PackAttrs(0, 2))
    flat = b.op("RESHAPE", (image, packed), b.value("flat", (1, 12)), ReshapeAttrs())
    return b.graph((image,), (flat,))


def test_flatten_as_tensorflow_writes_it_is_a_reshape() -> None:
    """SHAPE, STRIDED_SLICE and PACK in front of a RESHAPE were refused as unsupported."""
    graph = know_shapes(flattened())
    assert [op.kind for op in graph.ops] == ["RESHAPE"]
    shape = graph.tensors[graph.ops[0].inputs[1]]
    assert (shape.name, shape.dtype) == ("packed", INT32)
    assert shape.data is not None
    assert shape.data.tolist() == [1, 12]
    check_supported(graph)
    check_shapes(graph)


def test_a_shape_that_someone_else_reads_stays() -> None:
    given = flattened()
    graph = know_shapes(dataclasses.replace(given, outputs=(*given.outputs, 1)))
    assert [op.kind for op in graph.ops] == ["SHAPE", "RESHAPE"]
    check_supported(graph)


def test_ops_without_readers_before_stay() -> None:
    b = GraphBuilder()
    image = b.value("image", (1, 4))
    relu = b.op("RELU", (image,), b.value("relu", (1, 4)), NoAttrs())
    b.op("FLOOR_MOD", (image,), b.value("unused", (1, 4)), None)
    graph = b.graph((image,), (relu,))
    assert know_shapes(graph) is graph


def test_wrong_shapes_in_the_file_are_corrected() -> None:
    """TensorFlow writes a Dense layer on [1, 3, 4] with a free batch size as if of one row."""
    b = GraphBuilder()
    steps = b.value("steps", (1, 3, 4))
    shape = b.op("SHAPE", (steps,), b.value("shape", (3,), None, INT32), None)
    outer = b.constant("outer", np.array([0, 1], np.int32))
    rows = b.op("GATHER", (shape, outer), b.value("rows", (2,), None, INT32), GatherAttrs())
    axis = b.constant("axis", np.array([0], np.int32))
    count = b.op("REDUCE_PROD", (rows, axis), b.value("count", (), None, INT32), None)
    depth = b.constant("depth", np.array(4, np.int32))
    packed = b.value("packed", (2,), None, INT32)
    b.op("PACK", (count, depth), packed, PackAttrs(0, 2))
    flat = b.op("RESHAPE", (steps, packed), b.value("flat", (1, 1)), ReshapeAttrs())
    dense = b.value("dense", (1, 5), (0.04, -7))
    b.op("FULLY_CONNECTED", (flat, b.weights("w", (5, 4), 0, 1), -1), dense, FullyConnectedAttrs())
    filters = b.constant("filters", np.array([5], np.int32))
    target = b.value("target", (3,), None, INT32)
    b.op("CONCATENATION", (rows, filters), target, ConcatenationAttrs(0))
    made = b.value("made", (1, 3, 5), (0.04, -7))
    b.op("RESHAPE", (dense, target), made, ReshapeAttrs())
    graph = know_shapes(b.graph((steps,), (made,)))
    check_supported(graph)
    check_shapes(graph)
    assert [(op.kind, graph.tensors[op.outputs[0]].shape) for op in graph.ops] == [
        ("RESHAPE", (3, 4)),
        ("FULLY_CONNECTED", (3, 5)),
        ("RESHAPE", (1, 3, 5)),
    ]


def test_shapes_that_make_no_sense_stay_as_declared() -> None:
    given = flattened()
    tensors = list(given.tensors)
    rest = next(i for i, tensor in enumerate(tensors) if tensor.name == "rest")
    wrong = np.array(5, np.int32)
    tensors[rest] = dataclasses.replace(tensors[rest], data=wrong)
    graph = know_shapes(dataclasses.replace(given, tensors=tuple(tensors)))
    assert graph.tensors[graph.outputs[0]].shape == (1, 12)
