"""Kernel choice, live ranges, the whole plan, and what the verifier finds in a tampered one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.small_graphs import GraphBuilder, small_network
from tests.support.values.small_boards import small_board
from tinyml import variants
from tinyml.base.errors import PlanError
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, row_overlap
from tinyml.model.file import read_model
from tinyml.model.reader import load
from tinyml.ops import plain_call
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.layout import ReshapeAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.passes import run_passes
from tinyml.plan import code_size
from tinyml.plan.liveness import Buffer, buffers_of, live_ranges
from tinyml.plan.planner import plan
from tinyml.plan.values import Placement, Plan, Step
from tinyml.plan.verify import verify
from tinyml.variants import Variant

BOARD = small_board(sram=65_536)
MODELS = Path(__file__).parents[1] / "models"


def residual() -> Graph:
    """x → RELU → a, a reshaped to b, b + x → y; 64 bytes each."""
    b = GraphBuilder()
    x = b.value("x", (1, 4, 16))
    a = b.op("RELU", (x,), b.value("a", (1, 4, 16)), NoAttrs())
    shape = b.constant("shape", np.array([1, 64], np.int32))
    flat = b.op("RESHAPE", (a, shape), b.value("b", (1, 64)), ReshapeAttrs((1, 64)))
    x2 = b.op("RESHAPE", (x, shape), b.value("x2", (1, 64)), ReshapeAttrs((1, 64)))
    y = b.op("ADD", (flat, x2), b.value("y", (1, 64)), BinaryAttrs())
    return b.graph((x,), (y,))


def plain_steps(graph: Graph) -> tuple[Step, ...]:
    return tuple(Step((i,), plain_call(op, graph)) for i, op in enumerate(graph.ops))


def test_live_ranges_count_in_steps() -> None:
    graph = residual()
    ranges = live_ranges(graph, plain_steps(graph))
    names = {graph.tensors[i].name: use for i, use in ranges.items()}
    assert names == {"x": (-1, 2), "a": (0, 1), "b": (1, 3), "x2": (2, 3), "y": (3, 4)}


def test_views_share_a_buffer() -> None:
    graph = residual()
    x, a, _, flat, x2, y = range(6)
    assert buffers_of(graph, plain_steps(graph)) == (
        Buffer((x, x2), 64, -1, 3),
        Buffer((a, flat), 64, 0, 3),
        Buffer((y,), 64, 3, 4),
    )


def test_an_op_on_two_values_reuses_one_of_them() -> None:
    made = plan(residual(), BOARD)
    verify(made, BOARD)
    assert made.arena_bytes == (("sram", 128),)
    assert made.activation_bytes == made.lower_bound_bytes == 128
    assert made.tensors[5] is not None
    assert (made.tensors[5].first_use, made.tensors[5].last_use) == (3, 4)


def test_a_value_read_through_both_operands_is_not_halved() -> None:
    """x + x in place: both operands allow it."""
    b = GraphBuilder()
    x = b.value("x", (1, 64))
    a = b.op("RELU", (x,), b.value("a", (1, 64)), NoAttrs())
    y = b.op("ADD", (a, a), b.value("y", (1, 64)), BinaryAttrs())
    made = plan(b.graph((x,), (y,)), BOARD)
    verify(made, BOARD)
    assert made.arena_bytes == (("sram", 64),)


def test_inputs_and_outputs_outlive_all_steps() -> None:
    """An input that is an output too must be there at the end; an unused one costs nothing."""
    b = GraphBuilder()
    x, unused = b.value("x", (1, 64)), b.value("unused", (1, 32))
    y = b.op("TANH", (x,), b.value("y", (1, 64), (1 / 128, 0)), NoAttrs())
    made = plan(b.graph((x, unused), (y, x)), BOARD)
    verify(made, BOARD)
    assert made.arena_bytes == (("sram", 128),)
    assert made.tensors[x] == Placement("sram", made.tensors[x].offset, 64, -1, 1)  # type: ignore[union-attr]


def call(
    instructions: int, scratch_bytes: int = 0, code_bytes: int = 0, name: str = "k", depth: int = 4
) -> KernelCall:
    return KernelCall(
        name,
        "k.h",
        Struct("tml_softmax_params", (("rows", 1), ("depth", depth))),
        (Arg("input"), Arg("output")),
        scratch_bytes=scratch_bytes,
        cost=Cost(instructions, code_bytes),
        form="s8",
    )


@pytest.fixture
def softmax_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three variants for the last op of small_network, in the place where variants are found."""

    def refuse(op: Op, graph: Graph) -> str:
        return "weights reach -128"

    found = (
        Variant("dsp/fast", "SOFTMAX", "s8", "dsp", lambda op, graph: call(1, 4096, 9000, "fast")),
        Variant("dsp/strict", "SOFTMAX", "s8", "dsp", refuse),
        Variant("mve/faster", "SOFTMAX", "s8", "mve", lambda op, graph: call(0, 0, 0, "faster")),
    )
    monkeypatch.setattr(variants, "all_variants", lambda: found)


