"""Two reports side by side: what changed, and when that is a failure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.values.reports import planned_report, small_report
from tinyml.cli import cli
from tinyml.report.compare import Change, compare, tables, verdict
from tinyml.report.report import Report


def saved(report: Report, path: Path) -> str:
    path.write_text(json.dumps(report.to_json()))
    return str(path)


@pytest.mark.parametrize(
    ("before", "after", "higher", "worse"),
    [
        (100, 103, False, 3.0),
        (100, 97, False, 0.0),
        (0.5, 0.4, True, 20.0),
        (0.4, 0.5, True, 0.0),
        (0, 5, False, float("inf")),
        (0, 0, False, 0.0),
        (None, 5, False, 0.0),
    ],
)
def test_how_much_worse(
    before: float | None, after: float | None, higher: bool, worse: float
) -> None:
    change = Change("x", before, after, is_better_when_higher=higher)
    assert change.worse_percent == pytest.approx(worse)


def test_a_slower_build_is_a_regression_beyond_the_limit() -> None:
    found = compare(small_report(), small_report(1.05))
    assert found.work == "cycles"
    assert [item.what for item in found.regressions(2)] == ["time (µs)"]
    assert found.regressions(6) == ()
    assert "WORSE by more than 2 %: time (µs) by 4.9" in verdict(found, 2)
    assert compare(small_report(1.05), small_report()).regressions(0) == ()


def test_more_flash_or_less_accuracy_is_a_regression() -> None:
    old = small_report()
    assert old.run is not None
    old = replace(old, run={**old.run, "accuracy": 0.9})
    flash = tuple(
        replace(m, linked_bytes=2 * (m.linked_bytes or 0)) if m.kind == "flash" else m
        for m in old.memory
    )
    new = replace(old, memory=flash, run={**old.run, "accuracy": 0.8})
    worse = [item.what for item in compare(old, new).regressions(10)]
    assert worse == ["flash, linked (bytes)", "accuracy"]


def test_what_has_not_run_is_compared_by_prediction() -> None:
    found = compare(planned_report(), small_report())
    assert found.work == "predicted_instructions"
    assert "only one of them has run: instructions are compared as predicted" in found.notes
    assert found.regressions(0) == ()


def test_two_reports_of_one_build_say_so() -> None:
    old, new = (replace(small_report(factor), fingerprint="0f1e2d3c4b5a") for factor in (1, 2))
    note = "both are of one build, 0f1e2d3c4b5a"
    assert note in compare(old, new).notes
    assert note not in compare(old, replace(new, fingerprint="a5b4c3d2e1f0")).notes
    assert not compare(small_report(), small_report()).notes


def test_layers_that_only_one_report_has_stand_alone() -> None:
    old = small_report()
    new = replace(old, layers=old.layers[1:])
    found = compare(old, new)
    assert found.layers[0].before == old.layers[0]
    assert found.layers[0].after is None
    assert all(pair.before == pair.after for pair in found.layers[1:])
    assert len(tables(found)[1].rows) == len(old.layers)


def test_the_command_exits_1_beyond_the_limit(tmp_path: Path) -> None:
    first = saved(small_report(), tmp_path / "a.json")
    second = saved(small_report(1.05), tmp_path / "b.json")

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["compare", *arguments], standalone_mode=False)
        assert result.exception is None
        return int(result.return_value), result.output

    assert run(first, second)[0] == 0
    assert run(first, second, "--max-regression", "10%")[0] == 0
    assert run(first, second, "--max-regression", "2%")[0] == 1
    assert run(second, first, "--max-regression", "0")[0] == 0
    code, text = run(first, second, "--max-regression", "2", "--json")
    assert code == 1
    assert json.loads(text)["totals"][0]["percent"] == pytest.approx(5, abs=0.1)
