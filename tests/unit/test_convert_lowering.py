"""What kernels lack, lowered: the same results of operators that exist, and a name per tensor."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.nets.float_graphs import FloatBuilder
from tests.unit.test_convert_fixups import kinds, same
from tinyml import convert as package
from tinyml.base.errors import InternalError, ModelError
from tinyml.convert import flatfile
from tinyml.convert.fixups import prepare
from tinyml.convert.names import repeated_names, with_unique_names
from tinyml.convert.narrow import without_int64
from tinyml.convert.quality import outputs
from tinyml.convert.quantize import quantize
from tinyml.convert.ranges import dequantize
from tinyml.convert.ranges import quantize as to_integers
from tinyml.convert.runners import INTEGER_REFERENCE, float_runner, quantised_runner
from tinyml.convert.tables import options_of, tables
from tinyml.convert.values import QuantizeSettings
from tinyml.ir.dtype import INT8, INT16, INT32, INT64, DType
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.options import Options, options
from tinyml.model.reader import load
from tinyml.ops import all_ops, trait_of
from tinyml.ops.forms import Form, Like
from tinyml.ops.traits import Scales
from tinyml.tflm.table import op_facts


def test_every_operator_that_the_converter_names_has_its_table() -> None:
    """Tables were derived from names of operators: RELU_N1_TO_1 and BATCH_MATMUL ended in errors.

    Any name of an operator in the code of importers and fix-ups can reach the file.
    """
    import tflite

    known = {name for name in vars(tflite.BuiltinOperator) if name.isupper()}
    folder = Path(next(iter(package.__path__)))
    named = {
        node.value
        for part in ("importers", "fixups")
        for path in (folder / part).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in known
    }
    only_read = {"LESS", "SELECT", "SELECT_V2", "SHAPE", "FILL", "PACK", "SQUEEZE", "SPLIT"}
    assert {"RELU_N1_TO_1", "BATCH_MATMUL", "CONCATENATION"} <= named
    names_of_onnx = {"LSTM", "RNN"}
    assert named <= set(tables()) | only_read | names_of_onnx | {"FAKE_QUANT"}


@pytest.mark.parametrize("kind", tables())
def test_every_table_is_written(kind: str) -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    y = b.op(kind, (x,), b.value("y", (1, 4)), options_of(kind))
    graph = b.graph((x,), (y,))
    assert flatfile.read("m", flatfile.write(graph)).ops[0].attrs.table == tables()[kind]


_WIDTHS = [
    (kind, bits)
    for kind in all_ops()
    if (scales := trait_of(kind, Scales)) is not None
    for bits in scales.widths
]


@pytest.mark.parametrize(("kind", "bits"), _WIDTHS)
def test_what_the_converter_may_emit_has_a_kernel_in_both_runtimes(kind: str, bits: int) -> None:
    """The converter has no list of its own: a width is a form, here and in TFLM's table."""
    dtype = {8: INT8, 16: INT16}[bits]
    assert any(dtype in types for form in all_ops()[kind].forms for _, types in _fixed_types(form))
    facts = op_facts()[kind]
    words = " ".join(facts.types).translate(str.maketrans("|?*:>", "     ")).split()
    assert {8: "i8", 16: "i16"}[bits] in words


def _fixed_types(form: Form) -> list[tuple[str, frozenset[DType]]]:
    return [(role, types) for role, types in form.types if not isinstance(types, Like)]