@pytest.mark.usefixtures("softmax_variants")
def test_the_cheapest_valid_kernel_is_chosen() -> None:
    last = plan(small_network(), small_board(("dsp",), sram=65_536), optimize="speed").steps[-1]
    assert last.call is not None
    assert last.call.function == "fast"
    assert [name for name, _ in last.alternatives] == ["plain"]
    assert last.rejected == (("dsp/strict", "weights reach -128"),)
    assert last.scratch == Placement("sram", last.scratch.offset, 4096, 7, 7)  # type: ignore[union-attr]


@pytest.mark.usefixtures("softmax_variants")
def test_without_the_instructions_the_plain_kernel_remains() -> None:
    last = plan(small_network(), BOARD).steps[-1]
    assert (last.alternatives, last.rejected) == ((), ())
    assert last.call is not None
    assert last.call.function.startswith("tml_softmax")


@pytest.mark.usefixtures("softmax_variants")
def test_for_size_a_small_kernel_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_size, "kernel_sizes", lambda *_: {"fast": (9000, 0)})
    made = plan(small_network(), small_board(("dsp",), sram=65_536), optimize="size")
    assert made.steps[-1].alternatives == (("dsp/fast", 1),)


@pytest.mark.usefixtures("softmax_variants")
def test_kernels_with_less_scratch_are_chosen_when_ram_is_short() -> None:
    made = plan(small_network(), small_board(("dsp",), sram=1024))
    assert made.steps[-1].alternatives == (("dsp/fast", 1),)
    assert made.arena_bytes[0][1] <= 1024


@pytest.mark.usefixtures("softmax_variants")
def test_scratch_and_values_add_up_to_the_arena() -> None:
    board = small_board(("dsp",), sram=65_536)
    made = plan(small_network(), board, optimize="speed")
    verify(made, board)
    sums = {use.purpose: use.nbytes for use in made.uses if use.region == "sram"}
    assert sums["activations"] == made.activation_bytes
    assert sums["activations"] + sums["scratch"] == made.arena_bytes[0][1] >= 4096


def test_the_first_region_that_fits_holds_the_arena() -> None:
    small, large = 64, 65_536
    assert plan(small_network(), small_board(a=large, b=large)).arena_bytes[0][0] == "a"
    board = small_board(a=small, b=large)
    made = plan(small_network(), board)
    verify(made, board)
    assert made.arena_bytes[0][0] == "b"
    too_small = small_board(a=32, b=small)
    made = plan(small_network(), too_small)
    verify(made, too_small)
    assert made.arena_bytes[0][0] == "b", "the larger one, so that a report can say what is missing"


def test_unknown_goals_are_refused() -> None:
    with pytest.raises(PlanError, match="cannot optimize for 'sped'") as caught:
        plan(residual(), BOARD, optimize="sped")
    assert caught.value.hint == "did you mean 'speed'?"


def test_a_view_of_a_constant_asks_for_the_passes() -> None:
    b = GraphBuilder()
    x = b.value("x", (1, 2))
    held = b.constant("c", np.array([[1], [2]], np.int8), b.tensors[x].quant)
    flat = b.op("RESHAPE", (held,), b.value("flat", (1, 2)), ReshapeAttrs())
    y = b.op("ADD", (x, flat), b.value("y", (1, 2)), BinaryAttrs())
    graph = b.graph((x,), (y,))
    with pytest.raises(PlanError, match="'flat' \\(RESHAPE\\) hands on a constant"):
        plan(graph, BOARD)
    verify(plan(run_passes(graph), BOARD), BOARD)


