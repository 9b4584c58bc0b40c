"""What a build directory remembers: a rebuild never erases what was measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.values.reports import planned_report, small_report
from tinyml.base.errors import TinymlError
from tinyml.cli import cli
from tinyml.report.history import (
    MOST,
    history_of,
    keep,
    kept_files,
    last_report,
    replaced_lines,
    report_there,
)
from tinyml.report.page import write_report
from tinyml.report.report import Report, read_report

ONE, TWO = "0" * 11 + "1", "0" * 11 + "2"


def simulated(factor: float = 1.0, fingerprint: str = ONE) -> Report:
    return replace(small_report(factor), fingerprint=fingerprint)


def measured(factor: float = 1.0, fingerprint: str = ONE) -> Report:
    """The same on a board."""
    report = simulated(factor, fingerprint)
    assert report.run is not None
    return replace(report, run={**report.run, "is_estimate": False, "target": "/dev/ttyACM0"})


def built(fingerprint: str = ONE) -> Report:
    """Built, and not run."""
    return replace(simulated(fingerprint=fingerprint), run=None)


def names(directory: Path) -> list[str]:
    return [path.name for path in kept_files(directory)]


def test_a_rebuild_keeps_what_was_measured(tmp_path: Path) -> None:
    """A build whose image differed wrote over the only record of what a board had measured."""
    before = measured()
    write_report(before, tmp_path)
    write_report(built(TWO), tmp_path)
    assert names(tmp_path) == ["0001.json"]
    assert last_report(tmp_path).to_text() == before.to_text()
    assert read_report(tmp_path).fingerprint == TWO


def test_what_says_no_more_is_not_kept(tmp_path: Path) -> None:
    for report in (planned_report(), built(), built(), simulated(), simulated()):
        write_report(report, tmp_path)
    assert names(tmp_path) == [], "the same, and less of the same build, is no history"
    write_report(measured(), tmp_path)
    write_report(built(TWO), tmp_path)
    write_report(built(ONE), tmp_path)
    assert names(tmp_path) == ["0001.json", "0002.json", "0003.json"]
    runs = [read_report(path).run for path in kept_files(tmp_path)]
    assert [run and run["is_estimate"] for run in runs] == [True, False, None]


def test_a_damaged_report_is_replaced_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{")
    keep(tmp_path, built())
    assert names(tmp_path) == []


def test_measurements_outlast_everything_else(tmp_path: Path) -> None:
    write_report(measured(), tmp_path)
    for number in range(MOST + 20):
        write_report(simulated(2 + number), tmp_path)
    kept = kept_files(tmp_path)
    assert len(kept) == MOST + 1
    assert kept[0].name == "0001.json"
    first = read_report(kept[0]).run
    assert first is not None
    assert not first["is_estimate"]
    assert kept[-1].name == f"{MOST + 20:04}.json"


def test_the_table_has_the_newest_first_and_the_figures_of_each(tmp_path: Path) -> None:
    states = [measured(), simulated(2.0, TWO), built(ONE)]
    for report in states:
        write_report(report, tmp_path)
    history = history_of(states[-1], tmp_path)
    assert history.table is not None
    rows = [dict(zip(history.table.columns, row, strict=True)) for row in history.table.rows]
    assert [row["#>"] for row in rows] == ["now", "0002", "0001"]
    assert [row["build"] for row in rows] == [ONE, TWO, ONE]
    assert [row["ran on"] for row in rows] == [
        "not run",
        "unicorn (simulated)",
        "/dev/ttyACM0 (measured)",
    ]
    for row, report in zip(rows[1:], states[1::-1], strict=True):
        assert report.run is not None
        assert row["cycles>"] == f"{report.run['total']['cycles']:,}"
        assert row["ms>"] == f"{report.run['time_us'] / 1000:,.3f}"
        flash = sum(m.linked_bytes or 0 for m in report.memory if m.kind == "flash")
        assert row["flash>"] == f"{flash:,}"
    assert states[0].run is not None
    assert history.measured == (
        f"This build was measured before: {states[0].run['time_us'] / 1000:,.3f} ms on "
        "/dev/ttyACM0 (history/0001.json)."
    )
    assert history_of(measured(), tmp_path).measured == "", "it says so itself"
    assert history_of(built(TWO), tmp_path).measured == "", "another build was measured"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"run": 3}', '{"run": {}}', "[" * 99_999])
def test_a_damaged_state_is_a_row_and_an_error_only_where_it_is_needed(
    text: str, tmp_path: Path
) -> None:
    write_report(measured(), tmp_path)
    write_report(built(TWO), tmp_path)
    (tmp_path / "history" / "0001.json").write_text(text)
    history = history_of(built(TWO), tmp_path)
    assert history.table is not None
    assert history.table.rows[1][2] == "damaged"
    with pytest.raises(TinymlError, match=r"0001\.json") as caught:
        last_report(tmp_path)
    assert "delete that file" in str(caught.value.hint)


def compare(*argv: str) -> Any:
    return CliRunner().invoke(cli, ["compare", *argv])


def test_compare_last_holds_now_against_the_state_before(tmp_path: Path) -> None:
    for report in (simulated(), simulated(2.0)):
        write_report(report, tmp_path)
    found = compare("last", str(tmp_path), "--json")
    assert found.exit_code == 0, found.output
    cycles = next(item for item in json.loads(found.output)["totals"] if item["what"] == "cycles")
    wanted = [sum(layer.cycles or 0 for layer in simulated(f).layers) for f in (1.0, 2.0)]
    assert [cycles["before"], cycles["after"]] == wanted
    argv = ["compare", "last", str(tmp_path), "--max-regression", "5%"]
    assert CliRunner().invoke(cli, argv, standalone_mode=False).return_value == 1


def test_compare_says_what_is_missing(tmp_path: Path) -> None:
    write_report(built(), tmp_path)
    without = compare("last", str(tmp_path))
    assert isinstance(without.exception, TinymlError)
    assert without.exception.message == f"no earlier state of {tmp_path} is kept"
    one = compare(str(tmp_path))
    assert one.exit_code == 2
    assert "give A and B, or 'last' for A" in one.output
    empty = compare("last", str(tmp_path / "nowhere"))
    assert isinstance(empty.exception, TinymlError)
    assert "nowhere cannot be read" in empty.exception.message


def test_what_takes_the_place_of_something_else_says_so(tmp_path: Path) -> None:
    """A plain 'simulate' threw away an image with samples, and 'next:' would have flashed it."""
    assert replaced_lines(report_there(tmp_path), small_report()) == ()
    ran = small_report()
    built = replace(ran, run=None, fingerprint="a" * 12)
    write_report(built, tmp_path)
    old = report_there(tmp_path)
    assert replaced_lines(old, replace(ran, fingerprint="a" * 12)) == ()
    (line,) = replaced_lines(old, replace(ran, fingerprint="b" * 12))
    assert line == f"the image was built anew; the one before was made by: {built.command}"
    other = replace(ran, model={**ran.model, "sha256": "1" * 64})
    (line,) = replaced_lines(old, other)
    assert "takes the place of a build of another model" in line
    (tmp_path / "report.json").write_text("{")
    assert report_there(tmp_path) is None
