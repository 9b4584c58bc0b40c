"""Every row of tests/ops: numpy reference = generated C on this machine = TensorFlow Lite Micro."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import (
    batched,
    case_names,
    case_paths,
    is_beyond_tflm,
    load_batch,
    load_case,
    names_of,
)
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import run_on_host
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml.conformance.batch import is_close

PATHS = case_paths()
CASES = [
    pytest.param(path, name, id=f"{path.stem}-{name}")
    for path in PATHS
    for name in case_names(path)
]


# By how many floats outputs may differ, since TFLM's exp and tanh are those of a C library.
STEPS = {"cos": 4, "exp": 4, "log": 4, "logistic": 4, "sin": 4, "softmax": 4, "tanh": 4}
# The same, of values that are differences of two of about one size.
STEPS |= {"log_softmax": 4}
# It adds up the other way round. All other operators are equal in every bit.
OTHER_ORDER = ("transpose_conv",)
CARRIED_ON = ("unidirectional_sequence_lstm",)  # differences of one step into the next
LEFT_OPEN = {("space_to_batch_nd", "a_border"), ("space_to_batch_nd", "a_sequence")}


@pytest.mark.host_cc
@pytest.mark.parametrize("optimize", ["size", "speed"])
@pytest.mark.parametrize("batch", batched(PATHS), ids=names_of)
def test_host_c_equals_reference(batch: tuple[Path, ...], optimize: str, tmp_path: Path) -> None:
    """All cases of a few operators are layers of one program: it is compiled once."""
    case = load_batch(batch)
    found = run_on_host(case.graph, case.vectors, tmp_path, optimize=optimize, singly=True)
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)


@needs_tflm
@pytest.mark.parametrize(("path", "name"), CASES)
def test_tflm_equals_reference(path: Path, name: str) -> None:
    case = load_case(path, name)
    if is_beyond_tflm(path):
        with pytest.raises(RuntimeError):
            run_in_tflm(case.graph, case.vectors)
        return
    if (path.stem, name) in LEFT_OPEN:
        pytest.skip("TFLM leaves the border as the memory was")
    found = run_in_tflm(case.graph, case.vectors)
    expected = run_reference(case.graph, case.vectors)
    if not name.startswith("float_") or expected[0][0].dtype != np.float32:
        assert_equal(case.graph, expected, found)
        return
    for (want,), (have,) in zip(expected, found, strict=True):
        if path.stem in (*OTHER_ORDER, *CARRIED_ON):
            assert is_close(have, want)
        else:
            np.testing.assert_array_max_ulp(want, have, STEPS.get(path.stem, 0))


@pytest.mark.host_cc
@pytest.mark.parametrize("optimize", ["size", "speed"])
def test_floats_beyond_int32_saturate(optimize: str, tmp_path: Path) -> None:
    """TFLM leaves them undefined, so no row can ask for them."""
    case = load_case(PATHS[0].parent / "quantize.toml", "float_one_by_one_zero_point_lowest")
    values = [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e12, -1e12, 0.0, -0.0]
    vectors = [(np.array(values, np.float32).reshape(1, 1, 1, 9),)]
    ((expected,),) = run_reference(case.graph, vectors)
    assert expected.reshape(-1).tolist() == [-128, 127, -128, 127, -128, 127, -128, -128, -128]
    found = run_on_host(case.graph, vectors, tmp_path, optimize=optimize)
    assert_equal(case.graph, [(expected,)], found)
