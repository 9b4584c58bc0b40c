"""Markdown of reports and comparisons: the same figures, and nothing that a name could do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from click.testing import CliRunner

from tests.support.values.reports import planned_report, small_report
from tinyml.cli import cli
from tinyml.report.around import ALONE, Around
from tinyml.report.compare import compare, tables
from tinyml.report.markdown import comparison_text, escaped, report_text
from tinyml.report.page import write_report
from tinyml.report.report import Report
from tinyml.report.verdict import conclusion_of

HOSTILE = "x|y\n# <img src=x onerror=alert(1)> @somebody `rm` [a](b) #7 </details>"


def cells(text: str) -> list[list[str]]:
    """The rows of all tables."""
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_figures_are_those_of_the_report() -> None:
    report = small_report()
    found = cells(report_text(report, ALONE))
    for figure in conclusion_of(report).figures:
        assert [figure.label, f"{figure.text} {figure.unit}".strip(), figure.sub] in found
    heavy = sorted(report.layers, key=lambda layer: (-(layer.cycles or 0), layer.index))
    rows = [row for row in found if row[0].isdecimal()]
    assert [int(row[0]) for row in rows] == [layer.index for layer in heavy if layer.cycles]
    assert [row[4] for row in rows] == [f"{layer.cycles:,}" for layer in heavy if layer.cycles]


def test_a_build_without_a_run_and_notes_are_there() -> None:
    text = report_text(planned_report(), Around(notes=("m.convert.json cannot be read",)))
    assert "predicted" in text
    assert "\nm.convert.json cannot be read" in text


def test_names_of_a_model_are_text() -> None:
    report = small_report()
    layers = tuple(replace(layer, name=HOSTILE) for layer in report.layers)
    for text in (
        report_text(replace(report, layers=layers, problems=(HOSTILE,)), ALONE),
        comparison_text(compare(changed(report, HOSTILE), report), 2.0),
    ):
        for mark in ("<img", "@somebody", "`rm`", "[a]", "#7"):
            assert mark not in text
        assert text.count("</details>") == text.count("<details>")
        widths = {len(row) for row in cells(text)}
        assert len(widths) <= 3, "a name has made another column"
    assert escaped("a_b 2x2") == "a_b 2x2"


def changed(report: Report, name: str) -> Report:
    """The report of another model file whose first layer takes ten times as long."""
    first, *rest = report.layers
    slower = replace(first, cycles=10 * (first.cycles or 0), kernel="tml_other_s8")
    return replace(report, layers=(slower, *rest), model={**report.model, "file": name})


def test_a_comparison_shows_totals_and_only_layers_that_differ() -> None:
    report = small_report()
    found = compare(report, changed(report, "b.tflite"))
    text = comparison_text(found, None)
    totals, layers = tables(found)
    rows = cells(text)
    for row in totals.rows:
        assert list(map(str, row)) in rows
    assert f"<summary>1 of {len(layers.rows)} layers differ</summary>" in text
    assert "other" in rows[-1][4]


def test_commands_print_it(tmp_path: Any) -> None:
    write_report(small_report(), tmp_path)
    alone = CliRunner().invoke(cli, ["report", str(tmp_path), "--markdown"])
    assert alone.exit_code == 0, alone.output
    assert alone.output == report_text(small_report(), ALONE)
    argv = ["compare", str(tmp_path), str(tmp_path), "--markdown", "--max-regression", "1%"]
    both = CliRunner().invoke(cli, argv)
    found = compare(small_report(), small_report())
    assert both.output == comparison_text(found, 1.0)
    assert both.output.startswith("### nothing got worse by more than 1 %")
