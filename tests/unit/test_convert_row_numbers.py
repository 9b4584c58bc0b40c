"""Embeddings: the numbers of rows are read as they are."""

from __future__ import annotations

import numpy as np

from tests.support.nets.float_graphs import FloatBuilder
from tinyml.convert.fixups import prepare
from tinyml.ir.dtype import BOOL, INT32, DType
from tinyml.ir.graph import Graph, check
from tinyml.model.options import options


def embedding(below: int = 0, *, is_read_twice: bool = False) -> Graph:
    """What Keras makes of a layer ``Embedding(9, 4)`` on six numbers."""
    b = FloatBuilder()

    def numbers(name: str, dtype: DType = INT32) -> int:
        return b.value(name, (1, 6), dtype)

    given = numbers("tokens")
    limits = [b.constant(name, np.array(n, np.int32)) for name, n in (("low", below), ("rows", 9))]
    is_below = b.op("LESS", (given, limits[0]), numbers("below", BOOL), options("LessOptions"))
    moved = b.op("ADD", (given, limits[1]), numbers("moved"), options("AddOptions"))
    chosen = b.op("SELECT", (is_below, moved, given), numbers("chosen"), options("SelectOptions"))
    table = b.constant("table", b.rng.normal(size=(9, 4)).astype(np.float32))
    rows = b.value("embedded", (1, 6, 4))
    b.op("GATHER", (table, chosen), rows, options("GatherOptions", Axis=0))
    return b.graph((given,), (rows, chosen) if is_read_twice else (rows,))


def test_numbers_of_rows_are_not_wrapped() -> None:
    graph, notes = prepare(embedding())
    check(graph)
    (op,) = graph.ops
    assert op.kind == "GATHER"
    assert [graph.tensors[i].name for i in op.inputs] == ["table", "tokens"]
    assert "1 SELECT for numbers of rows below 0, left out" in notes


def test_other_choices_stay() -> None:
    graph, _ = prepare(embedding(below=3))
    assert [op.kind for op in graph.ops] == ["LESS", "ADD", "SELECT", "GATHER"]


def test_numbers_that_the_model_shows_stay() -> None:
    graph, _ = prepare(embedding(is_read_twice=True))
    assert [op.kind for op in graph.ops] == ["LESS", "ADD", "SELECT", "GATHER"]
