"""The same model on other boards and by the other runtime: as planned there, and kept."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.support.values.reports import report_of
from tinyml import api
from tinyml.base.errors import TinymlError
from tinyml.model.file import read_model
from tinyml.project import everywhere
from tinyml.project.everywhere import complete, plan_beside
from tinyml.report.around import around_of
from tinyml.report.beside import Beside, read_beside, runtimes_table, write_beside
from tinyml.report.boards import flash_bytes, ram_bytes
from tinyml.report.page import render, write_report
from tinyml.report.report import Report

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
BOARD = "nucleo_l4r5zi"


def digits_report() -> Report:
    return report_of(api.load(DIGITS), api.load_board(BOARD))


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Beside:
    folder = tmp_path_factory.mktemp("build")
    (folder / DIGITS.name).write_bytes(DIGITS.read_bytes())
    found = plan_beside(digits_report(), folder)
    assert found is not None
    return found


def test_boards_are_those_that_check_finds(beside: Beside) -> None:
    report = digits_report()
    found = dict((board.name, fit) for board, fit in api.check_all(read_model(DIGITS)).found)
    wanted = {
        board.name: fit
        for board, fit in api.check_all(
            read_model(DIGITS), api.Settings(optimize=report.optimize)
        ).found
    }
    assert set(found) == set(wanted) == {row[0] for row in beside.rows}
    for row in beside.rows:
        assert row[2] == f"{ram_bytes(wanted[row[0]]):,}"
        assert row[4] == f"{flash_bytes(wanted[row[0]]):,}"
    marked = [row[0] for row in beside.boards_table().rows if "this one" in str(row[0])]
    assert marked == [f"{BOARD} (this one)"]


def test_the_other_runtime_is_the_one_that_check_plans(beside: Beside) -> None:
    verdict = api.check(DIGITS, api.load_board(BOARD), api.Settings(runtime="tflm"))
    assert beside.other is not None
    assert beside.other.runtime == "tflm"
    assert beside.other.ram_bytes == ram_bytes(verdict)
    assert beside.other.flash_bytes == flash_bytes(verdict)
    table = runtimes_table(digits_report(), beside, ())
    assert table is not None
    rows = {row[0]: row[1:] for row in table.rows}
    ours = digits_report()
    ram = sum(item.predicted_bytes for item in ours.memory if item.kind == "ram")
    assert rows["RAM, predicted (bytes)"][:2] == (f"{ram:,}", f"{ram_bytes(verdict):,}")
    assert rows["time, simulated"][1:] == ("-", "")
    target = api.plan(DIGITS, api.load_board(BOARD), api.Settings(runtime="tflm"))
    work = sum(step.call.instructions for step in target.plan.steps if step.call)
    own = sum(layer.predicted_instructions for layer in ours.layers)
    assert rows["instructions, predicted"] == (f"{own:,}", f"{work:,}", f"{work / own:.2f}")


def test_a_build_of_the_other_runtime_beside_is_found(beside: Beside, tmp_path: Path) -> None:
    report = digits_report()
    other = replace(report_of(api.load(DIGITS), api.load_board(BOARD), factor=3.0), runtime="tflm")
    stranger = replace(other, model={**other.model, "sha256": "0" * 64})
    for name, document in {"a": stranger, "ours": report, "theirs": other}.items():
        (tmp_path / name).mkdir()
        write_report(document, tmp_path / name)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "report.json").write_text(report.model["sha256"])
    write_beside(beside, tmp_path / "ours")
    table = around_of(report, tmp_path / "ours").runtimes
    assert table is not None
    rows = {row[0]: row[1:] for row in table.rows}
    assert report.run is not None
    assert other.run is not None
    times = [run["time_us"] for run in (report.run, other.run)]
    assert table.columns[2] == "TensorFlow Lite Micro>"
    assert rows["time, simulated"] == (
        *(f"{time_us / 1000:,.3f} ms" for time_us in times),
        f"{times[1] / times[0]:.2f}",
    )


def test_a_build_for_another_goal_says_so_and_is_not_mixed_with_the_plan(beside: Beside) -> None:
    """The plan's RAM stood beside what was linked for another goal."""
    report = digits_report()
    other = replace(report, runtime="tflm", optimize="size")
    table = runtimes_table(report, beside, (other,))
    assert table is not None
    assert table.columns[2] == "TensorFlow Lite Micro for size>"
    for row in table.rows:
        assert row[1] == row[2], "both are the same report"
    same = replace(other, optimize=report.optimize, run=None)
    table = runtimes_table(report, beside, (other, same))
    assert table is not None
    assert table.columns[2] == "TensorFlow Lite Micro>"


def test_what_was_planned_is_kept_until_it_is_of_something_else(
    beside: Beside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = digits_report()
    (tmp_path / DIGITS.name).write_bytes(DIGITS.read_bytes())
    planned = []

    def plan(_report: Report, _directory: Path) -> Beside:
        planned.append(1)
        return beside

    monkeypatch.setattr(everywhere, "plan_beside", plan)
    for count in (1, 1):
        complete(report, tmp_path)
        assert len(planned) == count
    assert read_beside(report, tmp_path) == beside
    assert read_beside(replace(report, optimize="size"), tmp_path) is None
    assert read_beside(replace(report, board={**report.board, "name": "x"}), tmp_path) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"format": 1}', '{"format": 2}', "[" * 99_999]
)
def test_what_is_damaged_is_planned_again(text: str, tmp_path: Path) -> None:
    (tmp_path / "beside.json").write_text(text)
    assert read_beside(digits_report(), tmp_path) is None


def test_a_value_of_another_type_is_damage(beside: Beside, tmp_path: Path) -> None:
    for change in ({"rows": [[1]]}, {"verdict": 3}, {"other": {"runtime": "tflm"}}, {"more": 1}):
        document = {"format": 1, **asdict(beside), **change}
        (tmp_path / "beside.json").write_text(json.dumps(document))
        assert read_beside(digits_report(), tmp_path) is None


def test_boards_are_planned_by_the_reports_own_runtime(tmp_path: Path) -> None:
    """A model that only an interpreter can run is refused by the boards' own runtime."""
    (tmp_path / DIGITS.name).write_bytes(DIGITS.read_bytes())
    found = plan_beside(replace(digits_report(), runtime="tflm"), tmp_path)
    assert found is not None
    assert {row[6] for row in found.rows} == {"-"}, "no time is predicted of an interpreter"
    assert "TensorFlow Lite Micro" in found.boards_table().title
    assert found.other is not None
    assert found.other.runtime == "aot"
    assert found.other.time_us is not None


def test_where_no_board_can_be_planned_the_page_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_model: object, _settings: object) -> None:
        raise TinymlError("no board has this")

    (tmp_path / DIGITS.name).write_bytes(DIGITS.read_bytes())
    monkeypatch.setattr(everywhere, "on_boards", refuse)
    report = digits_report()
    complete(report, tmp_path)
    page = render(report, around_of(report, tmp_path))
    assert "no board has this" in page


def test_without_the_model_there_is_nothing_to_plan(tmp_path: Path) -> None:
    assert plan_beside(digits_report(), tmp_path) is None
    (tmp_path / DIGITS.name).write_bytes(DIGITS.read_bytes() + b"x")
    with pytest.raises(TinymlError, match="is not the model of the report"):
        plan_beside(digits_report(), tmp_path)
