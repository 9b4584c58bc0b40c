"""A layer on a constant whose output is the model's had a kernel that reads what has no memory."""

from __future__ import annotations

import numpy as np

from tests.support.models.small_graphs import GraphBuilder
from tinyml.ir.graph import Graph, Quant
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.reference import outputs
from tinyml.passes import run_passes
from tinyml.plan.planner import plan
from tinyml.plan.verify import verify
from tinyml.target.boards import load_board


def layer_on_a_constant() -> Graph:
    b = GraphBuilder()
    given = b.value("x", (1, 4), (0.5, 0))
    held = b.constant("held", np.array([[1, -2, 3, 4]], np.int8), Quant((0.5,), (0,)))
    dense = b.value("y", (1, 3), (0.5, 0))
    b.op("FULLY_CONNECTED", (held, b.weights("w", (3, 4), 0, 1), -1), dense, FullyConnectedAttrs())
    added = b.value("z", (1, 4), (0.5, 0))
    b.op("ADD", (given, given), added, BinaryAttrs())
    return b.graph((given,), (dense, added))


def test_what_it_computes_is_copied_to_the_output() -> None:
    graph = layer_on_a_constant()
    simple = run_passes(graph)
    assert [op.kind for op in simple.ops] == ["SLICE", "RESHAPE", "ADD"]
    board = load_board("nucleo_l4r5zi")
    verify(plan(simple, board), board)
    given = np.array([[5, -6, 7, 100]], np.int8)
    for wanted, found in zip(outputs(graph, [given]), outputs(simple, [given]), strict=True):
        assert np.array_equal(wanted, found)
