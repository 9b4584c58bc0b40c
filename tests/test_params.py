"""Each struct that a lowering writes is the one of the kernel's header, field by field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.support.models.cases import case_paths, load_cases
from tests.support.models.chains import random_chain
from tests.support.models.lowered import lowered
from tests.support.models.streamed import streamed_steps
from tests.support.models.suited_layers import suited
from tests.support.running.c_structs import declared, differences, structs_in
from tinyml.base import resources
from tinyml.codegen.streams import rows_struct, stage_struct, stream_struct
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall, Struct
from tinyml.ops import form_of, plain_call
from tinyml.passes.expand import expand_ops
from tinyml.plan.segments import segments
from tinyml.plan.stages import Banding
from tinyml.variants import all_variants

KERNEL = re.compile(r"TML_KERNEL void \w+\(\s*const (tml_\w+_params) \*params")


@cache
def written_for_rows() -> tuple[Struct, ...]:
    """By the plain lowerings and all variants, for every row of tests/ops."""
    found: list[Struct] = []
    for path in case_paths():
        for case in load_cases(path).cases:
            graph = expand_ops(case.graph)
            found += [call.params for op in graph.ops for call in _calls(op, graph)]
    return tuple(found)


def _calls(op: Op, graph: Graph) -> Iterator[KernelCall]:
    plain = plain_call(op, graph)
    yield from (plain,) if plain else ()
    form = form_of(op, graph).name
    for variant in all_variants():
        is_for = (variant.kind, variant.form) == (op.kind, form)
        call = lowered(variant.lower, op, graph) if is_for else None
        if isinstance(call, KernelCall):
            yield call


@cache
def written_for_random_layers() -> tuple[Struct, ...]:
    """By each variant, for layers that suit it."""
    found: list[Struct] = []
    for number, variant in enumerate(all_variants()):
        for case in suited(variant, 2, number):
            call = lowered(variant.lower, case.graph.ops[0], case.graph)
            assert isinstance(call, KernelCall)
            found.append(call.params)
    return tuple(found)


@cache
def written_for_streams() -> tuple[Struct, ...]:
    """For layers that run row by row: what their steps are made of."""
    return tuple(struct for seed in (1, 2) for struct in _of_streams(seed))


def _of_streams(seed: int) -> Iterator[Struct]:
    graph = random_chain(seed)
    ways = (
        streamed_steps(graph, item, Banding(1, False), ("dsp",)) for item in segments(graph, 16)
    )
    for step in (step for steps in ways for step in steps):
        stream = step.call.stream if step.call else None
        assert stream is not None
        yield stream_struct(0, stream)
        yield from (rows_struct(item, "arena") for item in stream.rows)
        for number, stage in enumerate(stream.stages):
            yield stage_struct(0, number, stage)
            yield from (stage.call.params,) if stage.call else ()


def written() -> tuple[Struct, ...]:
    return (*written_for_rows(), *written_for_random_layers(), *written_for_streams())


@pytest.mark.parametrize(
    "source", [written_for_rows, written_for_random_layers, written_for_streams]
)
def test_fields_are_those_of_c(source: Callable[[], tuple[Struct, ...]]) -> None:
    """A field more in C was 0, in silence; one in another order does not compile as C++."""
    structs = source()
    assert structs
    assert sorted({text for struct in structs for text in differences(struct)}) == []


def test_no_struct_is_forgotten() -> None:
    """Every struct that a kernel takes is among those that are compared."""
    taken = {
        name
        for path in resources.path("firmware").glob("kernels/*/*.h")
        for name in KERNEL.findall(path.read_text(encoding="utf-8"))
    }
    assert len(taken) > 40
    assert taken - {name for struct in written() for name in structs_in(struct)} == set()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((("min", -128),), "tml_clamp has ['min', 'max'], Python writes ['min']"),
        ((("max", 127), ("min", -128)), "Python writes ['max', 'min']"),
        ((("min", -128), ("max", 1 << 31)), "tml_clamp.max: int32_t [None] cannot be 2147483648"),
        ((("min", False), ("max", 127)), "tml_clamp.min: int32_t [None] cannot be False"),
        ((("min", (1, 2)), ("max", 127)), "tml_clamp.min: int32_t [None] cannot be (1, 2)"),
    ],
)
def test_a_difference_is_named(fields: tuple[tuple[str, int], ...], message: str) -> None:
    """A test that cannot fail shows nothing."""
    (found,) = differences(Struct("tml_clamp", fields))
    assert message in found


def test_an_unknown_struct() -> None:
    assert "tml_new_params" not in declared()
    assert list(differences(Struct("tml_new_params", ()))) == ["tml_new_params is declared nowhere"]