@pytest.mark.parametrize("kind", ["PRELU", "SELECT_V2"])
def test_sixteen_bits_are_lowered_or_there(kind: str) -> None:
    """--quantization int16x8 refused PRELU, and masks."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    b = FloatBuilder()
    x = b.value("x", (1, 3, 4))
    if kind == "PRELU":
        y = b.op(kind, (x, b.weights("slope", 1, 1, 4)), b.value("y", (1, 3, 4)))
    else:
        which = b.constant("which", np.arange(4) % 2 == 0)
        y = b.op(kind, (which, x, b.constant("else", np.float32(0.5))), b.value("y", (1, 3, 4)))
    z = b.dense("z", y, b.rng.normal(size=(5, 4)), KeepNumDims=True)
    b.tensors[z] = replace(b.tensors[z], shape=(1, 3, 5))
    graph = b.graph((x,), (z,))
    samples = [(b.rng.normal(size=(1, 3, 4)).astype(np.float32),) for _ in range(9)]
    data = quantize(flatfile.write(graph), samples, QuantizeSettings("int16x8")).data
    runner, exact = quantised_runner(data), float_runner(flatfile.write(graph))
    assert runner.name == INTEGER_REFERENCE
    found = [outputs(runner, s)[0] - exact.outputs(s)[0] for s in samples]
    assert np.abs(found).max() < 0.02  # of values up to 3: the weights have 8 bits


def test_an_operator_without_a_table_is_an_internal_error() -> None:
    with pytest.raises(InternalError, match="DENSIFY is neither in"):
        options_of("DENSIFY")


def test_no_two_tensors_have_one_name() -> None:
    """An output behind a SPLIT had its name on two tensors; reports mixed them up."""
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    inner = b.op("RELU", (x,), b.value("y", (1, 4)))
    middle = b.op("RELU", (inner,), b.value("y_2", (1, 4)))
    y = b.op("ABS", (middle,), b.value("y", (1, 4)), options("AbsOptions"))
    graph = b.graph((x,), (y,))
    assert repeated_names(graph) == ("y",)
    made = with_unique_names(graph)
    assert [tensor.name for tensor in made.tensors] == ["x", "y_3", "y_2", "y"]
    assert repeated_names(flatfile.read("m", flatfile.write(graph))) == ()


def _in_integers(graph: Graph, low: float = -3, high: float = 3) -> tuple[Graph, float]:
    """The integer model, which the compiler takes, and its largest error in its coarsest steps."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    rng = np.random.default_rng(4)
    samples = [
        tuple(
            rng.uniform(low, high, graph.tensors[i].shape).astype(np.float32) for i in graph.inputs
        )
        for _ in range(30)
    ]
    made = quantize(flatfile.write(graph), samples, QuantizeSettings()).data
    runner, exact = quantised_runner(made), float_runner(flatfile.write(graph))
    assert runner.name == INTEGER_REFERENCE
    worst = 0.0
    for sample in samples:
        given = [runner.graph.tensors[i].quant for i in runner.graph.inputs]
        (out,) = (runner.graph.tensors[i].quant for i in runner.graph.outputs)
        assert out is not None
        fed = [to_integers(v, q) for v, q in zip(sample, given, strict=True) if q is not None]
        step = max(q.scale for q in (*given, out) if q is not None)
        error = dequantize(runner.outputs(fed)[0], out) - exact.outputs(sample)[0]
        worst = max(worst, float(np.abs(error).max()) / step)
    return load(model_file("m.tflite", made)), worst


def _dense(b: FloatBuilder) -> tuple[int, int]:
    x = b.value("x", (1, 12))
    return x, b.dense("dense", x, np.eye(8, 12))  # rounds nothing but its input


def _bound(b: FloatBuilder, kind: str, value: int, number: float, name: str) -> int:
    bound = b.constant(f"{name}/c", np.float32(number))
    shape = b.tensors[value].shape
    return b.op(kind, (value, bound), b.value(name, shape), options_of(kind))


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (-0.5, 0.7), (0.0, 2.5)])
def test_a_clamp_is_the_scale_of_the_layer_before_it(low: float, high: float) -> None:
    """A clamp to 0..1 became MINIMUM, which the compiler refused with advice to convert."""
    b = FloatBuilder()
    x, value = _dense(b)
    value = _bound(b, "MAXIMUM", value, low, "low")
    y = _bound(b, "MINIMUM", value, high, "y")
    made, worst = _in_integers(b.graph((x,), (y,)))
    assert kinds(made) == ["FULLY_CONNECTED"]
    assert worst <= 1.5
    out = made.tensors[made.outputs[0]]
    assert out.name == "y"
    assert out.quant is not None
    assert out.quant.scale == pytest.approx((high - low) / 255, rel=0.02)


