"""Models with state: it stays from one inference to the next, until it is reset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.models.cases import FOLDER, Case, Vector, case_names, load_case
from tests.support.models.random_lstm import random_lstm
from tests.support.models.small_graphs import GraphBuilder
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import compile_plan, run_program
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml.base.errors import ModelError, PlanError, UnsupportedOps
from tinyml.codegen.generate import generate
from tinyml.conformance.batch import is_close
from tinyml.conformance.targets import host_board
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.model.support import unmet
from tinyml.model.writer import write
from tinyml.ops import unidirectional_sequence_lstm as lstm
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.reference import reset_value, sequence
from tinyml.plan.planner import plan
from tinyml.plan.verify import verify

FLOAT_CASES = ("float_odd", "float_batches_clipped_time_major", "float_saturated_batches")
CASES = ("odd_zero_point_lowest", "two_batches_time_major", "coarse_cell")


def case_of(name: str) -> Case:
    return load_case(FOLDER / "unidirectional_sequence_lstm.toml", name)


def continued(case: Case) -> list[Vector]:
    """The outputs of one inference after the other, by the integer reference."""
    (op,) = case.graph.ops
    states = {k: reset_value(case.graph.tensors[op.inputs[k]]) for k in (lstm.HIDDEN, lstm.CELL)}
    found: list[Vector] = []
    for vector in case.vectors:
        operands = [vector[0], *[None] * (len(op.inputs) - 1)]
        for position, value in states.items():
            operands[position] = value
        output, states = lstm.run(op, case.graph, operands)
        found.append((output,))
    return found


@needs_tflm
@pytest.mark.parametrize("name", CASES)
def test_tflm_goes_on_where_it_ended(name: str) -> None:
    from tflite_micro.python.tflite_micro import runtime

    case = case_of(name)
    interpreter = runtime.Interpreter.from_bytes(write(case.graph), arena_size=100_000)
    found: list[Vector] = []
    for vector in case.vectors:
        interpreter.set_input(vector[0], 0)
        interpreter.invoke()
        found.append((interpreter.get_output(0).copy(),))
    assert_equal(case.graph, continued(case), found)


SVDF = FOLDER / "svdf.toml"


@needs_tflm
@pytest.mark.parametrize("name", case_names(SVDF))
def test_svdf_goes_on_where_it_ended(name: str) -> None:
    """Six inferences without a reset."""
    case = load_case(SVDF, name)
    vectors = [*case.vectors, *case.vectors[:2]]
    found = run_in_tflm(case.graph, vectors)
    assert_equal(case.graph, sequence(case.graph, vectors), found)


@needs_tflm
@pytest.mark.parametrize("name", FLOAT_CASES)
def test_floats_go_on_where_they_ended(name: str) -> None:
    """Many steps carry on what exp and tanh of C libraries differ by."""
    case = case_of(name)
    vectors = [*case.vectors, *case.vectors, case.vectors[0]]
    expected, found = sequence(case.graph, vectors), run_in_tflm(case.graph, vectors)
    assert all(is_close(have[0], want[0]) for have, want in zip(found, expected, strict=True))
    assert not is_close(expected[0][0], expected[-1][0]), "state makes no difference here"


@needs_tflm
@given(seed=st.integers(0, 2**32 - 1))
def test_random_layers_in_tflm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = random_lstm(rng)
    op = graph.ops[0]
    (shape,) = lstm.infer(op, graph)
    graph = replace(graph, tensors=(*graph.tensors[:-1], replace(graph.tensors[-1], shape=shape)))
    assume(not any(unmet(op, graph)))
    shape = graph.tensors[0].shape
    values = rng.integers(-128, 128, shape), rng.choice((-128, 127), shape)
    vectors = [(value.astype(np.int8),) for value in values]
    read = load(model_file("random.tflite", write(graph)))
    assert_equal(graph, run_reference(read, vectors), run_in_tflm(graph, vectors))


@pytest.mark.host_cc
@pytest.mark.parametrize("name", CASES)
def test_host_c_goes_on_where_it_ended(name: str, tmp_path: Path) -> None:
    case = case_of(name)
    made = plan(case.graph, host_board(), optimize="size")
    verify(made, host_board())
    program = compile_plan(made, tmp_path)
    expected = continued(case)
    assert_equal(case.graph, expected, run_program(program, case.graph, case.vectors))
    first = lstm.reference(case.graph.ops[0], case.graph, _operands(case.graph, case.vectors[1]))
    assert not np.array_equal(first[0], expected[1][0]), "state makes no difference here"


def _operands(graph: Graph, vector: Vector) -> list[np.ndarray | None]:  # type: ignore[type-arg]
    (op,) = graph.ops
    kept = [None if i < 0 else graph.tensors[i] for i in op.inputs]
    states = [reset_value(t) if t is not None and t.is_variable else None for t in kept]
    return [vector[0], *states[1:]]


def test_the_interface_says_how_to_begin_anew() -> None:
    case = case_of("odd_zero_point_lowest")
    made = generate(plan(case.graph, host_board()), None)
    text = dict(made.files)
    name = case.graph.name
    assert f"void {name}_reset(void);" in text[f"{name}.h"]
    assert "The model has state" in text[f"{name}.h"]
    assert f".reset = {name}_reset," in text[f"{name}.c"]
    assert "memset(T_X18, -128, 6);" in text[f"{name}.c"], "hidden state: the zero point"


def test_state_shares_no_memory() -> None:
    case = case_of("one_by_one_zero_point_highest")
    made = plan(case.graph, host_board())
    state = case.graph.variables[0]
    place = made.tensors[state]
    assert place is not None
    assert (place.first_use, place.last_use) == (-1, len(made.steps))
    assert place.is_state
    other = case.graph.variables[1]
    moved = made.tensors[other]
    assert moved is not None
    places = list(made.tensors)
    places[other] = replace(moved, offset=place.offset)
    with pytest.raises(PlanError, match="two values would share memory"):
        verify(replace(made, tensors=tuple(places)), host_board())


def test_state_of_an_operator_that_has_none_is_refused() -> None:
    b = GraphBuilder()
    x = b.value("x", (1, 4))
    kept = b.value("kept", (1, 4))
    b.tensors[kept] = replace(b.tensors[kept], is_variable=True)
    out = b.op("RELU", (kept,), b.value("y", (1, 4)), NoAttrs())
    b.op("RELU", (x,), b.value("z", (1, 4)), NoAttrs())
    with pytest.raises(UnsupportedOps) as caught:
        load(model_file("m.tflite", write(b.graph((x,), (out, out + 1)))))
    (found,) = caught.value.found
    sentence = (
        "State must be a variable of the model, and variables must be state of their operator."
    )
    assert (found.constraint, found.found) == (sentence, "operand 0, 'kept'")


def test_a_variable_with_a_value_is_refused() -> None:
    graph = case_of("odd_zero_point_lowest").graph
    constant = next(i for i, tensor in enumerate(graph.tensors) if tensor.is_constant)
    tensors = list(graph.tensors)
    tensors[constant] = replace(tensors[constant], is_variable=True)
    with pytest.raises(ModelError, match="is a variable with a value; variables begin at zero"):
        load(model_file("m.tflite", write(replace(graph, tensors=tuple(tensors)))))
