"""Results are held against the model as it was read, and classes are told in one way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.models.small_graphs import GraphBuilder, small_network
from tinyml import api
from tinyml.base.errors import InternalError, MismatchError, PlanError
from tinyml.evaluate.samples import random_samples
from tinyml.evaluate.verification import reference_of, score_details, tally, verify
from tinyml.ir.graph import Graph
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.reference import outputs
from tinyml.passes import PASSES, run_passes
from tinyml.plan.values import Plan
from tinyml.target.board import Board


def one_output() -> Graph:
    b = GraphBuilder()
    given, made = b.value("x", (1, 1), (0.1, 0)), b.value("y", (1, 1), (1 / 256, -128))
    b.op("LOGISTIC", (given,), made, NoAttrs())
    return b.graph((given,), (made,))


def test_a_single_output_says_yes_above_one_half() -> None:
    """``simulate`` took the largest of one element, so that every answer was class 0."""
    results = [(np.array([[q]], np.int8),) for q in (-128, 0, 1, 127)]
    found = tally(one_output(), results, (0, 0, 1, 1))
    assert found.accuracy == 1.0
    assert found.confusion == ((2, 0), (0, 2))
    assert found.doubt == ""


@pytest.mark.parametrize(
    ("values", "labels", "doubt"),
    [
        ((127, 127, 127), (1, 1, 1), "the output is the same for all samples"),
        ((100, 110, 127), (1, 1, 1), "every label is class 1"),
        ((100, 110, 127), (1, 1, 0), "no better than to say class 1 whatever comes in"),
        ((-100, 110, 127), (1, 0, 0), "no better than to say class 0 whatever comes in"),
        ((127,), (1,), "there is one sample only"),
        ((-100, 110, 127), (0, 1, 1), ""),
    ],
)
def test_an_accuracy_says_when_it_means_nothing(
    values: tuple[int, ...], labels: tuple[int, ...], doubt: str
) -> None:
    """ "accuracy 1.0000" stood behind a model that gives the same output whatever comes in."""
    results = [(np.array([[q]], np.int8),) for q in values]
    found = tally(one_output(), results, labels)
    assert found.doubt.startswith(doubt)
    assert bool(found.doubt) == bool(doubt)
    details = score_details(one_output(), results, labels)
    assert details.get("accuracy_doubt", "") == found.doubt
    assert ("outputs_doubt" in details) == (len(values) > 1 and len(set(values)) == 1)


def test_a_plan_keeps_the_model_as_it_was_read() -> None:
    """The reference once ran on the graph after the passes, and so a broken pass never showed."""
    graph = small_network()
    plan = api.plan(graph, api.load_board("nucleo_l4r5zi")).plan
    assert len(plan.graph.ops) < len(graph.ops)
    assert plan.reference_graph is graph
    assert reference_of(plan) is graph


def test_a_compiled_model_without_reference_is_an_error() -> None:
    """Outputs that were not compared were a note beside exit code 0."""
    graph = small_network()
    plan = api.plan(graph, api.load_board("nucleo_l4r5zi")).plan
    odd = replace(graph, ops=(replace(graph.ops[0], kind="FOO"), *graph.ops[1:]))
    with pytest.raises(InternalError, match="no reference to compare with"):
        reference_of(replace(plan, as_read=odd))
    assert reference_of(replace(plan, as_read=odd, runtime="tflm")) is None


def test_one_wrong_element_is_a_mismatch() -> None:
    graph = small_network()
    samples = random_samples(graph, 2).inputs
    right = [outputs(graph, sample) for sample in samples]
    verify(graph, samples, right)
    wrong = right[1][0].copy()
    wrong.flat[1] ^= 1
    with pytest.raises(MismatchError, match="sample 1: 1 of 4 elements"):
        verify(graph, samples, [right[0], (wrong,)])


@pytest.mark.parametrize("kind", ["shape", "operand", "quantisation", "output"])
def test_what_a_pass_breaks_is_found_behind_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that cut an output went on to the planner; the C overran its buffers."""

    def broken(graph: Graph) -> Graph:
        number = next(n for n, op in enumerate(graph.ops) if op.kind == "CONV_2D")
        op = graph.ops[number]
        tensors, ops = list(graph.tensors), list(graph.ops)
        if kind == "operand":
            ops[number] = replace(op, inputs=op.inputs[:1])
            return replace(graph, ops=tuple(ops))
        at = graph.outputs[0] if kind == "output" else op.outputs[0]
        if kind == "quantisation":
            tensors[at] = replace(tensors[at], quant=None)
        else:
            shape = tensors[at].shape
            tensors[at] = replace(tensors[at], shape=(*shape[:-1], shape[-1] - 1))
        return replace(graph, tensors=tuple(tensors))

    monkeypatch.setattr("tinyml.passes.PASSES", (*PASSES, broken))
    with pytest.raises(InternalError, match="the pass broken"):
        run_passes(small_network())


def test_a_plan_that_contradicts_itself_is_an_internal_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ended with exit code 1, as if the model were to blame."""

    def refuse(plan: Plan, board: Board) -> None:
        raise PlanError("step 0: tml_x reads bytes 0 to 9 of an operand of 8")

    monkeypatch.setattr("tinyml.plan.verify.verify", refuse)
    with pytest.raises(InternalError, match="the plan contradicts itself: step 0") as caught:
        api.plan(small_network(), api.load_board("nucleo_l4r5zi"))
    assert caught.value.exit_code == 70
    assert "report it with the model" in str(caught.value)
