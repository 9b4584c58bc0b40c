"""Images for two cores on an emulated board, which has one: halves run in turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.running.halves import shared_calls
from tinyml import api
from tinyml.report.text import shared_lines

pytestmark = pytest.mark.sim

MODEL = Path(__file__).parents[1] / "models" / "str_ww_ref_model.tflite"


def test_core_1_of_an_rp2040(tmp_path: Path) -> None:
    """Nobody answers core 0 there, so that both halves run on it."""
    board, found = api.load_board("rpi_pico"), []
    for cores in (1, 2):
        limits = api.Limits(cores=cores)
        settings = api.Settings("speed", directory=tmp_path / str(cores), limits=limits)
        built = api.build(MODEL, board, settings)  # runs the image, too
        found.append((built, api.simulate(built, api.samples_of(built.plan.graph, None, 2))))
    (one, alone), (two, shared) = found
    assert not shared_calls(one.plan)
    steps = shared_calls(two.plan)
    assert len(steps) > 4
    assert [item["layer"] for item in shared.details["two_cores"]["layers"]] == steps
    assert "two_cores" not in alone.details
    pairs = zip(alone.outputs, shared.outputs, strict=True)
    assert all(np.array_equal(a[0], b[0]) for a, b in pairs)
    assert 0.5 < shared.total.cycles / alone.total.cycles < 0.8
    assert len(shared_lines(two.report)) == 1


def test_the_image_is_as_large_as_predicted(tmp_path: Path) -> None:
    """The second stack lies in the same RAM."""
    limits = api.Limits(cores=2)
    settings = api.Settings("speed", directory=tmp_path, limits=limits, self_test=False)
    built = api.build(MODEL, api.load_board("rpi_pico"), settings)
    ram = next(item for item in built.report.memory if item.region == "sram")
    assert ram.linked_bytes is not None
    assert abs(ram.linked_bytes - ram.predicted_bytes) <= 32
