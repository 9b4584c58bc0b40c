"""What the application of a project takes for classes: scores from 0 to 1, in whatever type."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.models.small_graphs import GraphBuilder
from tinyml.codegen.application import result_view
from tinyml.ir.dtype import FLOAT32, INT8, INT16, INT32, DType
from tinyml.ir.graph import Graph
from tinyml.ops import spec_of
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.softmax import SoftmaxAttrs

Q = tuple[float, int] | None
UNIT8: Q = (1 / 256, -128)


def scores(kind: str, dtype: DType, quant: Q, shape: tuple[int, ...] = (1, 4)) -> Graph:
    b = GraphBuilder()
    given = b.value("x", shape, quant and (0.1, 0), dtype)
    attrs = SoftmaxAttrs(1.0) if kind == "SOFTMAX" else NoAttrs()
    return b.graph((given,), (b.op(kind, (given,), b.value("y", shape, quant, dtype), attrs),))


@pytest.mark.parametrize(
    ("graph", "has_classes"),
    [
        (scores("SOFTMAX", INT8, UNIT8), True),
        (scores("SOFTMAX", INT16, (1 / 32768, 0)), True),
        (scores("SOFTMAX", FLOAT32, None), True),
        (scores("LOGISTIC", FLOAT32, None), True),
        (scores("TANH", INT16, (1 / 32768, 0)), False),
        (scores("RELU", FLOAT32, None), False),
        (scores("SOFTMAX", INT8, UNIT8, (2, 4)), False),
        (scores("LOGISTIC", INT8, UNIT8, (1, 1)), False),
    ],
    ids=lambda value: None if isinstance(value, bool) else value.ops[0].kind,
)
def test_scores_are_classes(graph: Graph, has_classes: bool) -> None:
    """A float or int16 softmax printed ten numbers."""
    assert result_view(graph).has_classes is has_classes


def test_scores_that_were_converted_and_reshaped_stay_scores() -> None:
    b = GraphBuilder()
    given = b.value("x", (1, 1, 4), (0.1, 0))
    out = b.op("SOFTMAX", (given,), b.value("p", (1, 1, 4), UNIT8), SoftmaxAttrs(1.0))
    flat = b.op("RESHAPE", (out,), b.value("r", (1, 4), UNIT8), spec_of("RESHAPE").attrs((1, 4)))
    real = b.value("f", (1, 4), None, FLOAT32)
    graph = b.graph((given,), (b.op("DEQUANTIZE", (flat,), real, NoAttrs()),))
    assert result_view(graph).has_classes


def numbered(*labels: str) -> Graph:
    """A model that ends in the number of a class."""
    b = GraphBuilder()
    given = b.value("x", (1, 4), (0.1, 0))
    axis = b.constant("axis", np.array(1, np.int32))
    out = b.value("y", (1,), None, INT32)
    graph = b.graph((given,), (b.op("ARG_MAX", (given, axis), out, spec_of("ARG_MAX").attrs()),))
    metadata = replace(graph.source.metadata, labels=labels)
    return replace(graph, source=replace(graph.source, metadata=metadata))


def test_a_number_is_a_class_where_classes_have_names() -> None:
    """Its labels were nowhere in the firmware."""
    view = result_view(numbered("a", "b", "c", "d"))
    assert (view.is_class, view.has_labels, view.has_classes) == (True, True, False)
    plain = result_view(numbered())
    assert (plain.is_class, plain.has_labels, plain.has_classes) == (False, False, False)
