"""Constants that are stored sparse, by rows or in blocks, were refused."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import pytest
import tflite

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import FLOAT32, INT8
from tinyml.model.flatbuffer import verify
from tinyml.model.opened import open_file
from tinyml.model.tensors import read_tensor

DENSE, COMPRESSED = 0, 1
VECTORS = {"int32": (1, 4), "uint16": (2, 2), "uint8": (3, 1)}


def numbers(b: Any, values: Any, width: int) -> int:
    b.StartVector(width, len(values), width)
    for value in reversed(values):
        {1: b.PrependUint8, 2: b.PrependUint16, 4: b.PrependInt32}[width](int(value))
    return int(b.EndVector())


def index_list(b: Any, values: Any, kind: str) -> int:
    vector = numbers(b, values, VECTORS[kind][1])
    b.StartObject(1)
    b.PrependUOffsetTRelativeSlot(0, vector, 0)
    return int(b.EndObject())


def dimension(b: Any, held: Any, kind: str) -> int:
    if isinstance(held, int):
        tflite.DimensionMetadataStart(b)
        tflite.DimensionMetadataAddDenseSize(b, held)
        return int(tflite.DimensionMetadataEnd(b))
    segments, indices = (index_list(b, values, kind) for values in held)
    tflite.DimensionMetadataStart(b)
    tflite.DimensionMetadataAddFormat(b, COMPRESSED)
    tflite.DimensionMetadataAddArraySegmentsType(b, VECTORS[kind][0])
    tflite.DimensionMetadataAddArraySegments(b, segments)
    tflite.DimensionMetadataAddArrayIndicesType(b, VECTORS[kind][0])
    tflite.DimensionMetadataAddArrayIndices(b, indices)
    return int(tflite.DimensionMetadataEnd(b))


def tables(b: Any, offsets: list[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())


def file_of(values: Any, shape: Any, order: Any, blocks: Any, held: Any, kind: str) -> bytes:
    """A file of one sparse constant."""
    b = flatbuffers.Builder(0)
    dimensions = tables(b, [dimension(b, item, kind) for item in held])
    traversal, block_map = (numbers(b, item, 4) for item in (order, blocks))
    tflite.SparsityParametersStart(b)
    tflite.SparsityParametersAddTraversalOrder(b, traversal)
    tflite.SparsityParametersAddBlockMap(b, block_map)
    tflite.SparsityParametersAddDimMetadata(b, dimensions)
    sparsity = tflite.SparsityParametersEnd(b)
    sizes, data = numbers(b, shape, 4), b.CreateNumpyVector(values.view(np.uint8))
    tflite.BufferStart(b)
    empty = tflite.BufferEnd(b)
    tflite.BufferStart(b)
    tflite.BufferAddData(b, data)
    buffers = tables(b, [empty, tflite.BufferEnd(b)])
    tflite.TensorStart(b)
    tflite.TensorAddShape(b, sizes)
    tflite.TensorAddType(b, {np.dtype("f4"): FLOAT32, np.dtype("i1"): INT8}[values.dtype].tflite)
    tflite.TensorAddBuffer(b, 1)
    tflite.TensorAddSparsity(b, sparsity)
    tensors = tables(b, [tflite.TensorEnd(b)])
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tensors)
    graphs = tables(b, [tflite.SubGraphEnd(b)])
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddBuffers(b, buffers)
    b.Finish(tflite.ModelEnd(b), file_identifier=b"TFL3")
    return bytes(b.Output())


def value_of(data: bytes) -> Any:
    verify(data)
    model = open_file(data)
    return read_tensor(model, model.Subgraphs(0).Tensors(0), 0).data


@pytest.mark.parametrize("kind", sorted(VECTORS))
def test_compressed_rows(kind: str) -> None:
    values = np.array([1, -2, 3, 4], np.int8)
    held = (3, ([0, 2, 2, 4], [1, 4, 0, 3]))
    data = file_of(values, (3, 5), (0, 1), (), held, kind)
    found = [[0, 1, 0, 0, -2], [0] * 5, [3, 0, 0, 4, 0]]
    np.testing.assert_array_equal(value_of(data), found)


def test_compressed_columns() -> None:
    values = np.array([1.5, -2.0, 3.0], np.float32)
    data = file_of(values, (2, 3), (1, 0), (), (3, ([0, 1, 1, 3], [1, 0, 1])), "int32")
    np.testing.assert_array_equal(value_of(data), [[0, 0, -2], [1.5, 0, 3]])


def test_blocks() -> None:
    """Two of the four blocks of 2 x 2 are there; in a block the columns come last."""
    values = np.arange(1, 9).astype(np.float32)
    held = (2, ([0, 1, 2], [1, 0]), 2, 2)
    data = file_of(values, (4, 4), (0, 1, 2, 3), (0, 1), held, "int32")
    found = [[0, 0, 1, 2], [0, 0, 3, 4], [5, 6, 0, 0], [7, 8, 0, 0]]
    np.testing.assert_array_equal(value_of(data), found)


@pytest.mark.parametrize(
    ("order", "blocks", "held", "said"),
    [
        ((0, 0), (), (3, ([0, 2, 2, 4], [1, 4, 0, 3])), "the order"),
        ((0, 1), (), (3,), "1 dimensions"),
        ((0, 1), (), (3, ([0, 2, 2, 4], [1, 9, 0, 3])), "an index of 9"),
        ((0, 1), (), (3, ([0, 2], [1, 4, 0, 3])), "2 segments"),
        ((0, 1), (), (3, ([0, 2, 2, 9], [1, 4, 0, 3])), "segments outside of 4"),
        ((0, 1), (), (3, ([0, 2, 2, 3], [1, 4, 0, 3])), "4 values for 3"),
        ((0, 1, 2), (1,), (3, 1, 4), "blocks of 4"),
        ((0, 1, 2), (7,), (3, 1, 5), "blocks in"),
    ],
)
def test_damage_is_one_error(order: Any, blocks: Any, held: Any, said: str) -> None:
    data = file_of(np.array([1, -2, 3, 4], np.int8), (3, 5), order, blocks, held, "int32")
    with pytest.raises(ModelError, match=said):
        value_of(data)


def test_a_list_that_ends_behind_the_file_is_damage() -> None:
    data = file_of(np.array([1], np.int8), (1, 1), (0, 1), (), (1, ([0, 1], [0])), "uint8")
    at = data.rindex(b"\x02\x00\x00\x00\x00\x01") if b"\x02\x00\x00\x00\x00\x01" in data else None
    assert at is not None
    damaged = bytearray(data)
    damaged[at : at + 4] = (len(data)).to_bytes(4, "little")
    with pytest.raises(ModelError):
        value_of(bytes(damaged))
