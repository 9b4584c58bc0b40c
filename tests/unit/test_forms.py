"""Forms: kernels are offered to the types that they are for, and to no others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.models.cases import FOLDER, load_cases
from tests.support.models.small_graphs import small_network
from tests.support.running.host_c import host_board
from tinyml.base.errors import ModelError, PlanError, UnsupportedOps
from tinyml.ir.dtype import ALL, INT8, INT16, INT32, INT64, UINT8, DType
from tinyml.ir.graph import Graph, Quant
from tinyml.model.arithmetic import float_ops
from tinyml.model.support import check_supported
from tinyml.ops import all_ops, find_form, form_of, layer_of, nearest_text, spec_of
from tinyml.ops.forms import Form, form_text, roles_of, takes, typed
from tinyml.passes.expand import expand_ops
from tinyml.plan.offers import offers_of
from tinyml.plan.planner import plan
from tinyml.plan.verify import verify
from tinyml.variants import all_variants

KINDS = sorted(all_ops())
ISA = tuple({variant.isa for variant in all_variants()})
WITHOUT = {kind for kind in KINDS if {form.name for form in spec_of(kind).forms} <= {"s8", "u8"}}


def test_the_nearest_form_is_named() -> None:
    graph = small_network()
    number = next(i for i, op in enumerate(graph.ops) if op.kind == "CONV_2D")
    op = graph.ops[number]
    tensors = list(graph.tensors)
    for i in (op.inputs[0], op.inputs[1], op.outputs[0]):
        tensors[i] = replace(tensors[i], dtype=INT16)
    assert nearest_text(op, replace(graph, tensors=tuple(tensors))) == "s16 with filter int8"
    for i in op.inputs[1:]:
        tensors[i] = replace(tensors[i], dtype=UINT8)
    tensors[op.outputs[0]] = tensors[op.inputs[0]] = replace(tensors[op.inputs[0]], dtype=UINT8)
    assert nearest_text(op, replace(graph, tensors=tuple(tensors))) == ""


def in_16_bits(graph: Graph) -> Graph:
    """The graph with all its 8-bit values, weights too, in 16 bits, and its biases in 64."""

    def wide(index: int, dtype: DType) -> DType:
        is_bias = any(index in op.inputs[2:] for op in graph.ops) and dtype is INT32
        return INT16 if dtype in (INT8, UINT8) else INT64 if is_bias else dtype

    tensors = []
    for i, tensor in enumerate(graph.tensors):
        dtype = wide(i, tensor.dtype)
        data = None if tensor.data is None else tensor.data.astype(dtype.numpy)
        tensors.append(replace(tensor, dtype=dtype, data=data))
    return replace(graph, tensors=tuple(tensors))


def wide_graphs(kind: str) -> Iterator[Graph]:
    """The rows of an operator with 8-bit values, in 16 bits."""
    for case in load_cases(FOLDER / f"{kind.lower()}.toml").cases:
        if any(tensor.dtype in (INT8, UINT8) for tensor in case.graph.tensors):
            yield in_16_bits(case.graph)


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_in_16_bits_gets_no_8_bit_kernel(kind: str) -> None:
    """Kernels had no types: an int16 graph that nobody had checked was planned with int8 ones."""
    for case in load_cases(FOLDER / f"{kind.lower()}.toml").cases:
        if float_ops(case.graph):
            continue
        narrow, graph = layer_of(case.graph.ops[0], case.graph), in_16_bits(case.graph)
        op = graph.ops[0]
        form = find_form(op, graph)
        if not any(tensor.dtype in (INT8, UINT8) for tensor in case.graph.tensors):
            continue
        if form is None:
            with pytest.raises(ModelError) as caught:
                offers_of(op, graph, ISA, narrow)
            text = str(caught.value)
            assert text.startswith(f"{kind} '{op.name}' takes ")
            assert "int16" in text.split(";")[0]
            for there_is in spec_of(kind).forms:
                assert f"{there_is.name} (" in text
            assert "--runtime tflm" in text
            continue
        assert form.name != "s8"
        small = expand_ops(graph)
        for part in small.ops:
            offers, _ = offers_of(part, small, ISA, layer_of(part, small))
            assert {offer.call.form for offer in offers} <= {form_of(part, small).name}


def test_operators_in_16_bits_have_a_form_where_it_is_not_for_8_bits() -> None:
    found = {
        kind for kind in KINDS if any(find_form(g.ops[0], g) is not None for g in wide_graphs(kind))
    }
    assert not found & WITHOUT
    assert {"RESHAPE", "SLICE", "SPLIT", "TRANSPOSE"} <= found
    assert {"ADD", "LOGISTIC", "MUL"} <= found


def test_the_loader_refuses_a_graph_in_16_bits_and_names_the_forms() -> None:
    graph = next(wide_graphs("CONV_2D"))
    with pytest.raises(UnsupportedOps) as caught:
        check_supported(graph)
    text = str(caught.value)
    assert "s8 (input int8, filter int8, bias int32 or none, output int8)" in text
    assert "Found: input int16, filter int16, bias int64, output int16" in text
    assert "or try --runtime tflm" in text


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_rows_have_a_form_and_every_kernel_that_is_offered_is_of_it(kind: str) -> None:
    for case in load_cases(FOLDER / f"{kind.lower()}.toml").cases:
        graph = expand_ops(case.graph)
        for op in graph.ops:
            offers, _ = offers_of(op, graph, ISA, layer_of(op, graph))
            assert {offer.call.form for offer in offers} <= {form_of(op, graph).name}


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_says_what_each_operand_may_be(kind: str) -> None:
    """An operand that a form does not name is of no type: the form would never be found."""
    spec = spec_of(kind)
    names = [form.name for form in spec.forms]
    assert names
    assert len(set(names)) == len(names)
    for form in spec.forms:
        for role in (*spec.inputs, *spec.outputs):
            # LSTM's peepholes and the like must be absent: they are of no type.
            assert form.types_of(role.rstrip("?*")) or role == "other?", f"{form.name}: {role}"


def test_variants_are_of_forms_that_there_are() -> None:
    for variant in all_variants():
        assert variant.form in {form.name for form in spec_of(variant.kind).forms}, variant.name


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_forms_take_the_same_types(kind: str) -> None:
    """The first one would be found, and the other never."""
    spec = spec_of(kind)
    roles = [role for role in (*spec.inputs, *spec.outputs) if not role.endswith("?")]
    for given in ALL:
        for made in ALL:
            operands = [(role, given) for role in roles[:-1]] + [(roles[-1], made)]
            assert len([form for form in spec.forms if takes(form, operands)]) <= 1


def form(**types: object) -> Form:
    return Form("s8", typed(**types), None, None)  # type: ignore[arg-type]


def test_operands_that_are_missing_or_too_many_match_nothing() -> None:
    s8 = form(input=INT8, bias=INT32, output=INT8)
    there = [("input", INT8), ("bias?", INT32), ("output", INT8)]
    assert takes(s8, there)
    assert takes(s8, [("input", INT8), ("bias?", None), ("output", INT8)])
    assert not takes(s8, [("input", None), *there[1:]])
    assert not takes(s8, [("input", INT8), ("bias?", INT64), ("output", INT8)])
    assert not takes(s8, [*there, ("unknown", INT8)])
    assert roles_of(("input", "bias?"), 1) == ("input",)
    assert roles_of(("input", "bias?"), 3) is None
    assert roles_of(("input", "bias?"), 0) is None
    assert roles_of(("input*",), 3) == ("input*",) * 3
    assert roles_of(("input*",), 0) is None


def test_a_result_can_be_like_an_operand() -> None:
    from tinyml.ops.forms import Like

    moved = form(input=frozenset((INT8, INT16)), output=Like("input"))
    assert takes(moved, [("input", INT16), ("output", INT16)])
    assert not takes(moved, [("input", INT16), ("output", INT8)])
    assert form_text(moved, ("input", "output")) == "s8 (input int8 or int16, output as input)"


def test_an_op_with_too_few_operands_is_told_by_their_number() -> None:
    graph = next(wide_graphs("CONV_2D"))
    op = replace(graph.ops[0], inputs=graph.ops[0].inputs[:1])
    with pytest.raises(ModelError, match="takes 1 inputs and 1 outputs; forms there are: s8"):
        form_of(op, graph)


def test_a_move_of_16_bits_is_loaded() -> None:
    """One check of the loader refused whatever wrote int16, moves and all."""
    graph = next(wide_graphs("TRANSPOSE"))
    quant = Quant((0.5,), (0,))
    tensors = tuple(
        replace(tensor, quant=quant) if tensor.dtype is INT16 else tensor
        for tensor in graph.tensors
    )
    check_supported(replace(graph, tensors=tensors))


def test_a_plan_with_kernels_of_another_form_is_refused() -> None:
    """What a plan holds is checked again by types: it may come from a file, or from elsewhere."""
    board = host_board()
    made = plan(small_network(), board)
    verify(made, board)
    step = next(i for i, item in enumerate(made.steps) if item.call and item.call.form)
    call = made.steps[step].call
    assert call is not None
    steps = list(made.steps)
    steps[step] = replace(steps[step], call=replace(call, form="s16"))
    with pytest.raises(PlanError, match=f"{call.function} is of form 's16', '.*' of s8"):
        verify(replace(made, steps=tuple(steps)), board)
    with pytest.raises(PlanError):
        verify(replace(made, graph=in_16_bits(made.graph)), board)
