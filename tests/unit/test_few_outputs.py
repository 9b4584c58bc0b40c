"""FULLY_CONNECTED of few outputs: where the planner takes its kernel, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.models.cases import row_graph
from tinyml import api
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import KernelCall
from tinyml.ops import layer_of
from tinyml.plan.offers import offers_of

FEW = "tml_dsp_few_outputs_s8"


def _layer(rows: int, features: int, outputs: int) -> Graph:
    inputs = [
        {"shape": [rows, features], "scale": 0.02, "zero_point": -3},
        {"shape": [outputs, features], "scale": 0.01, "data": "random"},
        {"shape": [outputs], "bias": True, "range": [-3000, 3000]},
    ]
    row = {"name": "layer", "inputs": inputs, "output": {"scale": 0.1, "zero_point": 3}}
    return row_graph("FULLY_CONNECTED", row, "layer")[0]


def _offered(graph: Graph) -> dict[str, KernelCall]:
    (op,) = graph.ops
    offers, _ = offers_of(op, graph, ("dsp",), layer_of(op, graph))
    return {offer.name: offer.call for offer in offers}


@pytest.mark.parametrize(("outputs", "is_few"), [(1, True), (3, True), (8, False), (64, False)])
def test_the_planner_takes_it_for_few_outputs(outputs: int, is_few: bool) -> None:
    graph = _layer(1, 128, outputs)
    plan = api.plan(graph, api.load_board("nucleo_l4r5zi"), api.Settings("speed")).plan
    (step,) = plan.steps
    assert step.call is not None
    assert (step.call.function == FEW) is is_few


def test_rows_that_are_not_aligned_are_left_to_others() -> None:
    assert "dsp/few_outputs" in _offered(_layer(1, 7, 2))
    assert "dsp/few_outputs" in _offered(_layer(2, 8, 2))
    graph = _layer(2, 7, 2)
    (op,) = graph.ops
    refused = dict(offers_of(op, graph, ("dsp",), layer_of(op, graph))[1])
    assert refused["dsp/few_outputs"] == "rows of 7 inputs are not aligned"


def test_the_stream_has_the_words_that_the_kernel_reads() -> None:
    """Biases, a word per two weights of a word of inputs and per single one, two of factors."""
    (stream,) = _offered(_layer(1, 23, 5))["dsp/few_outputs"].constants
    per_output = 1 + 20 // 2 + 3 + 2
    assert stream.data.dtype == np.int32
    assert len(stream.data) == 5 * per_output
