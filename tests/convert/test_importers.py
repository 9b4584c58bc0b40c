"""Every importer: the integer model is as good as the float one in its own framework."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.convert.conftest import Warm, need
from tinyml.cli import cli

Nets = Callable[[str], Path]
LOST = 0.01  # of the accuracy, at most

SOURCES = {
    "keras": ("keras", "cnn.keras", "cnn"),
    "keras_h5": ("keras", "cnn.h5", "cnn"),
    "saved_model": ("keras", "cnn_saved", "cnn"),
    "tflite": ("keras", "cnn.tflite", "cnn"),
    "onnx": ("torch", "cnn.onnx", "cnn"),
    "torch": ("torch", "cnn.pt", "cnn"),
    "torch_archive": ("torch", "cnn.pt2", "cnn"),
    "keras_lstm": ("keras", "lstm.keras", "lstm"),
    "keras_gru": ("keras", "gru.keras", "gru"),
    "keras_both_ways": ("keras", "both_ways.keras", "both_ways"),
}
ONNX = ("mobilenet_v2", "ds_cnn", "resnet8", "lstm", "gru", "conv_1d")  # on a board too
RECURRENT = ("lstm", "gru")
SAMPLES = 60  # of a recurrent network, whose test data take an emulated core ten seconds
COLD = ("keras", "saved_model", "torch")  # each importer in an interpreter as users have it
PACKAGES = {"keras": ("tensorflow", "tf_keras"), "torch": ("torch", "litert_torch", "onnx")}


def run(folder: Path, model: str, name: str, output: Path, *options: str) -> dict[str, Any]:
    """Converts a trained network; returns convert.json."""
    argv = [model, "-o", str(output), "--calibration", str(folder / f"{name}_calib.npz")]
    argv += ["--evaluate", str(folder / f"{name}_test.npz"), *options]
    result = CliRunner().invoke(cli, ["convert", *argv], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(output.with_suffix(".convert.json").read_text())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("case", SOURCES)
def test_accuracy_is_kept(case: str, nets: Nets, warm: Warm, tmp_path: Path) -> None:
    framework, model, name = SOURCES[case]
    need("ai_edge_litert", *PACKAGES[framework])
    folder = nets(framework)
    path = str(folder / model)
    options = [] if case in COLD else ["--python", str(warm(framework))]
    if model.endswith(".pt"):
        held = Path(__file__).parent.parent / "support" / "nets"
        script = shutil.copy(held / "nets_torch.py", tmp_path)
        # The script finds the data module beside the checkout; its networks need no data.
        text = Path(script).read_text()
        Path(script).write_text(text.replace("from tests.support.nets.nets_data", "from nets_data"))
        shutil.copy(held / "nets_data.py", tmp_path)
        options += ["--weights", path]
        path = f"{script}:{name}"
    kept_accuracy(run(folder, path, name, tmp_path / "out.tflite", *options))


def kept_accuracy(document: dict[str, Any]) -> float:
    """That of the integers, which is near that of the float model."""
    score = document["quality"]["score"]
    assert score["metric"] == "accuracy"
    assert score["in_float"] > 0.85
    assert score["in_integers"] >= score["in_float"] - LOST
    assert document["calibrated"] is True
    assert document["model"]["transposes"] == []
    return float(score["in_integers"])


@pytest.mark.slow
@pytest.mark.sim
def test_autoencoder_is_measured_by_its_error_and_built(nets: Nets, tmp_path: Path) -> None:
    need("ai_edge_litert", "torch", "onnx")
    folder, model = nets("torch"), tmp_path / "autoencoder.tflite"
    document = run(folder, str(folder / "autoencoder.onnx"), "autoencoder", model)
    score = document["quality"]["score"]
    assert score["metric"] == "RMSE"
    assert score["in_integers"] <= 1.05 * score["in_float"]
    simulated(model, tmp_path)


@pytest.mark.slow
@pytest.mark.sim
@pytest.mark.parametrize("name", ONNX)
def test_the_board_is_as_good_as_the_host(name: str, nets: Nets, tmp_path: Path) -> None:
    """And that is as good as the float model."""
    need("ai_edge_litert", "torch", "onnx")
    folder, model = nets("torch"), tmp_path / f"{name}.tflite"
    document = run(folder, str(folder / f"{name}.onnx"), name, model)
    on_host, words = kept_accuracy(document), ["--inputs", _in_layout(folder, name, tmp_path)]
    if name not in RECURRENT:
        assert simulated(model, tmp_path, *words)["accuracy"] == pytest.approx(on_host)
        return
    found = simulated(model, tmp_path, *words, "--samples", str(SAMPLES))
    assert found["accuracy"] == pytest.approx(on_host, abs=0.1)  # of fewer


def simulated(model: Path, folder: Path, *words: str) -> dict[str, Any]:
    """What ``tinyml simulate`` says of the run; it compares each output with the reference."""
    argv = ["simulate", str(model), "--board", "nucleo_l4r5zi", "--output", str(folder / "b")]
    result = CliRunner().invoke(cli, [*argv, *words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)["run"]
    return found


def _in_layout(folder: Path, name: str, tmp_path: Path) -> str:
    """The test data with channels last, as the converted model takes it; sequences stay."""
    import numpy as np

    if name in RECURRENT:
        return str(folder / f"{name}_test.npz")

    with np.load(folder / f"{name}_test.npz") as held:
        moved = np.moveaxis(held["input"], 1, -1)
        np.savez(tmp_path / "test.npz", input=moved, labels=held["labels"])
    return str(tmp_path / "test.npz")
