"""ONNX, operator by operator: the .tflite computes what onnx's own reference computes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the package onnx is missing (tinyml-firmware[onnx])")
pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is missing (tinyml-firmware[onnx])")

from tests.support.nets.onnx_cases import cases, graph_of, one, weights
from tests.zoo.catalogue import operators
from tests.zoo.onnx_loops import loop
from tests.zoo.onnx_rows import UNREAD, rows
from tinyml.base.errors import ModelError, ToolError
from tinyml.convert import flatfile
from tinyml.convert.conversion import ConvertOptions, convert
from tinyml.convert.importers import onnx_runs
from tinyml.convert.importers.values import ImportOptions
from tinyml.convert.quantize import quantize
from tinyml.convert.runners import float_runner
from tinyml.convert.sources import importer_of, source_of
from tinyml.convert.values import FloatModel, QuantizeSettings
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.ops import trait_of
from tinyml.ops.reference import outputs
from tinyml.ops.traits import Runs
from tinyml.passes import run_passes

CASES = cases()
ROWS = {name: make() for name, make in rows().items()}
ALL = {f"zoo_{name}": model for name, model in ROWS.items() if name not in UNREAD} | CASES


def imported(model: Any, tmp_path: Path, **options: Any) -> FloatModel:
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    source = source_of(str(path))
    return importer_of(source).to_float_tflite(source, ImportOptions(**options))


def both(model: Any, made: FloatModel) -> list[tuple[Any, Any]]:
    """(by onnx, by the .tflite) of each output, in onnx's order of axes."""
    generator = np.random.default_rng(3)
    fed = {
        item.name: generator.normal(0, 2, item.source_shape).astype(np.float32)
        for item in made.inputs
    }
    moved = [
        value if item.permutation is None else value.transpose(item.permutation)
        for item, value in zip(made.inputs, fed.values(), strict=True)
    ]
    names = [item.name for item in model.graph.input]
    wanted = onnx_runs.outputs(model, dict(zip(names, fed.values(), strict=True))).values()
    found = float_runner(made.data).outputs(moved)
    pairs = []
    for item, exact, value in zip(made.outputs, wanted, found, strict=True):
        if item.permutation is not None:
            value = value.transpose([item.permutation.index(i) for i in range(value.ndim)])
        pairs.append((exact, value))
    return pairs


@pytest.mark.parametrize("name", ALL)
def test_results_equal_onnx(name: str, tmp_path: Path) -> None:
    made = imported(ALL[name], tmp_path)
    for exact, found in both(ALL[name], made):
        assert found.shape == exact.shape
        np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith(("net", "conv_"))])
def test_no_transposition_remains(name: str, tmp_path: Path) -> None:
    assert imported(CASES[name], tmp_path).transposes == ()


def test_every_operator_has_a_case() -> None:
    from tinyml.convert.importers.onnx_nodes import HANDLERS

    assert set(HANDLERS) <= {node.op_type for m in ALL.values() for node in m.graph.node}


@pytest.mark.parametrize("name", CASES)
def test_what_is_converted_is_built(name: str, tmp_path: Path) -> None:
    """Models were converted that the compiler refused, with the advice to convert them."""
    path = tmp_path / "model.onnx"
    path.write_bytes(CASES[name].SerializeToString())
    report = convert(str(path), ConvertOptions(calibration="random")).report
    assert not [note for note in report.result.notes if "--runtime tflm only" in note]
    load(model_file("m.tflite", report.result.data))


def test_transposition_that_remains_is_listed(tmp_path: Path) -> None:
    nodes = [
        ("Conv", "x w", "a", {}),
        ("Reshape", "a s", "b", {}),
        ("Softmax", "b", "y", {"axis": 2}),
    ]
    held = {"w": weights(6, 4, 3, 3), "s": np.array([1, 12, 10])}
    (found,) = imported(graph_of([("x", (1, 4, 7, 6))], nodes, held), tmp_path).transposes
    assert found.elements == 120


