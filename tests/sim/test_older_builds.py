"""Builds of the versions before: tests/builds has one per format of plan.json, as the first version
with it made it for a NUCLEO-L4R5ZI. They are never made anew.
"""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.support.running.ptys import serving
from tests.support.running.served import served
from tests.support.running.stm32_rom import Stm32Rom
from tinyml import api
from tinyml.base.elf import read_elf
from tinyml.cli import cli
from tinyml.evaluate.samples import random_samples
from tinyml.measure.builds import open_build
from tinyml.ops.reference import outputs

ARCHIVES = sorted((Path(__file__).parents[1] / "builds").glob("*.tar.xz"))


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / request.param.name.removesuffix(".tar.xz")


def test_the_plan_computes_what_the_model_does(build: Path) -> None:
    plan = open_build(build).plan
    for sample in random_samples(plan.graph, 3).inputs:
        found, wanted = outputs(plan.graph, sample), outputs(plan.reference_graph, sample)
        assert all(np.array_equal(*pair) for pair in zip(found, wanted, strict=True))
    kernels = [step.call.function for step in plan.steps if step.call]
    assert kernels[-1] == "tml_dsp_softmax_s8"


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")
def test_it_is_flashed(build: Path) -> None:
    with serving(Stm32Rom([4096] * 16)) as rom:
        line = ["flash", str(build), "--flasher", "stm32_uart", "--port", rom.wire.path, "--yes"]
        done = CliRunner().invoke(cli, line)
        assert done.exit_code == 0, done.output
        written = (build / "firmware.bin").read_bytes()
        assert bytes(rom.flash[: len(written)]) == written


@pytest.mark.sim
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")
def test_it_is_profiled_and_verified(build: Path) -> None:
    """Its own firmware answers: what the serial lines say is still understood."""
    built = open_build(build)
    feed = random_samples(built.plan.graph, 4)
    with served(read_elf(built.linked().elf), built.board) as port:
        found = api.verify(built, feed, api.Connection(port))
        measured = api.profile(built, feed, api.Connection(port), runs=4, warmup=1)
    assert (found.samples, found.elements) == (4, 40)
    run = measured.report.run
    assert run is not None
    assert run["equal_to_reference"] == 4
    assert 0.9 < run["total"]["cycles"] / run["predicted"]["total"] < 1.1
