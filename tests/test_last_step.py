"""An LSTM of which a slice takes the last step: the other steps take no memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.random_lstm import random_lstm
from tests.support.running.emulated import run_on_board
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import run_on_host
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.model.support import unmet
from tinyml.model.writer import write
from tinyml.ops import spec_of
from tinyml.ops.slice import StridedSliceAttrs
from tinyml.passes import run_passes

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


def sequence(batches: int, *, time_major: bool) -> Graph:
    """A random layer with more than one step."""
    for seed in range(1000):
        graph = random_lstm(np.random.default_rng(seed))
        (op,) = graph.ops
        (shape,) = spec_of(LSTM).infer(op, graph)
        steps = shape[0 if time_major else 1]
        if op.attrs.time_major == time_major and steps > 1 and shape[time_major] == batches:
            made = replace(graph.tensors[-1], shape=shape)
            graph = replace(graph, tensors=(*graph.tensors[:-1], made))
            if not any(unmet(op, graph)):
                return graph
    raise AssertionError("no such layer")


def with_slice(graph: Graph, step: int, batch: int = 0) -> Graph:
    """A step of one batch, without the two dimensions."""
    (op,) = graph.ops
    made = op.outputs[0]
    place = (step, batch) if op.attrs.time_major else (batch, step)
    tensors = list(graph.tensors)
    inputs = [made]
    for name, values in (("from", (*place, 0)), ("to", (0, 0, 0)), ("by", (1, 1, 1))):
        data = np.array(values, np.int32)
        data.setflags(write=False)
        inputs.append(len(tensors))
        tensors.append(Tensor(name, INT32, (3,), None, data))
    tensors.append(replace(tensors[made], name="step", shape=tensors[made].shape[2:]))
    attrs = StridedSliceAttrs(begin_mask=4, end_mask=4, shrink_axis_mask=3)
    taken = Op("STRIDED_SLICE", "step", tuple(inputs), (len(tensors) - 1,), attrs)
    return replace(graph, tensors=tuple(tensors), ops=(op, taken), outputs=(len(tensors) - 1,))


def vectors(graph: Graph) -> list[tuple[np.ndarray]]:  # type: ignore[type-arg]
    rng = np.random.default_rng(1)
    shape = graph.tensors[graph.inputs[0]].shape
    return [(rng.integers(-128, 128, shape).astype(np.int8),) for _ in range(3)]


@pytest.mark.parametrize("time_major", [False, True])
@pytest.mark.host_cc
def test_the_last_step_alone(time_major: bool, tmp_path: Path) -> None:
    graph = with_slice(sequence(1, time_major=time_major), -1)
    simple = run_passes(graph)
    assert [op.kind for op in simple.ops] == [LSTM]
    expected = run_reference(graph, vectors(graph))
    assert_equal(simple, expected, run_reference(simple, vectors(graph)))
    assert_equal(simple, expected, run_on_host(simple, vectors(graph), tmp_path))


@needs_tflm
def test_the_last_step_in_tflm() -> None:
    graph = with_slice(sequence(1, time_major=False), -1)
    assert_equal(graph, run_reference(graph, vectors(graph)), run_in_tflm(graph, vectors(graph)))


@pytest.mark.sim
@pytest.mark.parametrize("board", ["nucleo_l4r5zi", "nucleo_g0b1re"])
def test_the_last_step_on_board(board: str, tmp_path: Path) -> None:
    graph = with_slice(sequence(1, time_major=False), -1)
    found = run_on_board(run_passes(graph), vectors(graph), tmp_path, board=board)
    assert_equal(graph, run_reference(graph, vectors(graph)), found)


@pytest.mark.parametrize(
    ("graph", "step", "batch"),
    [
        (sequence(1, time_major=False), 0, 0),
        (sequence(2, time_major=False), -1, 1),
        (sequence(2, time_major=True), -1, 1),
    ],
    ids=["another step", "two batches", "two batches, time major"],
)
def test_other_steps_stay(graph: Graph, step: int, batch: int) -> None:
    after = run_passes(with_slice(graph, step, batch))
    assert [op.kind for op in after.ops] == [LSTM, "STRIDED_SLICE"]


def test_all_steps_stay_where_somebody_reads_them() -> None:
    graph = with_slice(sequence(1, time_major=False), -1)
    after = run_passes(replace(graph, outputs=(*graph.outputs, graph.ops[0].outputs[0])))
    assert [op.kind for op in after.ops] == [LSTM, "STRIDED_SLICE"]


def test_what_a_pass_has_made_is_not_written() -> None:
    graph = run_passes(with_slice(sequence(1, time_major=False), -1))
    with pytest.raises(ModelError, match="the option 'is_last_only' has no place"):
        write(graph)