def test_unknown_operators_are_listed_with_the_other_road(tmp_path: Path) -> None:
    model = graph_of(
        [("x", (1, 4))], [("RandomNormalLike", "x", "a", {}), ("Bernoulli", "a", "y", {})]
    )
    with pytest.raises(ToolError) as caught:
        imported(model, tmp_path)
    assert "2 thing(s)" in caught.value.message
    assert "RandomNormalLike 'a': no such operator here" in caught.value.message
    assert "--onnx2tf-python" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("end", "steps", "reason"),
    [
        ("computed", 5, "whether it goes on is computed at run time"),
        ("known", 257, "more than 256 steps"),
    ],
)
def test_loops_without_an_end_that_is_near_are_refused(
    end: str, steps: int, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ToolError) as caught:
        imported(loop(end, steps), tmp_path)
    assert f"Loop 'last': control flow: {reason}" in caught.value.message
    assert "without loops" in str(caught.value.hint)


def test_einsum_of_a_diagonal_is_refused(tmp_path: Path) -> None:
    model = graph_of([("x", (1, 4, 4))], [("Einsum", "x", "y", {"equation": "bii->bi"})])
    with pytest.raises(ToolError, match="a diagonal, in the equation bii->bi"):
        imported(model, tmp_path)


@pytest.mark.skipif(
    "TINYML_ONNX2TF_PYTHON" not in os.environ,
    reason="TINYML_ONNX2TF_PYTHON names no Python with onnx2tf (docs/convert.md)",
)
def test_onnx2tf_takes_what_is_unknown(tmp_path: Path) -> None:
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    nodes = [("Conv", "x w", "a", {}), ("MaxPool", "a", "p", pool), ("Flatten", "p", "y", {})]
    model = graph_of([("x", (1, 4, 10, 8))], nodes, {"w": weights(6, 4, 3, 3)})
    other = Path(os.environ["TINYML_ONNX2TF_PYTHON"])
    made = imported(model, tmp_path, onnx2tf_python=other)
    assert made.notes[0] == "converted by onnx2tf, because of MaxPool"
    assert made.inputs[0].shape == (1, 10, 8, 4)
    for exact, found in both(model, made):
        np.testing.assert_allclose(found, exact, rtol=1e-3, atol=1e-4)


def test_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x07garbage")
    source = source_of(str(path))
    with pytest.raises(ModelError, match="is no ONNX model"):
        importer_of(source).to_float_tflite(source, ImportOptions())


def test_fixed_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a batch of 8; firmware runs one sample"):
        imported(one("Relu", (8, 3))(), tmp_path)


def test_free_dimension_needs_a_shape(tmp_path: Path) -> None:
    model = one("Relu", ("n", "length", 3))()
    with pytest.raises(ModelError, match=r"free dimension: \[1, \?, 3\]"):
        imported(model, tmp_path)
    assert imported(model, tmp_path, input_shapes=((1, 5, 3),)).inputs[0].shape == (1, 5, 3)


def test_page_lists_every_operator() -> None:
    page = (Path(__file__).parents[2] / "docs" / "convert.md").read_text()
    assert [each for each in operators() if f"\n\n{each}\n" not in page] == []  # --operators