def test_a_clamp_whose_value_others_read_is_a_requantisation() -> None:
    b = FloatBuilder()
    x, value = _dense(b)
    clamped = _bound(b, "MINIMUM", value, 0.5, "clamped")
    y = b.op("ADD", (value, clamped), b.value("y", (1, 8)), options_of("ADD"))
    made, worst = _in_integers(b.graph((x,), (y,)))
    assert sorted(kinds(made)) == ["ADD", "FULLY_CONNECTED", "QUANTIZE"]
    assert worst <= 1.5


def test_a_clamp_at_zero_behind_another_meets_the_layer() -> None:
    """ReLU(max_value=1) of Keras is a MINIMUM and then RELU, which stayed an operator."""
    b = FloatBuilder()
    x, value = _dense(b)
    y = b.op("RELU", (_bound(b, "MINIMUM", value, 1.0, "a"),), b.value("y", (1, 8)))
    graph = b.graph((x,), (y,))
    same(graph, prepare(graph)[0])
    made, worst = _in_integers(graph)
    assert kinds(made) == ["FULLY_CONNECTED"]
    assert worst <= 1.5


def test_a_clamp_is_not_lost_on_a_scale_that_others_share() -> None:
    """Joined with values that reach further, the clamp's scale was theirs, and nothing clamped."""
    b = FloatBuilder()
    x = b.value("x", (1, 4, 3))
    clamped = _bound(b, "MAXIMUM", _bound(b, "MINIMUM", x, 0.4, "a"), -0.3, "b")
    held = options("ConcatenationOptions", Axis=1)
    y = b.op("CONCATENATION", (x, clamped), b.value("y", (1, 8, 3)), held)
    made, worst = _in_integers(b.graph((x,), (y,)))
    assert kinds(made) == ["QUANTIZE", "QUANTIZE", "CONCATENATION"]
    assert worst <= 1.5


def test_what_only_moves_a_clamped_value_has_its_scale() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4, 6, 3))
    clamped = _bound(b, "MINIMUM", x, 0.4, "a")
    held = options("Pool2DOptions", StrideH=2, StrideW=2, FilterHeight=2, FilterWidth=2, Padding=1)
    y = b.op("MAX_POOL_2D", (clamped,), b.value("y", (1, 2, 3, 3)), held)
    made, worst = _in_integers(b.graph((x,), (y,)))
    assert kinds(made) == ["QUANTIZE", "MAX_POOL_2D"]
    assert worst <= 1.5


def test_a_clamped_input_is_a_requantisation() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 6, 4, 3))
    y = _bound(b, "MAXIMUM", _bound(b, "MINIMUM", x, 0.4, "a"), -0.2, "y")
    made, worst = _in_integers(b.graph((x,), (y,)))
    assert kinds(made) == ["QUANTIZE"]
    assert worst <= 1.5


def test_a_clamp_that_was_zero_on_all_samples_ends_there() -> None:
    """SELU of a value above 0 was an internal error: a scale of nothing began at its bound."""
    b = FloatBuilder()
    x = b.value("x", (1, 8))
    above = b.op("RELU", (x,), b.value("above", (1, 8)))
    y = _bound(b, "MINIMUM", above, 0.0, "y")
    made, worst = _in_integers(b.graph((x,), (y,)))
    out = made.tensors[made.outputs[0]].quant
    assert out is not None
    assert out.zero_point == 127
    assert worst == 0


@pytest.mark.parametrize("kind", ["MAXIMUM", "MINIMUM"])
@pytest.mark.parametrize("other", ["beyond zero", "per channel", "value"])
def test_bounds_that_no_scale_can_hold_are_sums(kind: str, other: str) -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4, 6, 3))
    inputs: tuple[int, ...] = (x,)
    if other == "value":
        bound = b.value("z", (1, 4, 6, 3))
        inputs = (x, bound)
    elif other == "per channel":
        bound = b.constant("bound", np.array([-0.5, 0.5, 0.1]))
    else:
        bound = b.constant("bound", np.float32(0.3 if kind == "MAXIMUM" else -0.3))
    y = b.op(kind, (bound, x), b.value("y", (1, 4, 6, 3)), options_of(kind))
    graph = b.graph(inputs, (y,))
    same(graph, prepare(graph)[0], 1e-6)
    made, worst = _in_integers(graph)
    assert kinds(made)[:1] == ["SUB"]
    assert worst <= 4


