"""Random small graphs: reference = the same after the passes = TFLM = generated C."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from tests.support.models.cases import Case, merge
from tests.support.models.graphs import cases
from tests.support.models.growing import ROUGH
from tests.support.running.emulated import run_on_board
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import run_on_host
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml.base.errors import ModelError
from tinyml.conformance.batch import is_close
from tinyml.ir.graph import Array, Graph
from tinyml.model.arithmetic import float_ops
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.passes import run_passes
from tinyml.runtimes import runtime_of


def tflm_takes(graph: Graph) -> bool:
    """Whether the runtime 'tflm' takes it: some types that we have TFLM has not."""
    try:
        runtime_of("tflm").load(model_file("random.tflite", write(graph)))
    except ModelError:
        return False
    return True


@needs_tflm
@given(case=cases())
def test_tflm_equals_reference(case: Case) -> None:
    assume(tflm_takes(case.graph))
    expected = run_reference(case.graph, case.vectors)
    found = run_in_tflm(case.graph, case.vectors)
    if any(op.kind in ROUGH for op in float_ops(case.graph)):
        for wanted, got in zip(expected, found, strict=True):
            assert all(map(is_near, wanted, got))
        return
    assert_equal(case.graph, expected, found)


def is_near(wanted: Array, got: Array) -> bool:
    """Whether all integers are equal, and floats as near as those of two C libraries."""
    return np.array_equal(wanted, got) or (wanted.dtype.kind == "f" and is_close(got, wanted))


@given(case=cases())
def test_what_is_written_and_simplified_computes_the_same(case: Case) -> None:
    expected = run_reference(case.graph, case.vectors)
    read = load(model_file("random.tflite", write(case.graph)))
    assert_equal(case.graph, expected, run_reference(read, case.vectors))
    simple = run_passes(read)
    assert_equal(simple, expected, run_reference(simple, case.vectors))


def side_by_side(drawn: list[Case]) -> Case:
    """Several graphs in one program: building it is what takes the time."""
    return merge([replace(case, name=f"g{n}") for n, case in enumerate(drawn)], "random")


@pytest.mark.host_cc
@pytest.mark.slow
@settings(max_examples=max(1, settings().max_examples // 10))
@given(drawn=st.lists(cases(), min_size=1, max_size=8))
def test_host_c_equals_reference(drawn: list[Case]) -> None:
    case = side_by_side(drawn)
    simple = run_passes(case.graph)
    with tempfile.TemporaryDirectory() as folder:
        found = run_on_host(simple, case.vectors, Path(folder))
    assert_equal(simple, run_reference(case.graph, case.vectors), found)


@pytest.mark.sim
@pytest.mark.slow
@settings(max_examples=max(1, settings().max_examples // 25), phases=(Phase.generate,))
@given(drawn=st.lists(cases(), min_size=4, max_size=8))
def test_emulated_core_equals_reference(drawn: list[Case]) -> None:
    """On a core with DSP instructions, with the kernels that the planner prefers there."""
    case = side_by_side(drawn)
    simple = run_passes(case.graph)
    with tempfile.TemporaryDirectory() as folder:
        found = run_on_board(simple, case.vectors, Path(folder))
    assert_equal(simple, run_reference(case.graph, case.vectors), found)
