"""Random small graphs: reference = the same after the passes = TFLM = generated C."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cases import Case, merge
from tests.support.executors import assert_equal, run_reference
from tests.support.graphs import cases
from tests.support.host_c import run_on_host
from tests.support.tflm import needs_tflm, run_in_tflm
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.passes import run_passes


@needs_tflm
@given(case=cases())
def test_tflm_equals_reference(case: Case) -> None:
    expected = run_reference(case.graph, case.vectors)
    assert_equal(case.graph, expected, run_in_tflm(case.graph, case.vectors))


@given(case=cases())
def test_what_is_written_and_simplified_computes_the_same(case: Case) -> None:
    expected = run_reference(case.graph, case.vectors)
    read = load(model_file("random.tflite", write(case.graph)))
    assert_equal(case.graph, expected, run_reference(read, case.vectors))
    simple = run_passes(read)
    assert_equal(simple, expected, run_reference(simple, case.vectors))


@pytest.mark.host_cc
@pytest.mark.slow
@settings(max_examples=max(1, settings().max_examples // 10))
@given(drawn=st.lists(cases(), min_size=1, max_size=8))
def test_host_c_equals_reference(drawn: list[Case]) -> None:
    """Several graphs side by side in one program: compiling is what takes the time."""
    named = [replace(case, name=f"g{number}") for number, case in enumerate(drawn)]
    case = merge(named, "random")
    simple = run_passes(case.graph)
    with tempfile.TemporaryDirectory() as folder:
        found = run_on_host(simple, case.vectors, Path(folder))
    assert_equal(simple, run_reference(case.graph, case.vectors), found)
