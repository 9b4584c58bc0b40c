"""What is wrong whatever the model is, is said before a framework is imported."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tinyml.base.errors import TinymlError
from tinyml.convert import sources
from tinyml.convert.conversion import ConvertOptions, convert
from tinyml.convert.data.values import DataOptions
from tinyml.convert.importers.values import ImportOptions

CODE = """
import torch
from somewhere import imported

def build():
    return torch.nn.Linear(3, 4)

def sized(width, depth=3):
    return torch.nn.Linear(width, depth)
"""
DATA = "def good():\n    yield 1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where no framework can be reached: whoever comes that far fails."""

    def reached(*_: object) -> None:
        raise AssertionError("a framework was asked")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources.InChild, "to_float_tflite", reached)
    monkeypatch.setattr(sources.InChild, "require", lambda *_: None)
    for name, text in (("net.py", CODE), ("data.py", DATA), ("cut.py", "def build(:")):
        (tmp_path / name).write_text(text)
    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_text("no picture")
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "a.wav").write_text("no sound")
    x = np.ones((9, 4), np.float32)
    np.savez(tmp_path / "good.npz", x=x)
    np.savez(tmp_path / "few.npz", x=x, labels=np.zeros(3, np.int32))
    np.savez(tmp_path / "texts.npz", x=x, labels=np.array(["cat"] * 9))
    np.savez(tmp_path / "net.npz", x=x)
    return tmp_path


SHAPED = ImportOptions(input_shapes=((1, 3),))
WITH_WEIGHTS = ImportOptions(input_shapes=((1, 3),), weights=Path("net.npz"))
WRONG = {
    "no such function": ("net.py:bild", "random", SHAPED, "no function or class 'bild'.*'build'"),
    "arguments": ("net.py:sized", "random", SHAPED, "'sized' takes arguments: width"),
    "no Python": ("cut.py:build", "random", SHAPED, "not Python that can be read: line 1"),
    "no function named": ("net.py", "random", SHAPED, "append it: net.py:.*build, sized"),
    "no shape": ("net.py:build", "random", ImportOptions(), "does not say the shape"),
    "no weights": ("net.py:build", "random", WITH_WEIGHTS, "net.npz: is an archive, but not of"),
    "weights for nothing": ("m.h5", "random", WITH_WEIGHTS, "--weights would change nothing"),
    "misspelt data": ("m.h5", "god.npz", SHAPED, "god.npz: no such file"),
    "no data function": ("m.h5", "data.py:god", SHAPED, "no function or class 'god'.*'good'"),
    "no data module": ("m.h5", "nowhere_at_all:f", SHAPED, "there is no module 'nowhere_at_all'"),
    "no picture": ("m.h5", "images", SHAPED, "a.png: not a readable image"),
    "no sound": ("m.h5", "sounds", SHAPED, "a.wav: not a readable .wav file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_found_before_the_framework(name: str, folder: Path) -> None:
    model, data, imports, wanted = WRONG[name]
    with pytest.raises(TinymlError) as found:
        convert(model, ConvertOptions(imports=imports, calibration=data, data=DataOptions()))
    assert re.search(wanted, str(found.value).replace("\n", " ")), found.value


def test_labels_are_looked_at_first(folder: Path) -> None:
    """Twenty seconds of TensorFlow went by before 7 labels for 120 samples were an error."""
    for data, wanted in (
        ("few.npz", "9 samples, but 3 labels"),
        ("texts.npz", "labels must be class indices.*found 'cat'"),
    ):
        with pytest.raises(TinymlError, match=wanted):
            convert("m.h5", ConvertOptions(calibration="good.npz", evaluation=data))


def test_a_score_needs_something_to_measure(folder: Path) -> None:
    with pytest.raises(TinymlError, match="need something to measure"):
        convert("m.h5", ConvertOptions(calibration="good.npz", min_score=0.9))


@pytest.mark.parametrize("name", ["imported", "build"])
def test_what_the_text_does_not_rule_out_goes_on(name: str, folder: Path) -> None:
    with pytest.raises(AssertionError, match="a framework was asked"):
        convert(f"net.py:{name}", ConvertOptions(imports=SHAPED, calibration="random"))