@pytest.mark.parametrize("kind", ["GRU", "RNN"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_recurrent_layers_become_loops(kind: str, direction: str, tmp_path: Path) -> None:
    """What the importer writes out step by step, in integers: a loop per direction."""
    count, gates = 1 + (direction == "bidirectional"), {"GRU": 3, "RNN": 1}[kind]
    steps = 12
    held = {
        "w": weights(count, gates * 5, 3),
        "r": weights(count, gates * 5, 5),
        "b": weights(count, 2 * gates * 5),
    }
    attrs = {"hidden_size": 5, "direction": direction}
    nodes = [
        ("Transpose", "x", "steps", {"perm": [1, 0, 2]}),
        (kind, "steps w r b", "y z", attrs),
    ]
    made = imported(graph_of([("x", (1, steps, 3))], nodes, held, ("y", "z")), tmp_path)
    rng = np.random.default_rng(2)
    samples = [(rng.normal(size=(1, steps, 3)).astype(np.float32),) for _ in range(6)]
    data = quantize(made.data, samples, QuantizeSettings()).data
    graph = load(model_file("model.tflite", data))
    rolled = run_passes(graph)
    loops = [op for op in rolled.ops if trait_of(op.kind, Runs) is not None]
    assert len(loops) == count
    assert all(op.attrs.rounds >= steps - 1 for op in loops)
    for _ in range(3):
        fed = [
            rng.integers(-128, 128, graph.tensors[i].shape).astype(np.int8) for i in graph.inputs
        ]
        for exact, found in zip(outputs(graph, fed), outputs(rolled, fed), strict=True):
            np.testing.assert_array_equal(found, exact)


def test_an_output_that_no_input_reaches_is_refused(tmp_path: Path) -> None:
    """It ended in a KeyError."""
    model = graph_of(
        [("x", (1, 4))],
        [("Relu", "x", "y", {}), ("Add", "a a", "z", {})],
        {"a": np.ones((1, 3), np.float32)},
        ("y", "z"),
    )
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="output 'z' is a constant, whatever the input is"):
        convert(str(tmp_path / "m.onnx"), ConvertOptions(calibration="random"))


def branches() -> dict[str, Any]:
    """A value doubled, or else turned around."""
    from onnx import TensorProto, helper, numpy_helper

    def branch(*nodes: Any) -> Any:
        made = helper.make_tensor_value_info("r", TensorProto.FLOAT, None)
        return helper.make_graph(nodes, "branch", [], [made], [])

    two = helper.make_node("Constant", [], ["two"], value=numpy_helper.from_array(np.float32(2)))
    return {
        "then_branch": branch(two, helper.make_node("Mul", ["a", "two"], ["r"])),
        "else_branch": branch(helper.make_node("Neg", ["a"], ["r"])),
    }


@pytest.mark.parametrize(("size", "kind"), [(6, "MUL"), (5, "NEG")])
def test_a_branch_that_a_shape_decides_is_read(size: int, kind: str, tmp_path: Path) -> None:
    """PyTorch's legacy exporter writes an If around a squeeze; it was "control flow"."""
    nodes = [
        ("Conv", "x w", "a", {}),
        ("Shape", "a", "s", {}),
        ("Gather", "s one", "g", {}),
        ("Equal", "g size", "k", {}),
        ("If", "k", "y", branches()),
    ]
    held = {"w": weights(6, 4, 3, 3), "one": np.array(1), "size": np.array(size)}
    model = graph_of([("x", (1, 4, 9, 8))], nodes, held)
    made = imported(model, tmp_path)
    assert kind in [op.kind for op in flatfile.read("m", made.data).ops]
    for wanted, found in both(model, made):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_a_branch_that_values_decide_is_refused_with_a_way_out(tmp_path: Path) -> None:
    nodes = [
        ("Relu", "x", "a", {}),
        ("ReduceSum", "x", "s", {"keepdims": 0}),
        ("Greater", "s zero", "k", {}),
        ("If", "k", "y", branches()),
    ]
    model = graph_of([("x", (1, 4))], nodes, {"zero": np.array(0, np.float32)})
    with pytest.raises(ToolError, match=r"If 'y': control flow(?s:.*)without loops and branches"):
        imported(model, tmp_path)


def test_constants_of_old_opsets_are_computed(tmp_path: Path) -> None:
    """By the rules of the newest, an Unsqueeze of opset 11 lacked its axes; others are the same."""
    nodes = [
        ("DequantizeLinear", "q scale", "v", {}),
        ("Unsqueeze", "v", "u", {"axes": [0]}),
        ("Add", "x u", "y", {}),
    ]
    held = {"q": np.array([1, 2, 3, 4], np.int8), "scale": np.array(0.5, np.float32)}
    model = graph_of([("x", (1, 4))], nodes, held, opset=11)
    for wanted, found in both(model, imported(model, tmp_path)):
        np.testing.assert_allclose(found, wanted)
