"""An operator that is not built into TensorFlow Lite has its name in its key: "CUSTOM name".

All such operators share one code, 32; looked up by the code there could be only one of them.
"""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.support.models.small_graphs import GraphBuilder
from tinyml import ops
from tinyml.base.errors import UnsupportedOps
from tinyml.codegen.generate import generate
from tinyml.convert import flatfile
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.options import Options
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.outside import added
from tinyml.ops.reference import outputs
from tinyml.passes import run_passes
from tinyml.plan.planner import plan
from tinyml.target.boards import load_board

NAMES = {"RELU": "CUSTOM MyRelu", "TANH": "CUSTOM MyTanh"}


def own_operators() -> ModuleType:
    """Two operators of one's own: what TANH and RELU compute, under other names."""
    module = ModuleType("of_my_own")
    mine = (replace(ops.spec_of(kind), kind=name) for kind, name in NAMES.items())
    module.OPS = tuple(mine)  # type: ignore[attr-defined]
    return module


def model(attrs: Any) -> Graph:
    b = GraphBuilder()
    x = b.value("x", (1, 8), (0.1, 3))
    y = b.op("CUSTOM MyRelu", (x,), b.value("y", (1, 8), (0.1, 3)), attrs)
    z = b.op("CUSTOM MyTanh", (y,), b.value("z", (1, 8), (1 / 128, 0)), attrs)
    return b.graph((x,), (z,))


def test_operators_of_ones_own_are_told_apart_by_name() -> None:
    with added(own_operators()):
        _check()


def _check() -> None:
    graph = load(model_file("m.tflite", write(model(NoAttrs()))))
    assert [op.kind for op in graph.ops] == ["CUSTOM MyRelu", "CUSTOM MyTanh"]
    x = np.arange(-100, 100, 25).astype(np.int8).reshape(1, 8)
    (found,) = outputs(graph, (x,))
    real = np.tanh(np.maximum((x.astype(float) - 3) * 0.1, 0)) * 128
    assert np.abs(np.clip(real, -128, 127) - found).max() <= 1
    board = load_board("nucleo_l4r5zi")
    files = generate(plan(run_passes(graph), board), board).files
    assert any("CUSTOM MyTanh" in text for _, text in files)


def test_without_them_their_names_are_the_message() -> None:
    data = flatfile.write(model(Options(custom=b"abc")))
    held = flatfile.read("m.tflite", data).ops[0].attrs
    assert held.custom == b"abc"
    with pytest.raises(UnsupportedOps) as caught:
        load(model_file("m.tflite", data))
    assert [item.found for item in caught.value.found] == ["CUSTOM MyRelu", "CUSTOM MyTanh"]
