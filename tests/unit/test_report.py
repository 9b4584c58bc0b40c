"""report.json: what it says agrees with itself, with its schema, and survives being read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.values.reports import KERNELS, planned_report, small_report
from tinyml.base.errors import TinymlError
from tinyml.cli import cli
from tinyml.report.page import render
from tinyml.report.report import Report, from_json, read_report

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"

REPORTS = {
    "planned": planned_report,
    "run": small_report,
    "profiled": lambda: small_report(spread=True),
}


def as_read(report: Report) -> Any:
    return json.loads(json.dumps(report.to_json()))


@pytest.mark.parametrize("make", REPORTS.values(), ids=REPORTS.keys())
def test_report_obeys_its_schema(make: Any) -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator.check_schema(schema)
    assert [error.message for error in validator(schema).iter_errors(as_read(make()))] == []


@pytest.mark.parametrize("make", REPORTS.values(), ids=REPORTS.keys())
def test_report_survives_being_read_back(make: Any) -> None:
    report = make()
    assert as_read(from_json(as_read(report))) == as_read(report)
    assert from_json(as_read(report)).layers == report.layers
    assert from_json(as_read(report)).arena == report.arena


def test_flash_by_purpose_and_by_layer_adds_up() -> None:
    report = small_report()
    flash = report.flash
    assert flash is not None
    assert sum(flash.parts.values()) == flash.total_bytes
    assert flash.parts["firmware"] == 4096
    assert flash.parts["kernels"] == sum(flash.kernels.values()) == KERNELS
    assert "other" not in flash.kernels, "a static function of another file is no kernel"
    assert flash.parts["constants"] == sum(layer.constant_bytes or 0 for layer in report.layers)
    assert flash.parts["parameters"] == sum(layer.params_bytes or 0 for layer in report.layers)


def test_placed_things_stay_within_the_arena() -> None:
    report = small_report()
    ends = {region: 0 for region in report.arena.regions}
    for placed in report.arena.placed:
        assert -1 <= placed.first_use <= placed.last_use <= len(report.layers)
        assert (placed.role == "scratch") == (not placed.names)
        ends[placed.region] = max(ends[placed.region], placed.offset + placed.nbytes)
    for region, end in ends.items():
        assert end <= report.arena.regions[region] < end + 16
    roles = {placed.role for placed in report.arena.placed}
    assert {"input", "output", "activation"} <= roles


def test_spread_of_a_profile_reaches_layers_and_total() -> None:
    report = small_report(spread=True)
    assert report.run is not None
    assert report.run["spread"]["median"] == report.run["total"]["cycles"]
    for layer in report.layers:
        assert layer.spread is not None
        assert layer.spread.median == layer.cycles


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[" * 99_999, "not JSON"),
        ("[]", "not a report of tinyml"),
        ("{}", "not a report of tinyml"),
        ('{"format": 99}', "format 99, this version reads 1"),
        ('{"format": 1, "layers": 5}', "not a report of tinyml"),
        ('{"format": 1, "layers": [], "memory": [], "sections": []}', "not a report of tinyml"),
    ],
)
def test_a_file_that_is_no_report_is_one_error(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(TinymlError, match=r"report\.json: ") as caught:
        read_report(tmp_path)
    assert message in str(caught.value)
    assert caught.value.hint == "build again"


def test_the_report_command_writes_the_page_beside_the_report(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(small_report().to_json()))
    result = CliRunner().invoke(cli, ["report", str(tmp_path)])
    assert result.exit_code == 0
    assert f"wrote {tmp_path / 'report.html'}" in result.output
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render(small_report())


def test_a_file_of_another_kind_is_named_as_such(tmp_path: Path) -> None:
    """A model given in the place of a build was "not JSON", with the advice to build again."""
    (tmp_path / "m.tflite").write_bytes(b"\x8c\xff\x00")
    with pytest.raises(TinymlError, match=r"is no report\.json") as caught:
        read_report(tmp_path / "m.tflite")
    assert "give a build directory" in str(caught.value.hint)


def test_a_directory_without_report_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(TinymlError, match="cannot be read") as caught:
        read_report(tmp_path)
    assert "tinyml build" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["board"].pop("name"), "'board.name' is missing"),
        (lambda d: d["board"].pop("clock_hz"), "'board.clock_hz' is missing"),
        (
            lambda d: d["layers"][0].update(predicted_instructions="x"),
            "'layers[0].predicted_instructions' is 'x'",
        ),
        (lambda d: d["memory"][0].update(predicted_bytes=float("nan")), "predicted_bytes' is nan"),
        (lambda d: d.update(fits=1), "'fits' is 1"),
        (lambda d: d["run"].update(total=3), "'run.total' is 3"),
        (lambda d: d["arena"].update(regions=[]), "'arena.regions' is"),
        (lambda d: d["run"].pop("samples"), "'run.samples' is missing"),
        (lambda d: d["run"].update(confusion=[[1, 2], [3]]), "'run.confusion' is not square"),
        (lambda d: d["run"].update(confusion=[[1, -2], [3, 4]]), "'run.confusion' is not square"),
        (lambda d: d["run"].update(confusion=[["1"]]), "'run.confusion[0][0]' is '1'"),
        (lambda d: d["memory"][0].update(budget_bytes=0), "the budget of 'sram' is 0"),
        (lambda d: d["model"].update(inputs=3), "'model.inputs' is 3"),
        (lambda d: d["board"].update(isa=1), "'board.isa' is 1"),
        (lambda d: d["layers"][1].update(index=0), "'layers[1].index' is 0"),
        (lambda d: d["layers"][1].update(inputs=[1]), "names a layer that comes later"),
        (lambda d: d["layers"][1].update(macs=-1), "'layers[1].macs' is below 0"),
        (lambda d: d["layers"][1].update(time_us=None), "'layers' lack 'time_us' here and there"),
    ],
)
def test_an_edited_report_is_one_clear_error(
    change: Callable[[dict[str, Any]], object], message: str
) -> None:
    """`report` and `compare` ended in a traceback on a report with a wrong value."""
    document = as_read(small_report(spread=True))
    change(document)
    with pytest.raises(TinymlError) as caught:
        from_json(document)
    assert message in caught.value.message