def tampered(made: Plan, tensor: int, **changes: object) -> Plan:
    tensors = list(made.tensors)
    placement = tensors[tensor]
    assert placement is not None
    tensors[tensor] = dataclasses.replace(placement, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(made, tensors=tuple(tensors))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offset": 8}, "is not aligned to 16 bytes"),
        ({"offset": -16}, "is not aligned"),
        ({"offset": 1 << 20}, "the arena in sram has 128 bytes, values reach to 1048640"),
        ({"nbytes": 63}, "needs 64 bytes"),
        ({"last_use": 0}, "is used from step 0 to 1"),
        ({"region": "ccm"}, "board 'testboard' keeps no arena in that region"),
    ],
)
def test_wrong_placements_are_found(changes: dict[str, object], message: str) -> None:
    with pytest.raises(PlanError) as caught:
        verify(tampered(plan(residual(), BOARD), 1, **changes), BOARD)
    assert message in str(caught.value)


def test_a_view_must_lie_on_its_source() -> None:
    made = plan(residual(), BOARD)
    flat = made.tensors[3]
    assert flat is not None
    with pytest.raises(PlanError, match="'b' is a view of its input but lies somewhere else"):
        verify(tampered(made, 3, offset=64 - flat.offset), BOARD)


def test_clashes_name_both_values() -> None:
    made = plan(small_network(), BOARD)
    relu, depthwise = made.tensors[6], 7
    assert relu is not None
    with pytest.raises(PlanError) as caught:
        verify(tampered(made, depthwise, offset=relu.offset), BOARD)
    assert "'relu' at [" in str(caught.value)
    assert "'depthwise' at [" in str(caught.value)


def overlapping(*overlaps: Overlap, gap: int = 0) -> Plan:
    """A plan of one op, x [64] → y [64], that x starts ``gap`` bytes above y in."""
    b = GraphBuilder()
    x = b.value("x", (1, 64))
    y = b.op("RELU", (x,), b.value("y", (1, 64)), NoAttrs())
    made = plan(b.graph((x,), (y,)), BOARD)
    step = dataclasses.replace(
        made.steps[0], call=dataclasses.replace(call(1, depth=64), overlaps=tuple(overlaps))
    )
    high = 64 + abs(gap)
    return dataclasses.replace(
        tampered(tampered(made, x, offset=max(0, gap)), y, offset=max(0, -gap)),
        steps=(step,),
        arena_bytes=(("sram", high),),
        uses=tuple(dataclasses.replace(use, nbytes=high) for use in made.uses[:1]),
    )


def test_overlaps_need_the_kernels_leave() -> None:
    verify(overlapping(Overlap(0, 0)), BOARD)
    with pytest.raises(PlanError, match=r"two values would share memory: .x. at .*, and .y. at"):
        verify(overlapping(), BOARD)


ROWS = ((16, 0), (32, 16), (48, 32), (64, 64))  # one row of 16 bytes behind


def test_rows_are_played_through() -> None:
    overlap = row_overlap(0, ROWS)
    assert overlap.distance_bytes == 32
    verify(overlapping(overlap, gap=32), BOARD)
    with pytest.raises(PlanError, match="the output must start 32 bytes below"):
        verify(overlapping(overlap, gap=16), BOARD)
    lying = dataclasses.replace(overlap, distance_bytes=16)
    with pytest.raises(PlanError, match="it has written 32 bytes and still reads from 0 on"):
        verify(overlapping(lying, gap=16), BOARD)
    with pytest.raises(PlanError, match="until it has written 48 bytes"):
        verify(overlapping(row_overlap(0, ROWS[:3]), gap=32), BOARD)


def test_elements_go_in_lock_step() -> None:
    with pytest.raises(PlanError, match="it has written 1 bytes and still reads from 1 on"):
        verify(overlapping(Overlap(0, -16), gap=-16), BOARD)
    verify(overlapping(Overlap(0, -16, reason="reads all first"), gap=-16), BOARD)


@pytest.mark.parametrize(
    ("name", "activation_bytes"),
    [
        ("kws_ref_model", 16_000),
        ("pretrainedResnet_quant", 49_152),
        ("str_ww_ref_model", 6_656),
    ],
)
def test_real_models(name: str, activation_bytes: int) -> None:
    path = MODELS / f"{name}.tflite"
    graph = run_passes(load(read_model(path)))
    board = small_board(sram=65_536)
    made = plan(graph, board, optimize="speed")
    verify(made, board)
    assert made.activation_bytes <= activation_bytes
    without = buffers_of(graph, plain_steps(graph))
    from tinyml.plan.allocate import Range, allocate

    ranges = [Range(item.first_use, item.last_use, item.nbytes) for item in without]
    assert allocate(ranges).arena_bytes == activation_bytes
