"""Float models with weights in int8 or float16, and weights of 4 bits, were refused."""

from __future__ import annotations

import numpy as np
import pytest
import tflite

from tests.support.models.small_graphs import GraphBuilder
from tinyml.base.errors import ModelError
from tinyml.ir.dtype import FLOAT16, FLOAT32, INT4, INT8
from tinyml.ir.graph import Graph, Quant
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.reference import outputs

GIVEN = np.array([[1.0, -2.0, 0.5, 4.0]], np.float32)


def dense(weights: np.ndarray, quant: Quant | None, *, is_behind_dequantize: bool = False) -> Graph:
    b = GraphBuilder()
    given = b.value("x", (1, 4), None, FLOAT32)
    held = b.constant("w", weights, quant)
    if is_behind_dequantize:
        held = b.op("DEQUANTIZE", (held,), b.value("real", weights.shape, None, FLOAT32), NoAttrs())
    out = b.value("y", (1, len(weights)), None, FLOAT32)
    b.op("FULLY_CONNECTED", (given, held, -1), out, FullyConnectedAttrs())
    return b.graph((given,), (out,))


def of_type(data: bytes, name: bytes, tflite_type: int, packed: bytes) -> bytes:
    """The file with another type for a tensor, whose value is cut to ``packed``."""
    made = bytearray(data)
    model = tflite.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    (table,) = (
        graph.Tensors(i) for i in range(graph.TensorsLength()) if graph.Tensors(i).Name() == name
    )
    made[table._tab.Pos + table._tab.Offset(6)] = tflite_type
    buffer = model.Buffers(table.Buffer())
    vector = buffer._tab.Vector(buffer._tab.Offset(4))
    made[vector - 4 : vector] = len(packed).to_bytes(4, "little")
    made[vector : vector + len(packed)] = packed
    return bytes(made)


def test_dynamic_range_weights_are_their_real_numbers() -> None:
    weights = np.array([[1, -2, 3, 4], [-5, 6, 127, -128]], np.int8)
    graph = load(model_file("m.tflite", write(dense(weights, Quant((0.5, 0.25), (0, 0), 0)))))
    assert all(graph.tensors[i].dtype == FLOAT32 for op in graph.ops for i in op.inputs if i >= 0)
    real = weights.astype(np.float32) * np.array([[0.5], [0.25]], np.float32)
    assert np.array_equal(outputs(graph, [GIVEN])[0], GIVEN @ real.T)


def test_a_cast_of_a_constant_takes_its_numbers() -> None:
    """Those of int8 weights were multiplied by their scale, as if the CAST were a float layer."""
    b = GraphBuilder()
    given = b.value("x", (1, 4), None, FLOAT32)
    held = b.constant("w", np.array([[1, -2, 3, 4]], np.int8), Quant((0.5,), (7,)))
    cast = b.op("CAST", (held,), b.value("c", (1, 4), None, FLOAT32), NoAttrs())
    made = b.op("ADD", (given, cast), b.value("y", (1, 4), None, FLOAT32), BinaryAttrs())
    graph = load(model_file("m.tflite", write(b.graph((given,), (made,)))))
    assert np.array_equal(outputs(graph, [GIVEN])[0], GIVEN + np.array([1, -2, 3, 4]))


def test_float16_weights_are_their_real_numbers() -> None:
    real = np.array([[0.5, -2.0, 3.25, 0.1], [65504.0, 6e-8, -1.0, 0.0]], np.float32)
    half = real.astype(np.float16)
    stand_in = np.ones((2, 4), np.int16)  # float32 is the default, of which a file says nothing
    plain = write(dense(stand_in, Quant((1.0,), (0,)), is_behind_dequantize=True))
    data = of_type(plain, b"w", FLOAT16.tflite, half.tobytes())
    graph = load(model_file("m.tflite", data))
    assert [op.kind for op in graph.ops] == ["FULLY_CONNECTED"]
    held = graph.tensors[graph.ops[0].inputs[1]]
    assert held.dtype == FLOAT32
    assert np.array_equal(held.data, half.astype(np.float32))


def test_weights_of_4_bits_are_those_of_bytes() -> None:
    """The low half of a byte comes first; both halves have a sign. An odd count leaves one over."""
    values = np.array([[1, -2, 7, -8, 0, 5, -7, 3, -1]], np.int8)
    b = GraphBuilder()
    given = b.value("x", (1, 9), (0.5, 3))
    held = b.constant("w", values, Quant((0.5,), (0,)))
    b.op(
        "FULLY_CONNECTED", (given, held, -1), b.value("y", (1, 1), (1.0, 0)), FullyConnectedAttrs()
    )
    plain = write(b.graph((given,), (2,)))
    halves = np.append(values.reshape(-1), 0).astype(np.uint8) & 15
    data = of_type(plain, b"w", INT4.tflite, (halves[::2] | halves[1::2] << 4).tobytes())
    graph = load(model_file("m.tflite", data))
    held_now = graph.tensors[graph.ops[0].inputs[1]]
    assert held_now.dtype == INT8
    assert np.array_equal(held_now.data, values)


@pytest.mark.parametrize(("code", "said"), [(FLOAT16.tflite, "float16"), (INT4.tflite, "int4")])
def test_only_constants_may_be_packed(code: int, said: str) -> None:
    data = bytearray(write(dense(np.ones((2, 4), np.int8), Quant((0.5,), (0,)))))
    table = tflite.Model.GetRootAs(bytes(data), 0).Subgraphs(0).Tensors(1)
    assert table.Name() == b"w"
    data[table._tab.Pos + table._tab.Offset(6)] = code
    buffer = table._tab.Pos + table._tab.Offset(8)
    data[buffer : buffer + 4] = bytes(4)  # none: it is computed
    with pytest.raises(ModelError, match=said):
        load(model_file("m.tflite", bytes(data)))
