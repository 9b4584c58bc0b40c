"""Models of several graphs that call one another: IF and WHILE as TFLM runs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import Vector
from tests.support.models.rings import odd_graphs, streaming
from tests.support.models.small_graphs import GraphBuilder
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import run_on_host
from tests.support.running.tflm import needs_tflm
from tinyml.base.errors import ModelError, PlanError
from tinyml.ir.dtype import BOOL, INT32
from tinyml.ir.graph import Graph, Op, Quant
from tinyml.ir.module import Module
from tinyml.model.file import model_file
from tinyml.model.handles import as_file
from tinyml.model.reader import load
from tinyml.model.writer import write_module
from tinyml.ops import trait_of
from tinyml.ops.control import CHOICE, LOOP, ChoiceAttrs, LoopCallAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.slice import StridedSliceAttrs
from tinyml.ops.traits import Runs
from tinyml.passes import run_passes
from tinyml.plan.planner import plan
from tinyml.plan.verify import verify
from tinyml.target.boards import load_board

SHAPE, QUANT = (1, 6), (0.05, 3)


def value(b: GraphBuilder, name: str) -> int:
    return b.value(name, SHAPE, QUANT)


def condition(b: GraphBuilder, x: int) -> int:
    """Whether the first element is above zero."""
    numbers = [b.constant(f"n{k}", np.array(v, np.int32)) for k, v in enumerate(([0, 0], [1, 1]))]
    first = b.value("first", (), QUANT)
    b.op("STRIDED_SLICE", (x, *numbers, numbers[1]), first, StridedSliceAttrs(0, 0, 3))
    zero = b.constant("zero", np.array(3, np.int8), Quant((b.tensors[x].quant.scale,), (3,)))
    return b.op("GREATER", (first, zero), b.value("is_above", (), None, BOOL), NoAttrs())


def doubled() -> Graph:
    b = GraphBuilder()
    x, other = value(b, "x1"), value(b, "x2")
    return b.graph((x, other), (b.op("ADD", (x, other), value(b, "sum"), BinaryAttrs()),))


def clipped() -> Graph:
    b = GraphBuilder()
    x, other = value(b, "x1"), value(b, "x2")
    return b.graph((x, other), (b.op("RELU", (other,), value(b, "clipped"), NoAttrs()),))


def handed_on() -> Graph:
    """A branch that computes nothing: its input is its result."""
    b = GraphBuilder()
    x, other = value(b, "x1"), value(b, "x2")
    b.op("RELU", (other,), value(b, "unused"), NoAttrs())
    return b.graph((x, other), (x,))


def choosing(second: Graph, known: bool | None = None) -> Module:
    b = GraphBuilder()
    x = value(b, "x")
    by = condition(b, x) if known is None else b.constant("known", np.array(known))
    relu = b.op("RELU", (x,), value(b, "relu"), NoAttrs())
    made = value(b, "chosen")
    b.op(CHOICE, (by, x, relu), made, ChoiceAttrs(1, 2))
    out = b.op("ADD", (made, relu), value(b, "out"), BinaryAttrs())
    return Module((b.graph((x,), (out,)), doubled(), second))


def counting(rounds: int, *, is_told: bool = False) -> Module:
    """A loop of three values: a counter, one that changes, one that stays.

    With ``is_told`` the counter begins with an input of the model, so that the device counts.
    """

    def outer() -> Graph:
        b = GraphBuilder()
        x = value(b, "x")
        start = (
            b.value("start", (), None, INT32)
            if is_told
            else b.constant("start", np.array(0, np.int32))
        )
        y = b.op("RELU", (x,), value(b, "y"), NoAttrs())
        made = (b.value("count", (), None, INT32), value(b, "last"), value(b, "kept"))
        b.ops.append(Op(LOOP, "loop", (start, y, x), made, LoopCallAttrs(1, 2)))
        out = b.op("ADD", (made[1], made[2]), value(b, "out"), BinaryAttrs())
        return b.graph((x, start), (out, made[0])) if is_told else b.graph((x,), (out,))

    def test() -> Graph:
        b = GraphBuilder()
        i, v, x = b.value("i", (), None, INT32), value(b, "v"), value(b, "x")
        end = b.constant("end", np.array(rounds, np.int32))
        less = b.op("LESS", (i, end), b.value("goes_on", (), None, BOOL), NoAttrs())
        return b.graph((i, v, x), (less,))

    def body() -> Graph:
        b = GraphBuilder()
        i, v, x = b.value("i", (), None, INT32), value(b, "v"), value(b, "x")
        one = b.constant("one", np.array(1, np.int32))
        count = b.op("ADD", (i, one), b.value("next", (), None, INT32), BinaryAttrs())
        total = b.op("SUB", (x, v), value(b, "total"), BinaryAttrs())
        return b.graph((i, v, x), (count, total, x))

    return Module((outer(), test(), body()))


def until(limit: int, *, is_nested: bool = False) -> Module:
    """A loop that halves a value until its first element is small, which depends on the data.

    With ``is_nested`` each round has a loop of the same kind in it.
    """

    def test(b: GraphBuilder, v: int) -> int:
        numbers = [
            b.constant(f"n{k}", np.array(n, np.int32)) for k, n in enumerate(([0, 0], [1, 1]))
        ]
        first = b.value("first", (), QUANT)
        b.op("STRIDED_SLICE", (v, *numbers, numbers[1]), first, StridedSliceAttrs(0, 0, 3))
        scale = b.tensors[v].quant.scale
        small = b.constant("small", np.array(limit, np.int8), Quant((scale,), (3,)))
        return b.op("GREATER", (first, small), b.value("is_above", (), None, BOOL), NoAttrs())

    def condition(b: GraphBuilder) -> Graph:
        v, x = value(b, "v"), value(b, "x")
        return b.graph((v, x), (test(b, v),))

    def halved(b: GraphBuilder, v: int, by: float) -> int:
        scale = b.constant("half", np.array(64, np.int8), Quant((by / 64,), (0,)))
        return b.op("MUL", (v, scale), value(b, "half_of_it"), BinaryAttrs())

    def body(b: GraphBuilder) -> Graph:
        v, x = value(b, "v"), value(b, "x")
        made = halved(b, v, 0.5)
        if is_nested:
            inner = (value(b, "inner"), value(b, "same"))
            b.ops.append(Op(LOOP, "inner_loop", (x, made), inner, LoopCallAttrs(3, 4)))
            made = b.op("MINIMUM", (made, inner[0]), value(b, "least"), NoAttrs())
        return b.graph((v, x), (made, x))

    def inner_body(b: GraphBuilder) -> Graph:
        v, x = value(b, "v"), value(b, "x")
        return b.graph((v, x), (halved(b, v, 0.25), x))

    b = GraphBuilder()
    x = value(b, "x")
    y = b.op("RELU", (x,), value(b, "y"), NoAttrs())
    made = (value(b, "last"), value(b, "kept"))
    b.ops.append(Op(LOOP, "loop", (x, y), made, LoopCallAttrs(1, 2)))
    out = b.op("ADD", (made[0], made[1]), value(b, "out"), BinaryAttrs())
    graphs = [b.graph((x,), (out, made[0])), condition(GraphBuilder()), body(GraphBuilder())]
    if is_nested:
        graphs += [condition(GraphBuilder()), inner_body(GraphBuilder())]
    return Module(tuple(graphs))


MODULES = {
    "one_of_two": choosing(clipped()),
    "one_is_handed_on": choosing(handed_on()),
    "known_to_be_so": choosing(clipped(), True),
    "known_not_to_be_so": choosing(handed_on(), False),
    "three_rounds": counting(3),
    "no_round": counting(0),
    "counted_by_the_device": counting(3, is_told=True),
    "as_its_data_say": until(10),
    "never_goes_on": until(127),
    "loops_in_a_loop": until(10, is_nested=True),
}
by_module = pytest.mark.parametrize("name", MODULES)


def vectors_of(graph: Graph) -> list[Vector]:
    """Values, and where a counter begins: before, at and behind the end."""
    rng = np.random.default_rng(3)
    values = [rng.integers(-128, 128, SHAPE).astype(np.int8) for _ in range(8)]
    if len(graph.inputs) == 1:
        return [(value,) for value in values]
    return [(value, np.array(start, np.int32)) for start, value in enumerate(values, -4)]


def read(module: Module) -> Graph:
    return load(model_file("calls.tflite", write_module(module)))


@needs_tflm
@by_module
def test_tflm_computes_the_same(name: str) -> None:
    from tflite_micro.python.tflite_micro import runtime

    graph = read(MODULES[name])
    data = write_module(MODULES[name])
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=100_000)
    vectors, found = vectors_of(graph), []
    for vector in vectors:
        for i, given in enumerate(vector):
            interpreter.set_input(given, i)
        interpreter.invoke()
        outputs = range(len(graph.outputs))
        found.append(tuple(interpreter.get_output(i).copy() for i in outputs))
    assert_equal(graph, run_reference(graph, vectors), found)


@pytest.mark.host_cc
@by_module
def test_host_c_computes_the_same(name: str, tmp_path: Path) -> None:
    graph = read(MODULES[name])
    vectors = vectors_of(graph)
    simple = run_passes(graph)
    assert_equal(simple, run_reference(graph, vectors), run_on_host(simple, vectors, tmp_path))


def test_only_the_branch_that_runs_is_left() -> None:
    kinds = [op.kind for op in run_passes(read(MODULES["known_to_be_so"])).ops]
    assert kinds == ["RELU", "ADD", "ADD"]


def test_a_loop_is_its_rounds() -> None:
    kinds = [op.kind for op in run_passes(read(MODULES["three_rounds"])).ops]
    assert kinds == ["RELU", "SUB", "SUB", "SUB", "ADD"]


def test_both_branches_run_in_a_choice_by_data() -> None:
    kinds = [op.kind for op in run_passes(read(MODULES["one_of_two"])).ops]
    assert kinds.count("SELECT_V2") == 1
    assert "ADD" in kinds


def refused(module: Module) -> str:
    with pytest.raises(ModelError) as caught:
        read(module)
    return str(caught.value)


def test_what_a_loop_cannot_compute_is_refused() -> None:
    """TFLM forgets the activation of an int32 ADD, so that both would count differently."""
    outer, test, body = counting(3, is_told=True).graphs
    first = replace(body.ops[0], attrs=BinaryAttrs("RELU6"))
    text = refused(Module((outer, test, replace(body, ops=(first, *body.ops[1:])))))
    assert "ADD 'next'" in text
    assert "must have no fused activation: TFLM leaves it out. Found: RELU6" in text


def test_a_counter_of_the_device_makes_a_loop_of_the_device() -> None:
    kinds = [op.kind for op in run_passes(read(MODULES["counted_by_the_device"])).ops]
    assert kinds == ["RELU", LOOP, "ADD"]


def test_a_loop_by_data_stays_one(tmp_path: Path) -> None:
    """One op, whose condition is asked before each round; the reference is that of TFLM."""
    graph = run_passes(read(until(10)))
    loops = [op for op in graph.ops if trait_of(op.kind, Runs) is not None]
    assert len(loops) == 1
    board = load_board("nucleo_l4r5zi")
    made = plan(graph, board)
    verify(made, board)
    (step,) = [step for step in made.steps if step.call and step.call.control]
    assert step.call is not None
    assert step.call.function == "tml_while"


def test_the_verifier_knows_what_a_loop_hands_on() -> None:
    """Body and condition must look for a value in the same place."""
    board = load_board("nucleo_l4r5zi")
    made = plan(run_passes(read(until(10))), board)
    number, step = next(
        (n, step) for n, step in enumerate(made.steps) if step.call and step.call.control
    )
    assert step.call is not None
    control = step.call.control
    assert control is not None
    body, condition = control.routines
    elsewhere = tuple(offset + 16 if offset >= 0 else -1 for offset in condition.offsets)
    changed = replace(control, routines=(body, replace(condition, offsets=elsewhere)))
    steps = list(made.steps)
    call = replace(step.call, control=changed, scratch_bytes=step.call.scratch_bytes + 16)
    assert step.scratch is not None
    scratch = replace(step.scratch, nbytes=call.scratch_bytes)
    steps[number] = replace(step, call=call, scratch=scratch)
    with pytest.raises(PlanError, match="late"):
        verify(replace(made, steps=tuple(steps)), board)


def test_a_loop_without_end_is_refused() -> None:
    assert "a loop becomes more than 2000 ops" in refused(counting(1 << 30))


def test_graphs_that_call_themselves_are_refused() -> None:
    module = choosing(clipped())
    main, first, second = module.graphs
    made = replace(main.ops[-2], inputs=(0, 0, 0), outputs=first.ops[0].outputs)
    b = GraphBuilder()
    x, other = value(b, "x1"), value(b, "x2")
    by = condition(b, x)
    out = value(b, "chosen")
    b.op(CHOICE, (by, x, other), out, ChoiceAttrs(1, 1))
    assert made.kind == CHOICE
    assert "call one another more than 16 deep" in refused(
        Module((main, b.graph((x, other), (out,)), second))
    )


def test_other_shapes_than_the_graph_takes_are_refused() -> None:
    b = GraphBuilder()
    x, other = b.value("x1", (1, 5), QUANT), value(b, "x2")
    short = b.graph((x, other), (b.op("RELU", (other,), value(b, "y"), NoAttrs()),))
    text = refused(choosing(short))
    assert "IF 'chosen' copies 'x' of int8[1, 6] to 'x1' of int8[1, 5]" in text


def test_a_graph_that_does_not_exist_is_refused() -> None:
    main, *others = choosing(clipped()).graphs
    assert "IF 'chosen' calls graph 2 of 2" in refused(Module((main, others[0])))


def maimed(module: Module) -> Iterator[Module]:
    """The module with operands of one op cut off, left out or replaced."""
    for place, graph in enumerate(module.graphs):
        for number, op in enumerate(graph.ops):
            for inputs in (op.inputs[1:], op.inputs[:-1], tuple(-1 for _ in op.inputs)):
                yield _with_op(module, place, number, replace(op, inputs=inputs))
            if op.inputs:
                first = (op.inputs[-1],) * len(op.inputs)
                yield _with_op(module, place, number, replace(op, inputs=first))
            if op.outputs:
                yield _with_op(module, place, number, replace(op, outputs=op.outputs[1:]))


def _with_op(module: Module, place: int, number: int, op: Op) -> Module:
    graph = module.graphs[place]
    ops = tuple(op if n == number else other for n, other in enumerate(graph.ops))
    graphs = list(module.graphs)
    graphs[place] = replace(graph, ops=ops)
    return Module(tuple(graphs))


@pytest.mark.parametrize(
    "module",
    [*MODULES.values(), as_file(streaming()), as_file(odd_graphs()["views_in_between"])],
)
def test_lost_operands_are_one_error(module: Module) -> None:
    """A read without a result, and a choice without a condition, ended in tracebacks."""
    for wrong in maimed(module):
        with suppress(ModelError):
            read(wrong)
