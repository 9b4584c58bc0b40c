"""The conclusion of the page: its words and figures are those of the report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.values.reports import planned_report, small_report
from tinyml.report.energy import battery_hours, energy_of
from tinyml.report.report import Memory, Report
from tinyml.report.verdict import conclusion_of


def with_memory(report: Report, **changed: Any) -> Report:
    """The report with another flash."""
    memory = tuple(replace(m, **changed) if m.kind == "flash" else m for m in report.memory)
    return replace(report, memory=memory)


def flash_of(report: Report) -> Memory:
    return next(item for item in report.memory if item.kind == "flash")


def test_every_budget_stands_beside_its_figure() -> None:
    report = small_report()
    found = {item.key: item for item in conclusion_of(report).figures}
    for memory in report.memory:
        figure = found[f"memory.{memory.region}"]
        assert figure.value == memory.linked_bytes
        assert f"of {memory.budget_bytes:,} B" in figure.sub
        assert memory.linked_bytes is not None
        assert f"{memory.budget_bytes - memory.linked_bytes:,} free" in figure.sub
    assert report.run is not None
    assert found["time_us"].value == report.run["time_us"]
    assert report.run["error_percent"] is not None
    assert f"± {report.run['error_percent']} %" in found["time_us"].unit


def test_before_a_run_the_time_is_the_predicted_one_with_its_error() -> None:
    report = planned_report()
    assert report.predicted is not None
    predicted = {**report.predicted, "time_us": 12345.0, "error_percent": 25}
    made = conclusion_of(replace(report, predicted=predicted))
    first = made.figures[0]
    assert (first.key, first.value, first.text, first.unit) == (
        "time_us",
        12345.0,
        "12.35",
        "ms ± 25 %",
    )
    assert "12.35 ms ± 25 %" in " ".join(made.sentences)


@pytest.mark.parametrize(
    ("budget", "tone", "word"),
    [
        (lambda need, error: need + error, "good", "Fits."),
        (lambda need, error: need + error - 1, "close", "Fits, "),
        (lambda need, error: need, "close", "Fits, "),
        (lambda need, error: need - error + 1, "close", "May not fit: "),
        (lambda need, error: need - error, "bad", "Does not fit."),
    ],
)
def test_what_is_within_the_error_is_neither_yes_nor_no(budget: Any, tone: str, word: str) -> None:
    report = planned_report()
    flash = flash_of(report)
    error = flash.uses["code"] * 21 // 100
    close = with_memory(report, budget_bytes=budget(flash.predicted_bytes, error))
    made = conclusion_of(close)
    assert made.tone == tone
    assert made.word.startswith(word)


def test_what_was_linked_is_certain() -> None:
    report = small_report()
    found = flash_of(report).linked_bytes
    assert found is not None
    assert conclusion_of(with_memory(report, budget_bytes=found)).tone == "good"
    made = conclusion_of(with_memory(report, budget_bytes=found - 7))
    assert made.tone == "bad"
    assert "7 bytes too small" in " ".join(made.sentences)


def test_energy_is_time_by_power() -> None:
    report = small_report()
    assert energy_of(report) is None, "the board's file knows no power"
    board = {**report.board, "power_mw": 40.0, "power_source": "data sheet"}
    energy = energy_of(replace(report, board=board))
    assert energy is not None
    assert report.run is not None
    assert energy.inference_uj == pytest.approx(report.run["time_us"] * 40 / 1000)
    assert energy.per_mwh * energy.inference_uj == pytest.approx(3.6e6)


def test_a_battery_lasts_as_its_load_says() -> None:
    report = small_report()
    board = {**report.board, "power_mw": 40.0, "power_source": "data sheet"}
    energy = energy_of(replace(report, board=board))
    assert energy is not None
    assert battery_hours(energy, 80, 1e12, 0.01) == pytest.approx(2.0), "back to back"
    assert battery_hours(energy, 80, 0, 0.5) == pytest.approx(160.0), "asleep"
    hourly = 3600 * energy.inference_uj / 3.6e6  # mWh an hour at one a second
    assert battery_hours(energy, 80, 3600, 0.0) == pytest.approx(80 / hourly)
