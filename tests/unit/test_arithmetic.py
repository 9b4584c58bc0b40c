"""Integer models whose ops have a constant in front were taken for float and asked for data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import case_paths, load_cases
from tests.support.models.small_graphs import GraphBuilder, small_network
from tinyml.convert.building import model_for_build
from tinyml.convert.conversion import ConvertOptions
from tinyml.ir.dtype import FLOAT32, INT8, INT16, UINT8, DType
from tinyml.ir.graph import Graph, Quant
from tinyml.model.arithmetic import float_ops, hybrid_ops, integer_ops, is_float
from tinyml.model.writer import write
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.split import SplitAttrs

QUANT = (0.5, 0)


def split() -> Graph:
    b = GraphBuilder()
    axis = b.constant("axis", np.array(0, np.int32))
    given = b.value("x", (2, 4), QUANT)
    b.op("SPLIT", (axis, given), b.value("y", (2, 4), QUANT), SplitAttrs(1))
    return b.graph((given,), (2,))


def added(dtype: DType, is_constant_first: bool, weights_dtype: DType | None = None) -> Graph:
    b = GraphBuilder()
    quant = QUANT if dtype != FLOAT32 else None
    given = b.value("x", (1, 4), quant, dtype)
    held = None if (weights_dtype or dtype) == FLOAT32 else Quant((0.5,), (0,))
    constant = b.constant("c", np.ones((1, 4), (weights_dtype or dtype).numpy), held)
    operands = (constant, given) if is_constant_first else (given, constant)
    b.op("ADD", operands, b.value("y", (1, 4), quant, dtype), BinaryAttrs())
    return b.graph((given,), (2,))


def mixed() -> Graph:
    """An int8 layer, then a float one."""
    b = GraphBuilder()
    given = b.value("x", (1, 4), QUANT)
    middle = b.op("RELU", (given,), b.value("m", (1, 4), QUANT), NoAttrs())
    real = b.op("DEQUANTIZE", (middle,), b.value("r", (1, 4), None, FLOAT32), NoAttrs())
    b.op("TANH", (real,), b.value("y", (1, 4), None, FLOAT32), NoAttrs())
    return b.graph((given,), (3,))


def fake_quantised() -> Graph:
    """Float layers with QUANTIZE and DEQUANTIZE between them, as training with them leaves it."""
    b = GraphBuilder()
    given = b.value("x", (1, 4), None, FLOAT32)
    weights = b.constant("w", np.ones((3, 4), np.int8), Quant((0.5,), (0,)))
    real = b.op("DEQUANTIZE", (weights,), b.value("wr", (3, 4), None, FLOAT32), NoAttrs())
    low = b.op("QUANTIZE", (given,), b.value("q", (1, 4), QUANT), NoAttrs())
    back = b.op("DEQUANTIZE", (low,), b.value("d", (1, 4), None, FLOAT32), NoAttrs())
    out = b.value("y", (1, 3), None, FLOAT32)
    b.op("FULLY_CONNECTED", (back, real, -1), out, FullyConnectedAttrs())
    return b.graph((given,), (out,))


def ends_in_float() -> Graph:
    """An int8 layer between QUANTIZE and DEQUANTIZE."""
    b = GraphBuilder()
    given = b.value("x", (1, 4), None, FLOAT32)
    low = b.op("QUANTIZE", (given,), b.value("q", (1, 4), QUANT), NoAttrs())
    made = b.op("RELU", (low,), b.value("m", (1, 4), QUANT), NoAttrs())
    out = b.op("DEQUANTIZE", (made,), b.value("y", (1, 4), None, FLOAT32), NoAttrs())
    return b.graph((given,), (out,))


def picture_in_bytes() -> Graph:
    """A picture of bytes without scale that becomes float."""
    b = GraphBuilder()
    given = b.value("x", (1, 4), None, UINT8)
    real = b.op("CAST", (given,), b.value("r", (1, 4), None, FLOAT32), NoAttrs())
    b.op("TANH", (real,), b.value("y", (1, 4), None, FLOAT32), NoAttrs())
    return b.graph((given,), (2,))


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (split(), False),
        (added(INT8, True), False),
        (added(INT8, False), False),
        (added(UINT8, True), False),
        (added(INT16, True), False),
        (added(FLOAT32, True), True),
        (added(FLOAT32, False), True),
        (added(FLOAT32, False, INT8), False),
        (small_network(), False),
        (mixed(), False),
        (fake_quantised(), True),
        (ends_in_float(), False),
        (picture_in_bytes(), True),
    ],
)
def test_what_a_float_model_is(graph: Graph, expected: bool) -> None:
    assert is_float(graph) == expected


def test_an_op_is_of_one_sort() -> None:
    graph = mixed()
    assert [op.kind for op in float_ops(graph)] == ["TANH"]
    assert [op.kind for op in integer_ops(graph)] == ["RELU"]
    assert hybrid_ops(graph) == ()
    assert [op.kind for op in hybrid_ops(added(FLOAT32, True, INT8))] == ["ADD"]


@pytest.mark.parametrize("graph", [split(), added(INT8, True)])
def test_build_takes_integer_models_as_they_are(tmp_path: Path, graph: Graph) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(write(graph))
    file, converted = model_for_build(str(path), ConvertOptions())
    assert file.data == path.read_bytes()
    assert converted is None


def test_build_quantises_a_float_model_only_with_data(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(write(added(FLOAT32, True)))
    file, converted = model_for_build(str(path), ConvertOptions())
    assert file.data == path.read_bytes()
    assert converted is None
    _, converted = model_for_build(str(path), ConvertOptions(calibration="random"))
    assert converted is not None


@pytest.mark.parametrize("path", case_paths(), ids=lambda path: path.stem)
def test_no_model_that_we_compile_is_float(path: Path) -> None:
    """Every operator's rows, also with the first operand constant, but those of float32."""
    for case in load_cases(path).cases:
        if float_ops(case.graph):
            continue
        assert not is_float(case.graph)
        first = case.graph.ops[0].inputs[0]
        tensor = case.graph.tensors[first]
        if len(case.graph.inputs) > 1 and tensor.data is None and not tensor.is_variable:
            held = np.zeros(tensor.shape, tensor.dtype.numpy)
            tensors = list(case.graph.tensors)
            tensors[first] = replace(tensor, data=held)
            inputs = tuple(i for i in case.graph.inputs if i != first)
            assert not is_float(replace(case.graph, tensors=tuple(tensors), inputs=inputs))
