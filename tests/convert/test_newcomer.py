"""A newcomer's way: the wheel, three models of one's own, every board, firmware that runs.

What the application prints on the emulated boards is held against what the frameworks themselves
predicted of the same held-out images, before anything of this project saw them.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.convert.conftest import need
from tests.support.running.wheels import Newcomer, built_wheel, newcomer

pytestmark = pytest.mark.slow

LABELS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
BOARDS = ("nucleo_l4r5zi", "rpi_pico", "nucleo_u575zi_q")
# What quantisation may move: closer winners may rightly change places.
MARGIN = 0.2
NET = """
from torch import nn

def cnn():
    first = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16))
    second = nn.Sequential(nn.Conv2d(16, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24))
    dense = nn.Linear(24 * 16, 10)
    return nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU(), nn.Flatten(), dense)
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory, nets: Callable[[str], Path]) -> Newcomer:
    """In their folder lie a Keras, a PyTorch and an ONNX model, and images of both layouts."""
    need("tensorflow", "torch", "onnx", "ai_edge_litert")
    folder = tmp_path_factory.mktemp("newcomer")
    made = newcomer(built_wheel(folder), folder)
    for framework, names in (
        ("keras", ("cnn.keras", "cnn_calib.npz", "cnn_test.npz", "cnn_float.npy")),
        ("torch", ("cnn.pt", "cnn.onnx", "cnn_calib.npz", "cnn_test.npz", "cnn_float.npy")),
    ):
        (made.work / framework).mkdir()
        for name in names:
            shutil.copy(nets(framework) / name, made.work / framework)
    (made.work / "torch" / "cnn.py").write_text(NET)
    (made.work / "labels.txt").write_text("\n".join(LABELS))
    return made


def held_against(lines: list[dict[str, str]], predicted: np.ndarray) -> int:
    """How many of the printed lines name the class that was predicted, all that are certain."""
    count = 0
    for scores, line in zip(predicted, lines, strict=False):
        second, first = np.sort(scores)[-2:]
        if first - second > MARGIN:
            found = re.search(r"class (\d+) \((\w+)\)", line["printed"])
            assert found, line
            assert (int(found[1]), found[2]) == (np.argmax(scores), LABELS[int(found[1])])
            count += 1
    return count


def test_what_is_printed_is_what_the_frameworks_predicted(user: Newcomer) -> None:
    for source, boards in (
        (("keras/cnn.keras",), BOARDS),
        (("torch/cnn.onnx",), BOARDS[:1]),
        (("torch/cnn.py:cnn", "--weights", "torch/cnn.pt"), BOARDS[1:2]),
    ):
        data = source[0].partition("/")[0]
        held, model = f"{data}/cnn_test.npz", "mine.tflite"
        known = ("--calibration", f"{data}/cnn_calib.npz", "--labels", "labels.txt")
        user.runs("tinyml", "convert", *source, "-o", model, *known)
        table = json.loads(user.runs("tinyml", "check", model, "--json"))
        assert {row["board"] for row in table if row["fits"]} >= set(BOARDS)
        predicted = np.load(user.work / data / "cnn_float.npy")
        for board in boards:
            common = (model, "--board", board, "--inputs", held)
            user.runs("tinyml", "build", *common)
            lines = json.loads(user.runs("tinyml", "simulate", *common, "--app", "--json"))
            assert held_against(lines, predicted) >= 2
