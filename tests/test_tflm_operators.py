"""What ``--runtime tflm`` says of every operator and type is what TFLM does.

It said "fits" for uint8 models, float layers with int8 weights and int64 indices, which TFLM
refuses as it starts, and refused transposed convolutions that TFLM runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import case_paths, is_beyond_tflm, load_cases
from tests.support.running.tflm import needs_tflm
from tests.support.running.tflm_operators import (
    ABSENT,
    TEMPLATES,
    combinations,
    file_of,
    model_of,
    ones,
    verdicts,
)
from tinyml.base.errors import ModelError, UnsupportedOps
from tinyml.ir.dtype import BOOL, FLOAT32
from tinyml.ir.graph import Graph, Quant
from tinyml.model.file import model_file
from tinyml.model.writer import write
from tinyml.runtimes import runtime_of
from tinyml.target.boards import load_board
from tinyml.tflm.operands import signatures_of
from tinyml.tflm.outline import outline
from tinyml.tflm.table import op_facts
from tinyml.values.goal import Goal

BOARDS = ("nucleo_f446re", "esp32s3")
COMPARISONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
BIAS = {  # types that the kernel reads as what they are, by that of the data
    "CONV_2D": {"float32": ("float32",), "int8": ("int32",), "int16": ("int32", "int64")},
    "DEPTHWISE_CONV_2D": {"float32": ("float32",), "int8": ("int32",), "int16": ("int64",)},
    "FULLY_CONNECTED": {"float32": ("float32",), "int8": ("int32",), "int16": ("int32", "int64")},
    "SVDF": {"float32": ("float32",), "int8": ("int32",)},
    "TRANSPOSE_CONV": {"float32": ("float32",), "int8": ("int32",), "int16": ("int16", "int64")},
}
Change = Callable[[Quant], "Quant | None"]
CHANGES: tuple[Change, ...] = (
    lambda quant: replace(quant, scales=(0.37109375,)),
    lambda quant: replace(quant, zero_points=(5,)),
    lambda quant: replace(quant, scales=(2.0**-23,)),
    lambda quant: replace(quant, scales=(2.0**23,)),
    lambda quant: None,
)
KNOWS_INT64 = ("BROADCAST_ARGS", "BROADCAST_TO", "DYNAMIC_UPDATE_SLICE", "FILL", "RESHAPE", "SLICE")


def is_misread(kind: str, types: Sequence[str]) -> bool:
    """Whether TFLM runs it, but takes the bytes of an operand for another type: we refuse that."""
    given, made = TEMPLATES[kind].letters.split(" > ")
    named = list(zip([*given.split(), *made.split()], types, strict=True))
    data = dict(reversed(named)).get("d", named[0][1])
    for word, dtype in named:
        if word[-1] == "b" and dtype not in (*BIAS[kind].get(data, ()), ABSENT):
            return True
        if word[-1] == "i" and dtype not in ("int32", "int64" if kind in KNOWS_INT64 else "int32"):
            return dtype != ABSENT
    if kind == "TRANSPOSE_CONV":
        return types[1] == "int16"
    if kind in COMPARISONS:
        return types[-1] != "bool"
    return kind in ("LOGICAL_AND", "LOGICAL_OR") and data != "bool"


def our_verdict(data: bytes, boards: Sequence[str] = BOARDS) -> str:
    """The same words for what the runtime says; every plan must then be possible."""
    file, runtime = model_file("m.tflite", data), runtime_of("tflm")
    try:
        graph = runtime.load(file)
    except UnsupportedOps:
        return "refuses"
    for name in boards:
        runtime.plan(file, graph, load_board(name), Goal())
    return "runs"


@needs_tflm
@pytest.mark.parametrize("kind", sorted(TEMPLATES))
def test_our_verdict_is_what_tflm_does(kind: str) -> None:
    chosen = list(dict.fromkeys(combinations(TEMPLATES[kind])))
    graphs = [model_of(kind, types) for types in chosen]
    files = [file_of(graph) for graph in graphs]
    found = verdicts(files, [ones(graph) for graph in graphs])
    expected = [
        "refuses" if verdict == "stops" or is_misread(kind, types) else verdict
        for types, verdict in zip(chosen, found, strict=True)
    ]
    assert "runs" in expected
    ours = [our_verdict(data) for data in files]
    wrong = [
        (types, tflm, said)
        for types, tflm, said in zip(chosen, expected, ours, strict=True)
        if tflm != said
    ]
    assert not wrong


def with_quants(graph: Graph, indices: Sequence[int], change: Change) -> Graph:
    """The model with the scales of some tensors changed, where they have any."""
    tensors = list(graph.tensors)
    for i in indices:
        quant = tensors[i].quant
        if quant is not None:
            tensors[i] = replace(tensors[i], quant=change(quant))
    return replace(graph, tensors=tuple(tensors))


@needs_tflm
@pytest.mark.parametrize("kind", sorted(TEMPLATES))
def test_what_tflm_demands_of_scales_we_demand_too(kind: str) -> None:
    """It said "fits" for a softmax with any output scale; TFLM refuses it as it starts."""
    graphs = []
    for types in dict.fromkeys(combinations(TEMPLATES[kind])):
        graph = model_of(kind, types)
        if our_verdict(file_of(graph), boards=()) == "refuses":
            continue
        op = graph.ops[0]
        for change in CHANGES:
            for indices in (op.inputs[:1], op.outputs):
                graphs.append(with_quants(graph, indices, change))
    files = [file_of(graph) for graph in graphs]
    found = verdicts(files, [ones(graph) for graph in graphs])
    wrong = []
    for graph, data, tflm in zip(graphs, files, found, strict=True):
        ours = our_verdict(data, boards=())
        has_all = all(t.quant or t.dtype in (FLOAT32, BOOL) for t in graph.tensors)
        # Without scales TFLM runs some kernels, and they compute nothing of use.
        if ours != tflm.replace("stops", "refuses") and (has_all or ours == "runs"):
            wrong.append((tflm, ours, [(t.dtype.name, t.quant) for t in graph.tensors]))
    assert not wrong


@pytest.mark.parametrize("path", case_paths(), ids=lambda path: path.stem)
def test_what_we_compile_tflm_takes_too(path: Path) -> None:
    """Every row of tests/ops runs in TFLM, LSTM with its 24 operands among them."""
    refused = is_beyond_tflm(path)
    for case in load_cases(path).cases:
        if refused:
            with pytest.raises(ModelError):
                outline(model_file("m.tflite", write(case.graph)))
        elif path.stem == "space_to_batch_nd" and np.any(case.graph.tensors[2].data):
            with pytest.raises(UnsupportedOps) as caught:  # TFLM runs it, on what memory held
                outline(model_file("m.tflite", write(case.graph)))
            assert "Borders must be 0" in caught.value.found[0].constraint
        elif case.graph.inputs:
            outline(model_file("m.tflite", write(case.graph)))


def test_every_operator_of_the_table_has_a_template() -> None:
    """Others are models of their own: tests/test_control.py, tests/unit/test_tflm.py."""
    graphs = {kind for kind, facts in op_facts().items() if facts.calls or facts.handle}
    assert set(op_facts()) - set(TEMPLATES) - graphs == {"UNIDIRECTIONAL_SEQUENCE_LSTM"}


@pytest.mark.parametrize("kind", sorted(op_facts()))
def test_the_table_can_be_read(kind: str) -> None:
    facts = op_facts()[kind]
    found = [item for text in facts.types for item in signatures_of(text)]
    assert all(item.outputs or facts.calls or facts.handle for item in found)
    for item in found:
        assert len(facts.ranks) <= len(item.inputs)
        assert len(facts.output_ranks) <= len(item.outputs)


def test_what_the_kernel_takes_is_said() -> None:
    graph = model_of("FULLY_CONNECTED", ("float32", "int8", "float32", "float32"))
    with pytest.raises(UnsupportedOps) as caught:
        outline(model_file("m.tflite", file_of(graph)))
    (item,) = caught.value.found
    assert item.constraint == (
        "Operands and their types must be what TFLM's kernel takes: f32 f32 ?f32 to f32; "
        "i8 i8 ?i32 to i8; i16 i8 ?i32|i64 to i16."
    )
    assert item.found == "float32 int8 float32 to float32"
