"""The part of the page on quantisation: what convert.json says, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.values.conversions import FLOAT, INTEGERS, conversion
from tests.support.values.reports import small_report
from tinyml.model.file import read_model
from tinyml.report.around import around_of
from tinyml.report.classes import f1, precision, recall
from tinyml.report.quantization import quantization_of

SHA = "ab" * 32


def test_scores_per_class_follow_from_the_matrix() -> None:
    assert precision(INTEGERS, 0) == 1.0
    assert recall(INTEGERS, 0) == 7 / 8
    assert precision(INTEGERS, 1) == 5 / 6
    assert recall(INTEGERS, 1) == 5 / 8
    assert f1(INTEGERS, 1) == pytest.approx(2 * 5 / (2 * 5 + 1 + 3))
    assert precision(INTEGERS, 2) == 0.0
    assert recall(INTEGERS, 2) is None
    assert f1(INTEGERS, 2) is None
    assert precision(FLOAT, 2) == 0.0
    assert f1([[0, 1], [1, 0]], 0) == 0.0


def test_what_convert_wrote_is_what_the_page_shows() -> None:
    found = quantization_of(json.dumps(conversion("m.tflite", SHA)), SHA)
    assert found is not None
    assert found.score is not None
    assert found.score.rows[0][:5] == ("accuracy", "0.9375", "0.7500", "+0.1875", 16)
    assert [item.counts for item in found.matrices] == [
        tuple(map(tuple, INTEGERS)),
        tuple(map(tuple, FLOAT)),
    ]
    assert found.classes is not None
    assert [row[0] for row in found.classes.rows] == ["yes", "no", "2"], "a class without name"
    assert found.classes.rows[1] == ("no", 8, 5, "0.833", "0.625", "0.714", "0.875")
    assert found.worst is not None
    assert found.worst.rows[0] == ("second", "ADD", 8, "12.5", "7.5", "-1.5 .. 2.25", "1.25")
    assert found.advice == ("keep 'second' at 16 bits (--keep-int16 second)",)
    assert ("calibration", "100 samples of c.npz") in found.facts


def test_another_model_has_another_conversion() -> None:
    assert quantization_of(json.dumps(conversion("m.tflite", SHA)), "cd" * 32) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(format=2),
        lambda d: d.pop("quality"),
        lambda d: d.update(quality=3),
        lambda d: d["quality"].pop("score"),
        lambda d: d["quality"]["score"].update(in_float="x"),
        lambda d: d["quality"]["score"].update(confusion_in_float=[[1, 2], [3]]),
        lambda d: d["quality"]["score"].update(confusion_in_float=7),
        lambda d: d["quality"]["layers"][0].pop("name"),
        lambda d: d.update(calibration=[1]),
    ],
)
def test_a_damaged_conversion_is_a_note_and_never_a_traceback(
    change: Callable[[Any], object], tmp_path: Path
) -> None:
    report = small_report()
    document = conversion(report.model["file"], report.model["sha256"])
    change(document)
    name = f"{Path(report.model['file']).stem}.convert.json"
    for text in (json.dumps(document), "{", "[]", "3", "[" * 100_000):
        (tmp_path / name).write_text(text)
        around = around_of(report, tmp_path)
        assert around.quantization is None
        (note,) = around.notes
        assert note.startswith(f"{name} cannot be read")
        assert "'tinyml convert' writes it again" in note


def test_a_model_file_brings_its_own_conversion_only(tmp_path: Path) -> None:
    model, beside = tmp_path / "m.tflite", tmp_path / "m.convert.json"
    model.write_bytes(b"12345678")
    sha256 = read_model(model).sha256
    for text in ("", "{", "[]", json.dumps(conversion("m.tflite", SHA))):
        beside.write_text(text)
        assert read_model(model).conversion == ""
    mine = json.dumps(conversion("m.tflite", sha256))
    beside.write_text(mine)
    assert read_model(model).conversion == mine
