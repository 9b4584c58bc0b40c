"""Every importer: the integer model is as good as the float one in its own framework."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.convert.conftest import Warm, need
from tinyml.cli import cli

Nets = Callable[[str], Path]
LOST = 0.01  # of the accuracy, at most
ON_BOARD = 60  # samples that an emulated core computes; the host takes all

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
    **{
        f"onnx_{name}": ("torch", f"{name}.onnx", name)
        for name in ("mobilenet_v2", "ds_cnn", "resnet8", "lstm", "gru", "conv_1d")
    },
}
COLD = ("keras", "saved_model", "torch")  # each importer in an interpreter as users have it
PACKAGES = {"keras": ("tensorflow", "tf_keras"), "torch": ("torch", "litert_torch", "onnx")}


def run(
    folder: Path, model: str, name: str, output: Path, *options: str, test: Path | None = None
) -> dict[str, object]:
    """Converts a trained network; returns convert.json. ``test``: other data than all there are."""
    argv = [model, "-o", str(output), "--calibration", str(folder / f"{name}_calib.npz")]
    argv += ["--evaluate", str(test or folder / f"{name}_test.npz"), *options]
    result = CliRunner().invoke(cli, ["convert", *argv], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(output.with_suffix(".convert.json").read_text())
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
    document = run(folder, path, name, tmp_path / "out.tflite", *options)
    score = document["quality"]["score"]  # type: ignore[index]
    assert score["metric"] == "accuracy"
    assert score["in_float"] > 0.85
    assert score["in_integers"] >= score["in_float"] - LOST
    assert document["calibrated"] is True
    assert document["model"]["transposes"] == []  # type: ignore[index]


@pytest.mark.slow
def test_autoencoder_is_measured_by_its_error(nets: Nets, tmp_path: Path) -> None:
    need("ai_edge_litert", "torch", "onnx")
    folder = nets("torch")
    model = str(folder / "autoencoder.onnx")
    score = run(folder, model, "autoencoder", tmp_path / "out.tflite")["quality"]["score"]  # type: ignore[index]
    assert score["metric"] == "RMSE"
    assert score["in_integers"] <= 1.05 * score["in_float"]


@pytest.mark.slow
@pytest.mark.sim
@pytest.mark.parametrize(
    "name", ["mobilenet_v2", "ds_cnn", "resnet8", "autoencoder", "conv_1d", "lstm", "gru"]
)
def test_the_board_is_as_good_as_the_host(name: str, nets: Nets, tmp_path: Path) -> None:
    need("ai_edge_litert", "torch", "onnx")
    folder = nets("torch")
    model = tmp_path / f"{name}.tflite"
    test = _first(folder, name, tmp_path)
    document = run(folder, str(folder / f"{name}.onnx"), name, model, test=test)
    score = document["quality"]["score"]  # type: ignore[index]
    argv = ["simulate", str(model), "--board", "nucleo_l4r5zi", "--output", str(tmp_path / "b")]
    if name != "autoencoder":
        argv += ["--inputs", _in_layout(test, name, tmp_path)]
    result = CliRunner().invoke(cli, [*argv, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    run_of = json.loads(result.output)["run"]
    if name != "autoencoder":
        assert run_of["accuracy"] == pytest.approx(score["in_integers"])


def _first(folder: Path, name: str, tmp_path: Path) -> Path:
    """As much of the test data as a board is asked to compute."""
    with np.load(folder / f"{name}_test.npz") as held:
        np.savez(tmp_path / "first.npz", **{key: held[key][:ON_BOARD] for key in held})
    return tmp_path / "first.npz"


def _in_layout(test: Path, name: str, tmp_path: Path) -> str:
    """The test data with channels last, as the converted model takes it; sequences stay."""
    if name in ("lstm", "gru"):
        return str(test)
    with np.load(test) as held:
        moved = np.moveaxis(held["input"], 1, -1)
        np.savez(tmp_path / "test.npz", input=moved, labels=held["labels"])
    return str(tmp_path / "test.npz")
