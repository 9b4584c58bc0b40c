"""The import is proved: the float model against what its own framework computes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("onnx", reason="the package onnx is missing (tinyml-firmware[onnx])")
pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is missing (tinyml-firmware[onnx])")

from tests.convert.conftest import Warm, need
from tests.support.nets.onnx_cases import graph_of, one
from tinyml.base.errors import ModelError
from tinyml.cli import cli
from tinyml.convert.calibration import random_calibration
from tinyml.convert.importers.values import ImportOptions
from tinyml.convert.proof import EQUAL_DB, Imported, prove
from tinyml.convert.sources import ONNX, source_of

_WEIGHTS = np.random.default_rng(3).normal(size=(5, 4, 3, 3)).astype(np.float32)


def _net(factor: float) -> Any:
    """Two convolutions, the second with weights times a factor."""
    nodes = [("Conv", "x v", "a", {}), ("Relu", "a", "r", {}), ("Conv", "r w", "y", {})]
    held = {"v": _WEIGHTS[:4], "w": _WEIGHTS * np.float32(factor)}
    return graph_of([("x", (1, 4, 7, 9))], nodes, held)


def _paired(model: Any, other: Any, tmp_path: Path) -> Imported:
    """The import of one model beside the file of another."""
    for name, held in (("m.onnx", model), ("other.onnx", other)):
        (tmp_path / name).write_bytes(held.SerializeToString())
    imported = ONNX.to_float_tflite(source_of(str(tmp_path / "m.onnx")), ImportOptions())
    return Imported(imported, ONNX, source_of(str(tmp_path / "other.onnx")), ImportOptions())


def test_a_true_import_is_equal(tmp_path: Path) -> None:
    made = _paired(_net(1), _net(1), tmp_path)
    proof = prove(made, random_calibration(made.model.inputs).samples, allows_different=False)
    assert proof.db is not None
    assert proof.db > 100
    assert proof.samples == 4
    assert proof.first == ""


def test_a_small_difference_is_located(tmp_path: Path) -> None:
    made = _paired(_net(1), _net(1.01), tmp_path)
    proof = prove(made, random_calibration(made.model.inputs).samples, allows_different=False)
    assert proof.db is not None
    assert 30 < proof.db < EQUAL_DB
    assert (proof.output, proof.first) == ("y", "y")


def test_a_wrong_import_is_refused(tmp_path: Path) -> None:
    """An import 3.1 dB from its framework was reported as 'in float 0.0000'."""
    made = _paired(_net(1), _net(-1), tmp_path)
    samples = random_calibration(made.model.inputs).samples
    with pytest.raises(
        ModelError, match=r"output 'y' is -6\.0 dB from what ONNX computes"
    ) as caught:
        prove(made, samples, allows_different=False)
    assert "first layer that differs is 'y'" in caught.value.message
    assert "--allow-different" in str(caught.value.hint)
    assert prove(made, samples, allows_different=True).db == pytest.approx(-6.02, abs=0.01)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    made = _paired(_net(1), one("Relu", (1, 3))(), tmp_path)
    samples = random_calibration(made.model.inputs).samples
    with pytest.raises(ModelError, match="cannot be compared with what ONNX computes"):
        prove(made, samples, allows_different=False)
    assert prove(made, samples, allows_different=True).db is None


def test_the_report_says_how_near_it_is(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(_net(1).SerializeToString())
    argv = [str(tmp_path / "m.onnx"), "-o", str(tmp_path / "m.tflite"), "--calibration", "random"]
    result = CliRunner().invoke(cli, ["convert", *argv], catch_exceptions=False)
    assert "float model compared with ONNX: 1" in result.output
    document = json.loads((tmp_path / "m.convert.json").read_text())
    assert document["import"]["framework"] == "ONNX"
    assert document["import"]["db"] > 100


_UPSAMPLED = """
import sys, torch
from torch import nn
torch.manual_seed(0)
resized = nn.Upsample(size=(9, 13), mode="nearest")
net = nn.Sequential(nn.Conv2d(3, 4, 3), resized, nn.Conv2d(4, 2, 3))
torch.export.save(torch.export.export(net.eval(), (torch.zeros(1, 3, 7, 10),)), sys.argv[1])
"""


@pytest.mark.slow
def test_nearest_neighbours_of_torch_are_right_or_refused(tmp_path: Path, warm: Warm) -> None:
    """Upsampling by a factor that is not whole came out of torch.export as another function."""
    need("torch", "litert_torch")
    path, script, python = tmp_path / "m.pt2", tmp_path / "make.py", str(warm("torch"))
    script.write_text(_UPSAMPLED)
    subprocess.run([python, str(script), str(path)], check=True, capture_output=True)
    argv = [str(path), "-o", str(tmp_path / "m.tflite"), "--calibration", "random"]
    argv += ["--python", python]
    result = CliRunner().invoke(cli, ["convert", *argv])
    if result.exit_code:
        assert "was not imported rightly" in str(result.exception)
    else:
        assert json.loads((tmp_path / "m.convert.json").read_text())["import"]["db"] > EQUAL_DB
