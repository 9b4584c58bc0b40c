"""Operators on one value that have no integer kernel become one table."""

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
from tinyml.ops import reference
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


@needs_tflm
@pytest.mark.parametrize("name", _FUNCTIONS)
def test_16_bit_values_choose_one_of_two_thousand_rows(name: str) -> None:
    """They were refused, and then went through 8 bits."""
    graph, function, low, high = _FUNCTIONS[name]
    rng = np.random.default_rng(2)
    samples = [(rng.uniform(low, high, SHAPE).astype(np.float32),) for _ in range(20)]
    samples.append((np.linspace(low, high, 24, dtype=np.float32).reshape(SHAPE),))
    made = quantize(flatfile.write(graph), samples, QuantizeSettings("int16x8"))
    assert not any("8 bits" in note for note in made.notes)
    compiled = load(model_file("m.tflite", made.data))
    kinds = [op.kind for op in compiled.ops if op.kind != "MUL"]
    assert kinds == ["QUANTIZE", *["GATHER", "QUANTIZE"] * 2, "ADD"]
    every = np.arange(-32768, 32768, 11).astype(np.int16)
    vectors = [(np.resize(every[k : k + 24], SHAPE),) for k in range(0, len(every), 24)]
    found = run_reference(compiled, vectors)
    assert_equal(compiled, run_in_tflm(compiled, vectors), found)
    given, result = (compiled.tensors[i].quant for i in (compiled.inputs[0], compiled.outputs[0]))
    assert given is not None
    assert result is not None
    integers = np.stack([v[0] for v in vectors])
    real = integers * given.scale
    inside = (real >= low) & (real <= high)
    values = dequantize(np.stack([v[0] for v in found]), result)
    # A half and what rounds to one on the way go to either side.
    rows = [np.floor((integers + 17.0) / 32), np.ceil((integers - 17.0) / 32)]
    places = [np.where(inside, row * 32 * given.scale, 1).clip(low, high) for row in rows]
    errors = np.min([np.abs(values - function(place)) for place in places], axis=0)
    assert (errors[inside] <= 2 * result.scale + 1e-3).all()


def test_the_least_and_the_greatest_16_bit_value_have_rows() -> None:
    samples = [(np.ones(SHAPE, np.float32),)]
    data = quantize(flatfile.write(of_one("EXP")), samples, QuantizeSettings("int16x8")).data
    made = load(model_file("m.tflite", data))
    row = made.ops[0].outputs[0]
    for value, wanted in ((-32768, 0), (0, 1024), (32767, 2048)):
        numbers = reference.run(made, (np.full(SHAPE, value, np.int16),))[row]
        assert numbers is not None
        assert (numbers == wanted).all()
