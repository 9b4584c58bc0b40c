"""Layers computed row by row: which can be, how low windows get, and what the verifier notices."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.models import residuals
from tests.support.models.chains import random_chain
from tests.support.models.small_graphs import GraphBuilder
from tests.support.models.streamed import streamed_plan, streamed_steps
from tests.support.values.small_boards import small_board
from tinyml.base.errors import PlanError
from tinyml.conformance.targets import host_board
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import Rows, Stream
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.plan.planner import plan
from tinyml.plan.schedule import play
from tinyml.plan.segments import Segment, segments
from tinyml.plan.stages import Banding
from tinyml.plan.stream import follows_elementwise
from tinyml.plan.values import Plan, Step
from tinyml.plan.verify import verify

pytestmark = pytest.mark.slow

ONE_ROW = Banding(1)


def longest(graph: Graph) -> Segment:
    return max(segments(graph, 16), key=lambda item: len(item.ops))


def streamed(graph: Graph, segment: Segment | None = None, form: Banding = ONE_ROW) -> Plan:
    step = streamed_steps(graph, segment or longest(graph), form, ())[0]
    return streamed_plan(graph, host_board(), step)


def stream_of(made: Plan) -> tuple[int, Step, Stream]:
    for number, step in enumerate(made.steps):
        if step.call is not None and step.call.stream is not None:
            return number, step, step.call.stream
    raise AssertionError("nothing is streamed")


def test_windows_of_3x3_filters_hold_three_rows() -> None:
    graph = residuals()
    made = streamed(graph, next(s for s in segments(graph, 3) if len(s.ops) == 3))
    heights = {item.capacity for item in stream_of(made)[2].rows if item.is_padded}
    assert heights == {3}


def test_taller_bands_need_taller_windows() -> None:
    graph = residuals()
    sizes = [stream_of(streamed(graph, form=Banding(band)))[2].window_bytes for band in (1, 2, 4)]
    assert sizes == sorted(set(sizes))


def test_every_segment_in_every_form_passes_the_verifier() -> None:
    board = host_board()
    count = 0
    for seed in range(8):
        graph = random_chain(seed)
        for segment in segments(graph, 16):
            for form in (Banding(1), Banding(1, True), Banding(2), Banding(3, True), Banding(8)):
                for step in streamed_steps(graph, segment, form, ()):
                    verify(streamed_plan(graph, board, step), board)
                    count += 1
    assert count > 100


def test_goals_trade_ram_for_time() -> None:
    graph, board = residuals(), host_board()

    def price(optimize: str) -> tuple[int, int]:
        made = plan(graph, board, optimize=optimize)
        verify(made, board)
        calls = [step.call for step in made.steps if step.call]
        return made.arena_bytes[0][1], sum(call.cost.instructions for call in calls)

    fast, small = price("speed"), price("ram")
    assert small[0] < fast[0]
    assert small[1] > fast[1]
    assert small[0] <= price("balanced")[0] <= fast[0]


def test_what_does_not_fit_at_speed_is_streamed() -> None:
    graph = residuals()
    needed = plan(graph, host_board()).arena_bytes[0][1]
    least = plan(graph, host_board(), optimize="ram").arena_bytes[0][1]
    board = small_board(sram=(needed + least) // 2)
    made = plan(graph, board, agent=False)
    verify(made, board)
    assert made.arena_bytes[0][1] <= board.ram[0].max_bytes
    assert stream_of(made)


@given(seed=st.integers(0, 10**6), isa=st.sampled_from([(), ("dsp",)]))
def test_random_chains_are_planned_for_little_ram(seed: int, isa: tuple[str, ...]) -> None:
    graph, board = random_chain(seed), small_board(isa, sram=1 << 20)
    made = {goal: plan(graph, board, optimize=goal) for goal in ("speed", "ram")}
    for item in made.values():
        verify(item, board)
    assert made["ram"].arena_bytes <= made["speed"].arena_bytes


def damaged(change: Callable[[Stream], Stream]) -> Plan:
    """A sound plan whose stream has been changed."""
    made = streamed(residuals(), form=ONE_ROW)
    number, step, stream = stream_of(made)
    assert step.call is not None
    broken = replace(step, call=replace(step.call, stream=change(stream)))
    steps = (*made.steps[:number], broken, *made.steps[number + 1 :])
    return replace(made, steps=steps)


def first_window(stream: Stream) -> int:
    return next(i for i, item in enumerate(stream.rows) if item.place == "scratch")


def with_window(stream: Stream, change: Callable[[Rows], Rows]) -> Stream:
    i = first_window(stream)
    return replace(stream, rows=(*stream.rows[:i], change(stream.rows[i]), *stream.rows[i + 1 :]))


DAMAGES: dict[str, tuple[Callable[[Stream], Stream], str]] = {
    "window_too_low": (
        lambda s: with_window(s, lambda item: replace(item, capacity=item.capacity - 1)),
        "has no room",
    ),
    "padding_forgotten": (
        lambda s: with_window(s, lambda item: replace(item, is_padded=False)),
        "is gone when it is read",
    ),
    "windows_on_one_another": (
        lambda s: replace(s, rows=tuple(replace(item, offset=0) for item in s.rows)),
        "is gone when it is read",
    ),
    "window_outside_scratch": (
        lambda s: with_window(s, lambda item: replace(item, offset=item.offset + (1 << 20))),
        "of its scratch",
    ),
    "stage_left_out": (lambda s: replace(s, stages=s.stages[:-1]), "its stages compute"),
    "other_operand": (
        lambda s: replace(
            s,
            stages=(
                *s.stages[:-1],
                replace(s.stages[-1], inputs=(replace(s.stages[-1].inputs[0], rows=0),)),
            ),
        ),
        "has other operands",
    ),
    "stops_early": (
        lambda s: replace(s, stages=(*s.stages[:-1], replace(s.stages[-1], runs=1))),
        "rows are made",
    ),
}


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_verifier_notices(name: str) -> None:
    change, message = DAMAGES[name]
    made = damaged(lambda stream: stream)
    verify(made, host_board())
    with pytest.raises(PlanError, match=message):
        verify(damaged(change), host_board())


def _one_by_one(graph: Graph, segment: Segment, stream: Stream, is_in_place: bool) -> int:
    """How far the writes run ahead of the reads, looked at after every run and every 16 bytes."""
    schedule = play(stream.rows, stream.stages)
    assert schedule is not None
    given = next(item for item in stream.rows if item.place == "input")
    made = next(item for item in stream.rows if item.place == "output")
    ahead, before = [], (0, 0)
    for number, end, kept in schedule.progress:
        whole = graph.tensors[segment.made].nbytes * (end == made.count)
        written = end * made.pitch if made.pitch else whole
        after = (written, min(kept * given.pitch, given.pitch * given.count))
        steps = [after]
        if number == len(stream.stages) - 1 and is_in_place:
            parts = range(16, written - before[0], 16)
            steps = [(before[0] + n, min(before[1] + n, after[1])) for n in parts] + steps
        for step in steps if after != before else ():
            ahead.append(step[0] - before[1])
            before = step
    return max(ahead)


@pytest.mark.parametrize("seed", range(12))
def test_patterns_say_what_a_walk_says(seed: int) -> None:
    graph = random_chain(seed) if seed else _tall(17)
    for segment in segments(graph, 4):
        for step in streamed_steps(graph, segment, ONE_ROW, ()):
            assert step.call is not None
            assert step.call.stream is not None
            is_in_place = follows_elementwise(step.call.stream)
            assert is_in_place or seed
            walked = _one_by_one(graph, segment, step.call.stream, is_in_place)
            assert step.call.overlaps[0].distance_bytes == walked


def _tall(height: int) -> Graph:
    """A convolution whose output is added to its input: streamed, in place."""
    b = GraphBuilder()
    x = b.value("x", (1, height, 64, 4))
    filters = b.weights("w", (4, 3, 3, 4), 0, 4)
    attrs = Conv2dAttrs("SAME", 1, 1, activation="RELU")
    y = b.op("CONV_2D", (x, filters, b.bias("b", 4)), b.value("y", (1, height, 64, 4)), attrs)
    z = b.op("ADD", (x, y), b.value("z", (1, height, 64, 4)), BinaryAttrs())
    return b.graph((x,), (z,))


@pytest.mark.parametrize("height", [32, 2048])
def test_a_tall_image_takes_no_more_memory(height: int) -> None:
    """Planning held a step per 16 bytes of the image, and verifying 8 bytes per byte."""
    made = streamed(_tall(height))
    call = next(step.call for step in made.steps if step.call is not None)
    assert call.stream is not None
    assert len(call.overlaps[0].progress) <= 12
    tracemalloc.start()
    verify(made, host_board())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 300_000