@pytest.mark.parametrize(("kind", "low"), [("RELU_N1_TO_1", -1.0), ("RELU_0_TO_1", 0.0)])
def test_named_clamps_that_nothing_takes_in(kind: str, low: float) -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 9))
    y = b.op(kind, (x,), b.value("y", (1, 9)), options_of(kind))
    graph = b.graph((x,), (y,))
    same(graph, prepare(graph)[0])
    made, worst = _in_integers(graph)
    assert kinds(made) == ["QUANTIZE"]
    assert worst <= 1.5


@pytest.mark.parametrize("count", [11, 15, 20, 101])
def test_concatenations_of_many_parts_are_concatenations_of_them(count: int) -> None:
    """A concatenation of 15 was converted, then refused by the compiler and by TFLM."""
    b = FloatBuilder()
    x = b.value("x", (1, 3, 2))
    halves = [_bound(b, "MAXIMUM", x, -0.1 * k, f"p{k}") for k in range(count)]
    held = options("ConcatenationOptions", Axis=1)
    y = b.op("CONCATENATION", tuple(halves), b.value("y", (1, 3 * count, 2)), held)
    graph = b.graph((x,), (y,))
    after = prepare(graph)[0]
    same(graph, after)
    assert max(len(op.inputs) for op in after.ops if op.kind == "CONCATENATION") <= 10


@pytest.mark.parametrize(
    ("kind", "exponent", "count"),
    [("SQUARE", None, 1), ("POW", 2.0, 1), ("POW", 3.0, 2), ("POW", 4.0, 3), ("POW", 1.0, 1)],
)
def test_powers_are_products(kind: str, exponent: float | None, count: int) -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4, 5))
    operands = (x,) if exponent is None else (x, b.constant("e", np.float32(exponent)))
    y = b.op(kind, operands, b.value("y", (1, 4, 5)), options_of(kind))
    graph = b.graph((x,), (y,))
    after = prepare(graph)[0]
    assert kinds(after) == ["MUL"] * count
    same(graph, after, 1e-6)
    _in_integers(graph)


def test_a_quotient_by_constants_is_a_product() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4, 5))
    y = b.op(
        "DIV", (x, b.constant("c", np.full(5, 2.5))), b.value("y", (1, 4, 5)), options_of("DIV")
    )
    graph = b.graph((x,), (y,))
    assert kinds(prepare(graph)[0]) == ["MUL"]
    same(graph, prepare(graph)[0], 1e-6)


def test_positions_are_32_bits_wide() -> None:
    """ARG_MAX with an int64 output ended in a traceback: interpreters of firmware lack it."""
    b = FloatBuilder()
    x, axis = b.value("x", (1, 6, 3)), b.constant("axis", np.int32(2))
    held = options("ArgMaxOptions", OutputType=4)
    y = b.op("ARG_MAX", (x, axis), b.value("y", (1, 6), INT64), held)
    made = without_int64(b.graph((x,), (y,)))
    assert made.tensors[y].dtype == INT32
    assert made.ops[0].attrs.get("OutputType") == 2


def test_an_operator_that_needs_64_bits_is_named() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 6), INT64)
    y = b.op("BITWISE_XOR", (x, x), b.value("y", (1, 6), INT64), Options())
    with pytest.raises(ModelError, match="BITWISE_XOR 'y' computes with 64-bit integers"):
        without_int64(replace(b.graph((x,), (y,))))


def test_an_interpreter_that_stops_is_one_error(capfd: pytest.CaptureFixture[str]) -> None:
    """What interpreters print went to the user as it was, and a stop was a traceback."""
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    b = FloatBuilder()
    x = b.value("x", (1, 4))
    numbers = b.constant("numbers", np.array([9], np.int32))  # of four columns
    y = b.op("GATHER", (x, numbers), b.value("y", (1, 1)), options_of("GATHER", Axis=1))
    runner = float_runner(flatfile.write(b.graph((x,), (y,))))
    with pytest.raises(ModelError, match=r"LiteRT loads the model and stops when it runs: .*index"):
        runner.outputs((np.zeros((1, 4), np.float32),))
    assert capfd.readouterr().err == ""
