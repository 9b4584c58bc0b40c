"""Variables that a model reads and assigns: as TFLM has them, from one inference to the next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import Vector
from tests.support.models.rings import StatefulBuilder, odd_graphs, streaming, turning
from tests.support.models.small_graphs import GraphBuilder
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import run_on_host
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml.base.errors import ModelError, PlanError
from tinyml.codegen.generate import generate
from tinyml.conformance.targets import host_board
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.handles import as_file
from tinyml.model.reader import load
from tinyml.model.writer import write, write_module
from tinyml.ops.reference import outputs, run, sequence
from tinyml.passes import run_passes
from tinyml.plan.planner import plan
from tinyml.plan.verify import verify
from tinyml.report.arena import arena_of

GRAPHS = {"streaming": streaming(), "turning": turning(), **odd_graphs()}
by_graph = pytest.mark.parametrize("name", GRAPHS)


def vectors_of(graph: Graph, count: int = 6) -> list[Vector]:
    rng = np.random.default_rng(5)
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    return [
        tuple(rng.integers(-128, 128, shape).astype(np.int8) for shape in shapes)
        for _ in range(count)
    ]


@by_graph
def test_what_is_written_is_read_as_it_was(name: str) -> None:
    graph = GRAPHS[name]
    vectors = vectors_of(graph)
    read = load(model_file("m.tflite", write(graph)))
    assert_equal(graph, run_reference(graph, vectors), run_reference(read, vectors))
    simple = run_passes(read)
    assert_equal(simple, run_reference(graph, vectors), run_reference(simple, vectors))


@needs_tflm
@by_graph
def test_tflm_computes_the_same_in_sequence(name: str) -> None:
    graph = GRAPHS[name]
    vectors = vectors_of(graph)
    assert_equal(graph, run_reference(graph, vectors), run_in_tflm(graph, vectors))


@pytest.mark.host_cc
@by_graph
@pytest.mark.parametrize("is_simple", [False, True])
def test_host_c_computes_the_same_in_sequence(name: str, is_simple: bool, tmp_path: Path) -> None:
    graph = GRAPHS[name]
    vectors = vectors_of(graph)
    made = run_passes(graph) if is_simple else graph
    found = run_on_host(made, vectors, tmp_path)
    assert_equal(graph, run_reference(graph, vectors), found)


@by_graph
def test_state_makes_a_difference(name: str) -> None:
    graph = GRAPHS[name]
    vectors = vectors_of(graph)
    alone = [outputs(graph, vector) for vector in vectors]
    assert_equal(graph, [sequence(graph, vectors)[0]], alone[:1])
    is_same = all(
        np.array_equal(a, b)
        for pair in zip(alone, sequence(graph, vectors), strict=True)
        for a, b in zip(*pair, strict=True)
    )
    assert is_same == (name in ("never_assigned", "a_constant_is_assigned", "views_in_between"))


def test_the_first_values_are_what_runs_once() -> None:
    graph = load(model_file("m.tflite", write(streaming())))
    first = next(t for t in graph.tensors if t.name == "first/0")
    assert first.is_variable
    assert np.array_equal(np.ravel(first.initial), np.arange(15))
    second = next(t for t in graph.tensors if t.name == "second/1")
    assert second.initial is None
    assert second.reset_byte == 3


def test_what_nobody_assigns_is_a_constant() -> None:
    graph = load(model_file("m.tflite", write(odd_graphs()["never_assigned"])))
    assert [op.kind for op in graph.ops] == ["ADD", "READ_VARIABLE"], "an output stays a value"
    values = run(graph, vectors_of(graph)[0])
    assert np.array_equal(values[graph.outputs[1]], np.arange(6).reshape(1, 6))


def test_the_files_of_a_stateful_model() -> None:
    graph = streaming()
    text = dict(generate(plan(graph, host_board()), None).files)
    source, header = text[f"{graph.name}.c"], text[f"{graph.name}.h"]
    assert "#define SMALL_STATE_BYTES 32 " in header
    assert "static TML_ALIGNAS(16) int8_t state[SMALL_STATE_BYTES];" in source
    assert "memcpy(T_FIRST, small_t_first, 15);" in source
    assert "memset(T_SECOND, 3, 12);" in source


def test_variables_have_their_own_line_in_the_budget() -> None:
    made = plan(streaming(), host_board())
    verify(made, host_board())
    assert made.state_bytes == (("memory", 32),)
    assert [use.nbytes for use in made.uses if use.purpose == "state"] == [32]


def test_the_map_of_the_arena_is_without_variables() -> None:
    """Two kinds of memory with the same offsets must not be drawn over one another."""
    made = plan(run_passes(streaming()), host_board())
    drawn = {name for item in arena_of(made).placed for name in item.names}
    assert drawn
    assert not any(name.startswith(("first", "second")) for name in drawn)


def test_a_variable_in_the_arena_is_found() -> None:
    """Nothing but its place says that a value outlasts an inference."""
    made = plan(streaming(), host_board())
    places = list(made.tensors)
    index = made.graph.carried[0].last
    place = places[index]
    assert place is not None
    places[index] = replace(place, is_state=False)
    with pytest.raises(PlanError):
        verify(replace(made, tensors=tuple(places)), host_board())


def test_an_old_value_that_is_still_read_is_found() -> None:
    """A pass that reads a variable in place must not let its next value be written too early."""
    s = StatefulBuilder()
    x = s.b.value("x", (1, 6), (0.05, 3))
    v = s.variable("v", (1, 6))
    before = s.read(v)
    s.assign(v, x)
    graph = s.graph((x,), (s.add(before, x),))
    ops = tuple(
        replace(op, attrs=replace(op.attrs, in_place=True)) if op.kind == "READ_VARIABLE" else op
        for op in graph.ops
    )
    with pytest.raises(PlanError, match="two values would share memory"):
        verify(plan(replace(graph, ops=ops), host_board()), host_board())


def test_a_ring_buffer_moves_once() -> None:
    """Reading and assigning cost nothing; the rows that stay are moved back by one."""
    read = load(model_file("m.tflite", write(streaming())))
    made = plan(run_passes(read), host_board())
    verify(made, host_board())
    kinds = [made.graph.ops[step.ops[0]].kind for step in made.steps if step.call is not None]
    assert kinds == [
        *("CONCATENATION", "CONV_2D", "STRIDED_SLICE"),
        *("CONCATENATION", "CONV_2D", "STRIDED_SLICE"),
    ]
    pairs = zip(made.graph.tensors, made.tensors, strict=True)
    ring = [place for tensor, place in pairs if tensor.name.startswith("first") and place]
    assert [(place.is_state, place.offset) for place in ring] == [(True, 0)] * 5
    assert made.state_bytes == (("memory", 64),)


@pytest.mark.parametrize(
    ("name", "copies"),
    [
        ("old_value_behind_the_assignment", ["ASSIGN_VARIABLE"]),
        ("old_value_is_an_output", ["READ_VARIABLE", "ASSIGN_VARIABLE"]),
        ("two_change_places", ["ASSIGN_VARIABLE", "ASSIGN_VARIABLE"]),
        ("views_in_between", ["ASSIGN_VARIABLE"]),
        ("new_value_is_an_output", ["ASSIGN_VARIABLE"]),
    ],
)
def test_only_what_is_still_read_is_copied(name: str, copies: list[str]) -> None:
    graph = run_passes(odd_graphs()[name])
    made = plan(graph, host_board())
    verify(made, host_board())
    kinds = [graph.ops[step.ops[0]].kind for step in made.steps if step.call is not None]
    assert sorted(k for k in kinds if k.endswith("VARIABLE")) == sorted(copies)


def refused(graph: Graph, *, order: list[int] | None = None) -> str:
    main, *others = as_file(graph).graphs
    if order is not None:
        main = replace(main, ops=tuple(main.ops[i] for i in order))
    module = replace(as_file(graph), graphs=(main, *others))
    with pytest.raises(ModelError) as caught:
        load(model_file("m.tflite", write_module(module)))
    return str(caught.value)


def test_initial_values_that_come_too_late_are_refused() -> None:
    graph = odd_graphs()["views_in_between"]
    count = len(as_file(graph).main.ops)
    text = refused(graph, order=[1, 2, 0, *range(3, count)])
    assert "CALL_ONCE comes after ops that read or assign variables" in text


def test_a_variable_that_nothing_assigns_is_refused() -> None:
    s = StatefulBuilder()
    x = s.b.value("x", (1, 6), (0.05, 3))
    v = s.variable("v", (1, 6))
    s.assign(v, x)
    graph = s.graph((x,), (s.relu(s.read(v)),))
    text = refused(graph, order=[0, 2, 3])
    assert "READ_VARIABLE 'v_read_3' is of a variable that nothing assigns" in text


def test_a_handle_that_something_else_takes_is_refused() -> None:
    s = StatefulBuilder()
    x = s.b.value("x", (1, 6), (0.05, 3))
    v = s.variable("v", (1, 6))
    s.assign(v, x)
    graph = s.graph((x,), (s.relu(s.read(v)),))
    main = as_file(graph).main
    handle = main.ops[0].outputs[0]
    last = main.ops[-1]
    wrong = replace(main, ops=(*main.ops[:-1], replace(last, inputs=(handle,))))
    with pytest.raises(ModelError, match="takes the variable 'v/0', which only reading"):
        load(model_file("m.tflite", write_module(replace(as_file(graph), graphs=(wrong,)))))


def test_a_value_of_another_size_is_refused() -> None:
    b = GraphBuilder()
    s = StatefulBuilder(b)
    x, short = b.value("x", (1, 6), (0.05, 3)), b.value("short", (1, 5), (0.05, 3))
    v = s.variable("v", (1, 6))
    s.assign(v, x)
    made = s.read(v)
    s.assign(v, short)
    text = refused(s.graph((x, short), (s.relu(made),)))
    assert "'short' is int8[1, 5], the variable int8[1, 6]" in text
