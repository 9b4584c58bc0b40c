"""A terminal shows the layers that matter, and says how much of the time they are."""

from __future__ import annotations

from dataclasses import replace

from tests.support.values.reports import small_report
from tinyml.report.device import layer_times
from tinyml.report.heaviest import FEW_LAYERS, HEAVIEST, heaviest, slower_lines
from tinyml.report.report import Report
from tinyml.report.text import layer_table


def many(report: Report, weights: tuple[int, ...]) -> Report:
    first = report.layers[0]
    layers = tuple(
        replace(first, index=index, cycles=weight, predicted_instructions=1000 - weight)
        for index, weight in enumerate(weights)
    )
    return replace(report, layers=layers)


def test_few_layers_are_all_shown() -> None:
    report = small_report()
    assert len(report.layers) <= FEW_LAYERS
    assert heaviest(report, layer_table(report)) == layer_table(report)


def test_of_many_layers_the_heaviest_are_shown_in_their_order() -> None:
    report = many(small_report(), (1, 200, 3, 100, 5, 6, 300, 8, 9, 10, 400, 150))
    assert report.run is not None
    found = heaviest(report, layer_table(report))
    assert [row[0] for row in found.rows] == [1, 3, 6, 10, 11]
    assert found.title.endswith(
        f": the {HEAVIEST} heaviest of 12, 96 % of the cycles (--layers shows all)"
    )


def test_before_a_run_predicted_instructions_count() -> None:
    report = many(small_report(), (1, 200, 3, 100, 5, 6, 300, 8, 9, 10, 400, 150))
    layers = tuple(replace(layer, cycles=None) for layer in report.layers)
    report = replace(report, run=None, layers=layers)
    found = heaviest(report, layer_table(report))
    assert [row[0] for row in found.rows] == [0, 2, 4, 5, 7]
    assert "of the predicted instructions" in found.title


def test_the_total_of_a_measurement_stays() -> None:
    report = small_report(spread=True)
    spread = report.layers[0].spread
    assert spread is not None
    layers = tuple(
        replace(report.layers[0], index=index, spread=replace(spread, median=index))
        for index in range(12)
    )
    report = replace(report, layers=layers, run=report.run and {**report.run, "predicted": {}})
    found = heaviest(report, layer_times(report))
    assert [row[0] for row in found.rows] == [7, 8, 9, 10, 11, ""]


def test_a_goal_that_costs_much_time_says_so() -> None:
    """On the ESP32-S3 'size' was 26 times slower than 'balanced', without a word."""
    report = replace(many(small_report(), (900, 900)), optimize="size")
    layers = tuple(
        replace(layer, alternatives=(("fast", 20), ("less", 60))) for layer in report.layers
    )
    (line,) = slower_lines(replace(report, layers=layers))
    assert "optimized for size: other kernels would take some 5 times fewer instructions" in line
    assert "(40 instead of 200, predicted)" in line
    near = tuple(replace(layer, alternatives=(("fast", 40),)) for layer in report.layers)
    assert slower_lines(replace(report, layers=near)) == ()
    plain = tuple(replace(layer, alternatives=()) for layer in report.layers)
    assert slower_lines(replace(report, layers=plain)) == ()
