"""The live part of a report measures a board: an emulated one, behind a stand-in of the port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.running.chromium import Page, chromium
from tests.support.running.live_page import DIGITS, READY, digits_with_page, inference
from tests.support.running.web_serial import plug
from tinyml import api
from tinyml.base.elf import read_elf
from tinyml.device.agent import AgentClient
from tinyml.evaluate.samples import Samples
from tinyml.measure.onboard import profile_build
from tinyml.report.around import Around
from tinyml.report.live import Live
from tinyml.report.page import render
from tinyml.report.report import read_report
from tinyml.simulate.link import MemoryLink
from tinyml.simulate.machine import Machine


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> api.Built:
    return digits_with_page(tmp_path_factory.mktemp("live") / "build")


def booted(built: api.Built) -> MemoryLink:
    """The firmware of a build on its emulated core."""
    return MemoryLink(Machine(read_elf(built.linked().elf), built.board))


MEASURE = """(async () => {
  const form = document.getElementById("board");
  form.elements.runs.value = %d;
  form.requestSubmit();
  const button = form.querySelector("button");
  while (!button.disabled) await new Promise((done) => setTimeout(done, 10));
  while (button.disabled) await new Promise((done) => setTimeout(done, 20));
  const cells = (row) => [...row.cells].map((cell) => cell.textContent);
  const rows = (body) => [...body.rows].map(cells);
  const table = form.querySelector("[data-table=measured]");
  return { said: document.getElementById("board-said").textContent, rows: rows(table.tBodies[0]),
    total: rows(table.tFoot)[0], closed: serialPort.closed, baud: serialPort.options.baudRate };
})()"""


@pytest.mark.browser
@pytest.mark.sim
@pytest.mark.slow
class TestBoard:
    """An emulated board behind a stand-in of navigator.serial."""

    RUNS = 3

    @pytest.fixture
    def fresh(self, tmp_path: Path) -> Iterator[Page]:
        with chromium(tmp_path) as found:
            yield found

    def measured(self, page: Page, built: api.Built) -> Any:
        page.open(built.directory / "report.html")
        page.ask(READY)
        return page.ask(MEASURE % self.RUNS)

    def test_figures_are_those_of_profile(
        self, fresh: Page, digits: api.Built, tmp_path: Path
    ) -> None:
        plug(fresh, booted(digits))
        found = self.measured(fresh, digits)
        graph = digits.plan.reference_graph
        inputs, _, _ = inference(fresh, graph)
        profiled = profile_build(
            replace(digits, directory=tmp_path),
            AgentClient(booted(digits)),
            Samples((tuple(inputs),)),
            runs=self.RUNS,
        )
        report = profiled.report
        assert report.run is not None
        assert found["said"].startswith(f"{self.RUNS} inferences on the board: ")
        assert found["said"].endswith("Its outputs equal those of this page.")
        assert (found["closed"], found["baud"]) == (True, digits.board.baud)
        assert len(found["rows"]) == len(report.layers)
        for row, layer in zip(found["rows"], report.layers, strict=True):
            spread = layer.spread
            assert spread is not None
            assert [number(text) for text in row[3:6]] == [spread.min, spread.median, spread.max]
            assert number(row[2]) == layer.predicted_instructions
        total = report.run["spread"]
        assert [number(text) for text in found["total"][3:6]] == [
            total[name] for name in ("min", "median", "max")
        ]
        assert fresh.complaints == []

    def test_a_bad_line_gives_no_wrong_figure(self, fresh: Page, digits: api.Built) -> None:
        """One byte in 4,000 of what the board says is changed."""
        generator = np.random.default_rng(1)
        changed = 0

        def damage(data: bytes) -> bytes:
            nonlocal changed
            held = bytearray(data)
            for place in np.flatnonzero(generator.random(len(held)) < 1 / 4000):
                held[place] ^= 1 << int(generator.integers(7))
                changed += 1
            return bytes(held)

        plug(fresh, booted(digits))
        right = self.measured(fresh, digits)
        plug(fresh, booted(digits), damage=damage)
        found = self.measured(fresh, digits)
        assert changed
        assert [row[3:6] for row in found["rows"]] == [row[3:6] for row in right["rows"]]

    def test_another_build_is_refused(self, fresh: Page, digits: api.Built, tmp_path: Path) -> None:
        settings = api.Settings("size", directory=tmp_path / "other")
        other = api.build(DIGITS / "digits.tflite", digits.board, settings)
        plug(fresh, booted(other))
        found = self.measured(fresh, digits)
        assert other.planned.fingerprint in found["said"]
        assert found["said"].endswith("flash this build: tinyml flash")
        assert found["rows"] == []
        assert found["closed"]

    def test_a_page_without_the_model_measures(
        self, fresh: Page, digits: api.Built, tmp_path: Path
    ) -> None:
        """Where there was no compiler for WebAssembly; the input is zeros then."""
        report = read_report(digits.directory)
        board = digits.board
        live = Live(report.model["sha256"], board.name, report.tinyml, missing="no compiler")
        path = tmp_path / "report.html"
        path.write_text(render(report, Around(live=live)), encoding="utf-8")
        plug(fresh, booted(digits))
        fresh.open(path)
        found = fresh.ask(MEASURE % 1)
        assert found["said"].startswith("1 inferences on the board: ")
        assert "outputs" not in found["said"]
        assert len(found["rows"]) == len(report.layers)
        assert fresh.complaints == []

    def test_a_board_that_is_unplugged_is_said(self, fresh: Page, digits: api.Built) -> None:
        link, said = booted(digits), 0

        def damage(data: bytes) -> bytes:
            nonlocal said
            said += len(data)
            if said > 3000:
                fresh.tell("unplug()")
            return data

        plug(fresh, link, damage=damage)
        found = self.measured(fresh, digits)
        assert found["said"] == "the port is gone: was the board unplugged?"
        assert found["rows"] == []

    def test_a_silent_port_is_said(self, fresh: Page, digits: api.Built) -> None:
        plug(fresh, booted(digits), damage=lambda data: b"")
        found = self.measured(fresh, digits)
        assert "the board does not answer as the agent does" in found["said"]
        assert found["closed"]


def number(text: str) -> float:
    return float(text.replace(",", ""))
