"""What kernels read and write by their params is what the tensors hold, and nothing else passes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.models.cases import case_paths, load_cases
from tests.support.models.chains import random_chain
from tests.support.models.lowered import lowered
from tests.support.models.suited_layers import suited
from tinyml.base.errors import PlanError
from tinyml.conformance.targets import host_board
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import KernelCall, Struct
from tinyml.ops import layer_of
from tinyml.passes.expand import expand_ops
from tinyml.plan.extents import all_rules, check_extents, extent_of
from tinyml.plan.offers import offers_of
from tinyml.plan.planner import plan
from tinyml.plan.values import Plan, Step
from tinyml.plan.verify import verify
from tinyml.variants import Variant, all_variants

pytestmark = pytest.mark.slow

FAMILIES = ("dsp", "mve", "pie", "armv6m", "rv32m", "xtensa", "esp_nn")
SETS = ((), *((name,) for name in FAMILIES))
PATHS = case_paths()


def calls_of(graph: Graph, isa: tuple[str, ...]) -> list[tuple[Graph, int, KernelCall]]:
    return [
        (graph, number, offer.call)
        for number, op in enumerate(graph.ops)
        for offer in offers_of(op, graph, isa, layer_of(op, graph))[0]
    ]


def check_call(graph: Graph, number: int, call: KernelCall) -> None:
    only = replace(graph, ops=(graph.ops[number],))
    check_extents(Plan(only, "", "aot", "speed", (Step((0,), call),), (), (), 0, 0, ()), 0)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_kernel_of_every_case_stays_in_its_tensors(path: Path) -> None:
    for case in load_cases(path).cases:
        graph = expand_ops(case.graph)
        for isa in SETS:
            for item in calls_of(graph, isa):
                check_call(*item)


@pytest.mark.parametrize(
    "variant",
    [item for item in all_variants() if item.isa != "esp_nn"],
    ids=lambda variant: variant.name,
)
def test_every_variant_stays_in_its_tensors(variant: Variant) -> None:
    for case in suited(variant, 8, 7):
        call = lowered(variant.lower, case.graph.ops[0], case.graph)
        assert isinstance(call, KernelCall)
        check_call(case.graph, 0, call)


@pytest.mark.parametrize("isa", [(), ("dsp",), ("rv32m",)], ids=str)
def test_stages_of_streams_stay_in_their_windows(isa: tuple[str, ...]) -> None:
    board, streams = host_board(isa), 0
    for seed in range(6):
        made = plan(random_chain(seed), board, optimize="ram")
        verify(made, board)
        streams += sum(
            step.call is not None and step.call.stream is not None for step in made.steps
        )
    assert streams


def test_a_tensor_that_was_cut_is_found() -> None:
    """A pass took channels from an output: its kernel wrote behind the buffer, and nobody asked."""
    found = 0
    for path in PATHS:
        for case in load_cases(path).cases:
            graph = expand_ops(case.graph)
            for _, number, call in calls_of(graph, ("dsp",)):
                made = graph.ops[number].outputs[0]
                shape = graph.tensors[made].shape
                if not shape or shape[-1] < 2:
                    continue
                tensors = list(graph.tensors)
                tensors[made] = replace(tensors[made], shape=(*shape[:-1], shape[-1] - 1))
                cut = replace(graph, tensors=tuple(tensors))
                with pytest.raises(PlanError, match=r"of an output of|states"):
                    check_call(cut, number, call)
                found += 1
    assert found > 100


@pytest.mark.parametrize("argument", ["input", "constant"])
def test_reading_too_much_is_found(argument: str) -> None:
    path = next(path for path in PATHS if path.stem == "add")
    for case in load_cases(path).cases:
        for graph, number, call in calls_of(case.graph, ()):
            given = [i for i in graph.ops[number].inputs if not graph.tensors[i].is_constant]
            if argument == "constant" and call.constants:
                short = replace(call.constants[0], data=call.constants[0].data[:-1])
                with pytest.raises(PlanError, match="of an operand of"):
                    check_call(graph, number, replace(call, constants=(short, *call.constants[1:])))
            elif argument == "input" and graph.tensors[given[0]].elements > 1:
                tensors = list(graph.tensors)
                tensors[given[0]] = replace(tensors[given[0]], shape=())
                with pytest.raises(PlanError, match="of an operand of"):
                    check_call(replace(graph, tensors=tuple(tensors)), number, call)


def test_params_without_a_rule_are_refused() -> None:
    call = KernelCall("tml_new_s8", "kernels/new/s8.h", Struct("tml_new_params", ()), ())
    with pytest.raises(PlanError, match="no rule tells what tml_new_params"):
        extent_of(call)
    assert "tml_conv_2d_params" in all_rules()
