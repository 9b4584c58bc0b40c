"""Operators on one value that have no integer kernel become one table of 256 numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.support.nets.float_graphs import FloatBuilder
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml.convert import flatfile
from tinyml.convert.functions import functions_of, with_functions, written_out
from tinyml.convert.quantize import quantize
from tinyml.convert.ranges import dequantize
from tinyml.convert.values import QuantizeSettings
from tinyml.ir.graph import Array, Graph
from tinyml.model.file import model_file
from tinyml.model.options import options
from tinyml.model.reader import load
from tinyml.passes import run_passes

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert (extra 'convert') is not installed")

SHAPE = (1, 4, 6)


def of_one(*kinds: str) -> Graph:
    """A chain of operators on a value."""
    b = FloatBuilder()
    value = given = b.value("x", SHAPE)
    for number, kind in enumerate(kinds):
        value = b.op(kind, (value,), b.value(f"y{number}", SHAPE))
    return b.graph((given,), (value,))


def softplus() -> Graph:
    """log(1 + exp(x)) + 0.1 x, and x itself as another result."""
    b = FloatBuilder()
    x = b.value("x", SHAPE)
    one, tenth = b.constant("one", np.float32(1)), b.constant("tenth", np.float32(0.1))
    power = b.op("EXP", (x,), b.value("e", SHAPE))
    above = b.op("ADD", (power, one), b.value("s", SHAPE), options("AddOptions"))
    curve = b.op("LOG", (above,), b.value("l", SHAPE))
    slope = b.op("MUL", (x, tenth), b.value("t", SHAPE), options("MulOptions"))
    y = b.op("ADD", (curve, slope), b.value("y", SHAPE), options("AddOptions"))
    return b.graph((x,), (y, slope))


def quantised(graph: Graph, low: float, high: float) -> tuple[Graph, list[tuple[Array, ...]]]:
    """The integer graph, and every byte as its input."""
    rng = np.random.default_rng(2)
    samples = [(rng.uniform(low, high, SHAPE).astype(np.float32),) for _ in range(20)]
    made = load(model_file("m.tflite", quantize(flatfile.write(graph), samples, _INT8).data))
    bytes_ = np.arange(-128, 128).astype(np.int8)
    return made, [(np.resize(bytes_[k : k + 24], SHAPE),) for k in range(0, 256, 24)]


_INT8 = QuantizeSettings()
_FUNCTIONS: dict[str, tuple[Graph, Callable[[Array], Array], float, float]] = {
    "exp": (of_one("EXP"), np.exp, -2, 2),
    "log": (of_one("LOG"), np.log, 0.2, 3),
    "root_of_sine": (of_one("SIN", "ABS", "SQRT"), lambda x: np.sqrt(np.abs(np.sin(x))), -1, 3),
    "gelu": (
        of_one("GELU"),
        lambda x: 0.5 * x * (1 + np.tanh(0.79788456 * (x + 0.044715 * x**3))),
        -3,
        3,
    ),
    "softplus": (softplus(), lambda x: np.log1p(np.exp(x)) + 0.1 * x, -3, 3),
}


@pytest.mark.parametrize("name", _FUNCTIONS)
def test_each_byte_has_the_nearest_result(name: str) -> None:
    graph, function, low, high = _FUNCTIONS[name]
    made, vectors = quantised(graph, low, high)
    kinds = [op.kind for op in made.ops if op.kind != "MUL"]
    assert kinds == ["CAST", "ADD", "GATHER"]
    given, result = made.tensors[made.inputs[0]], made.tensors[made.outputs[0]]
    assert given.quant is not None
    assert result.quant is not None
    reals = [dequantize(v[0], given.quant).astype(np.float64) for v in vectors]
    for real, found in zip(reals, run_reference(made, vectors), strict=True):
        inside = (real >= low) & (real <= high)
        error = np.abs(dequantize(found[0], result.quant) - function(np.where(inside, real, 1)))
        assert (error[inside] <= result.quant.scale * 0.51 + 1e-3).all()


@needs_tflm
@pytest.mark.parametrize("name", _FUNCTIONS)
def test_tables_are_equal_in_tflm(name: str) -> None:
    graph, _, low, high = _FUNCTIONS[name]
    made, vectors = quantised(graph, low, high)
    expected = run_in_tflm(made, vectors)
    assert_equal(made, expected, run_reference(made, vectors))
    assert_equal(made, expected, run_reference(run_passes(made), vectors))


def test_what_others_read_is_computed_as_well() -> None:
    graph = softplus()
    (found,) = functions_of(graph)
    assert [op.kind for op in found.ops] == ["EXP", "ADD", "LOG", "MUL", "ADD"]
    shorter = with_functions(graph, (found,))
    assert [op.kind for op in shorter.ops] == ["MUL", "FUNCTION"]
    assert sorted(op.name for op in written_out(shorter, (found,)).ops) == sorted(
        op.name for op in graph.ops
    )


def test_functions_of_two_values_are_none() -> None:
    b = FloatBuilder()
    x, w = (b.value(name, SHAPE) for name in "xw")
    y = b.op("ADD", (x, w), b.value("y", SHAPE), options("AddOptions"))
    z = b.op("EXP", (y,), b.value("z", SHAPE))
    (found,) = functions_of(b.graph((x, w), (z,)))
    assert (found.value, [op.kind for op in found.ops]) == (y, ["EXP"])


def test_a_factor_per_channel_is_outside() -> None:
    b = FloatBuilder()
    x = b.value("x", SHAPE)
    y = b.op("MUL", (x, b.weights("w", 6)), b.value("y", SHAPE), options("MulOptions"))
    z = b.op("EXP", (y,), b.value("z", SHAPE))
    (found,) = functions_of(b.graph((x,), (z,)))
    assert found.value == y


def test_16_bit_values_go_through_tables_of_8() -> None:
    """They were refused: EXP and its kin have no 16-bit kernel."""
    samples = [(np.ones(SHAPE, np.float32),)]
    made = quantize(flatfile.write(of_one("EXP")), samples, QuantizeSettings("int16x8"))
    kinds = [op.kind for op in flatfile.read("m", made.data).ops]
    assert kinds == ["QUANTIZE", "CAST", "ADD", "GATHER", "QUANTIZE"]
    assert made.notes == ("1 EXP computed in 8 bits, for want of 16-bit kernels",)
