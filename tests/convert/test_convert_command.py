"""``tinyml convert``: what it writes, and one clear error for each mistake."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.convert.conftest import Warm, need
from tests.support.nets.float_graphs import FloatBuilder
from tinyml.base.errors import TinymlError
from tinyml.base.programs import pip_command
from tinyml.cli import cli
from tinyml.convert import flatfile
from tinyml.ir.dtype import INT8
from tinyml.model.file import read_model
from tinyml.model.options import options
from tinyml.model.reader import load

needs_litert = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None,
    reason="ai-edge-litert is missing (tinyml-firmware[quantize])",
)


def float_model(inputs: int = 1, batch: int = 1) -> bytes:
    """Dense layers from five values each, added."""
    b = FloatBuilder(3)
    values = [b.value(f"in_{i}", (batch, 5)) for i in range(inputs)]
    made = [b.dense(f"dense_{i}", v, b.rng.normal(0, 1, (3, 5))) for i, v in enumerate(values)]
    result = made[0]
    if inputs == 2:
        result = b.op("ADD", (*made,), b.value("sum", (batch, 3)), options("AddOptions"))
    return flatfile.write(b.graph(tuple(values), (result,)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.tflite").write_bytes(float_model())
    data = np.random.default_rng(1).uniform(-1, 1, (120, 5)).astype(np.float32)
    np.savez(tmp_path / "calib.npz", data)
    np.savez(tmp_path / "test.npz", x=data, labels=np.arange(120) % 3)
    return tmp_path


def invoke(*argv: str) -> Result:
    return CliRunner().invoke(cli, list(argv))


def failure(*argv: str) -> str:
    """The message and the hint of the error that a command ends in."""
    result = invoke(*argv)
    assert isinstance(result.exception, TinymlError), result.output
    return str(result.exception)


@needs_litert
def test_writes_model_and_report(folder: Path) -> None:
    argv = ["convert", "model.tflite", "-o", "out/m.tflite", "--calibration", "calib.npz"]
    argv += ["--evaluate", "test.npz", "--labels", "a,b,c", "--normalize", "0,255"]
    result = invoke(*argv)
    assert result.exit_code == 0, result.output
    assert "m.tflite: int8" in result.output
    assert "calibration: 120 samples of calib.npz" in result.output
    document = json.loads((folder / "out" / "m.convert.json").read_text())
    assert document["format"] == 1
    assert document["calibration"]["samples"] == 120
    assert document["labels"] == ["a", "b", "c"]
    assert document["normalization"] == {"mean": [0.0], "std": [255.0]}
    held = document["quality"]["score"]
    assert held["metric"] == "accuracy"
    for key in ("float", "integers"):
        counts = held[f"confusion_in_{key}"]
        assert sum(map(sum, counts)) == held["samples"]
        right = sum(counts[index][index] for index in range(len(counts)))
        assert right / held["samples"] == held[f"in_{key}"]
    made = (folder / "out" / "m.tflite").read_bytes()
    assert document["model"]["sha256"] == hashlib.sha256(made).hexdigest()
    graph = load(read_model(folder / "out" / "m.tflite"))
    assert graph.tensors[graph.inputs[0]].name == "in_0"
    assert graph.tensors[graph.inputs[0]].dtype == INT8
    assert graph.source.metadata.labels == ("a", "b", "c")
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "m.convert.json",
        "m.tflite",
    ]


UNTRAINED = """
import torch


def fresh():
    return torch.nn.Linear(5, 3)


def loaded():
    net = fresh()
    net.load_state_dict({"weight": torch.zeros(3, 5), "bias": torch.ones(3)})
    return net


def trained():
    net = fresh()
    net(torch.ones(1, 5)).sum().backward()
    torch.optim.SGD(net.parameters()).step()
    return net
"""


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["fresh", "loaded", "trained"])
def test_fresh_weights_are_called_untrained(
    entry: str, folder: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network as its class initialises it was converted, and the report said "agreement"."""
    need("ai_edge_litert", "torch", "litert_torch")
    monkeypatch.setenv("TINYML_CONVERT_PYTHON", str(warm("torch")))
    (folder / "net.py").write_text(UNTRAINED)
    result = invoke("convert", f"net.py:{entry}", "--calibration", "calib.npz")
    assert result.exit_code == 0, result.output
    is_fresh = entry == "fresh"
    assert ("warning: UNTRAINED: neither --weights" in result.output) == is_fresh
    assert ("UNTRAINED: no weights were loaded, results mean nothing" in result.output) == is_fresh
    document = json.loads((folder / "net.convert.json").read_text())
    assert document["model"]["trained"] is not is_fresh
    assert ("UNTRAINED" in document["model"]["producer"]) == is_fresh
    doubt = "the output is the same for all samples" if entry == "loaded" else ""
    assert document["quality"]["score"]["doubt"].startswith(doubt)


@needs_litert
def test_json_and_default_name(folder: Path) -> None:
    result = invoke("convert", "model.tflite", "--calibration", "calib.npz", "--json")
    assert json.loads(result.output)["model"]["file"] == "model_int8.tflite"
    assert (folder / "model_int8.tflite").is_file()


@needs_litert
def test_same_input_same_bytes(folder: Path) -> None:
    for name in ("a.tflite", "b.tflite"):
        invoke("convert", "model.tflite", "-o", name, "--calibration", "calib.npz")
    assert (folder / "a.tflite").read_bytes() == (folder / "b.tflite").read_bytes()


@needs_litert
def test_random_calibration_is_stamped(folder: Path) -> None:
    result = invoke("convert", "model.tflite", "-o", "m.tflite", "--calibration", "random")
    assert "NOT CALIBRATED" in result.output
    assert json.loads((folder / "m.convert.json").read_text())["calibrated"] is False
    assert load(read_model(folder / "m.tflite")).source.metadata.is_calibrated is False
    built = invoke("build", "m.tflite", "--board", "nucleo_l4r5zi", "--project-only")
    assert "NOT CALIBRATED" in built.output


@needs_litert
def test_build_converts(folder: Path) -> None:
    argv = ("build", "model.tflite", "--board", "nucleo_l4r5zi", "--project-only")
    plain = invoke(*argv)  # a float .tflite is taken as it is without data
    assert plain.exit_code == 0, plain.output
    assert "layers compute in float32" in plain.output
    shutil.rmtree(folder / "build")
    result = invoke(*argv, "--calibration", "calib.npz")
    assert result.exit_code == 0, result.output
    made = folder / "build" / "model-nucleo_l4r5zi"
    assert (made / "model.tflite").is_file()
    assert '<section id="quantisation">' in (made / "report.html").read_text()
    assert (
        json.loads((made / "model.convert.json").read_text())["model"]["source"] == "model.tflite"
    )


@needs_litert
def test_limits_set_the_exit_code(folder: Path) -> None:
    argv = ("convert", "model.tflite", "--calibration", "calib.npz")
    message = failure(*argv, "--evaluate", "test.npz", "--min-accuracy", "0.99")
    assert "0.99 is needed" in message
    assert "need something to measure" in failure(*argv, "--max-drop", "0.01")
    good = invoke(*argv, "--evaluate", "test.npz", "--max-drop", "0.5")
    assert good.exit_code == 0


@needs_litert
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("none.keras",), "no such file or folder"),
        (("text.txt",), "is not a model that is known: it begins with b'hello'"),
        (("empty.keras",), "is no Keras model: it is empty"),
        (("folder",), "is a folder without saved_model.pb"),
        (("net.py",), "names no function in the Python file"),
        (("weights.pt",), "holds weights of PyTorch, not the network"),
        (("model.tflite",), "needs calibration data"),
        (("model.tflite", "--calibration", "none.npz"), "none.npz: no such file"),
        (("model.tflite", "--calibration", "wide.npz"), "input 'in_0' needs [samples, 5]"),
        (("model.tflite", "--calibration", "nan.npz"), "values that are NaN"),
        (("two.tflite", "--calibration", "calib.npz"), "no array for input 'in_0'"),
        (("batch.tflite", "--calibration", "calib.npz"), "a batch of 4; firmware runs one"),
        (("cut.tflite", "--calibration", "calib.npz"), "damaged"),
    ],
)
def test_mistakes(argv: tuple[str, ...], message: str, folder: Path) -> None:
    (folder / "folder").mkdir()
    (folder / "text.txt").write_text("hello")
    (folder / "empty.keras").write_bytes(b"")
    (folder / "net.py").write_text("def build(): pass\n")
    (folder / "two.tflite").write_bytes(float_model(inputs=2))
    (folder / "batch.tflite").write_bytes(float_model(batch=4))
    (folder / "cut.tflite").write_bytes(float_model()[:200])
    np.savez(folder / "wide.npz", np.zeros((10, 6), np.float32))
    np.savez(folder / "nan.npz", np.full((10, 5), np.nan, np.float32))
    import zipfile

    with zipfile.ZipFile(folder / "weights.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    before = sorted(folder.iterdir())
    found = failure("convert", *argv)
    assert message in found
    assert "hint: " in found
    assert sorted(folder.iterdir()) == before


@needs_litert
def test_integer_models_are_refused(folder: Path) -> None:
    invoke("convert", "model.tflite", "-o", "m.tflite", "--calibration", "calib.npz")
    found = failure("convert", "m.tflite", "--calibration", "calib.npz")
    assert "is quantised already" in found


@needs_litert
def test_layers_without_integer_kernel_are_named_with_the_file(folder: Path) -> None:
    """The error named the float model in between, which nobody ever sees."""
    b = FloatBuilder()
    given = b.value("x", (1, 5)), b.value("w", (1, 5))
    made = b.op("FLOOR_DIV", given, b.value("y", (1, 5)), options("FloorDivOptions"))
    (folder / "shares.tflite").write_bytes(flatfile.write(b.graph(given, (made,))))
    found = failure("convert", "shares.tflite", "--calibration", "random")
    assert found.startswith("shares.tflite: 1 layer(s) cannot be converted to integers:")
    assert "FLOOR_DIV 'y' has no integer kernel" in found


@needs_litert
def test_options_of_a_conversion_are_not_ignored_by_build(folder: Path) -> None:
    """``build --min-accuracy`` of a quantised model built it, and nothing had been measured."""
    invoke("convert", "model.tflite", "-o", "m.tflite", "--calibration", "calib.npz")
    argv = ["build", "m.tflite", "--board", "nucleo_l4r5zi"]
    for option in (
        ["--min-accuracy", "0.9"],
        ["--quantization", "int16x8"],
        ["--calibration", "calib.npz"],
        ["--input-shape", "1,5"],
    ):
        found = failure(*argv, *option)
        assert found.startswith(f"m.tflite: is quantised already: {option[0]} would change nothing")
        assert "hint: leave that out, or give the float model" in found
    assert "needs calibration data" in failure(
        "build", "model.tflite", *argv[2:], "--labels", "a,b"
    )
    (folder / "m.tflite").write_bytes((folder / "m.tflite").read_bytes()[:200])
    assert "is quantised" not in failure(*argv, "--min-accuracy", "0.9")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("batch_32.keras", "has a fixed batch size of 32; firmware runs one sample"),
        ("loop_saved", "has control flow, which is not quantised here: WHILE"),
    ],
)
def test_what_keras_can_do_and_firmware_cannot(
    model: str, message: str, nets: Callable[[str], Path], warm: Warm, folder: Path
) -> None:
    need("ai_edge_litert")
    path = nets("keras") / model
    argv = ("--calibration", "random", "--python", str(warm("keras")))
    assert message in failure("convert", str(path), *argv)


def test_missing_packages_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec

    def without(name: str, *rest: Any) -> Any:
        missing = name.split(".")[0] in ("tensorflow", "keras", "tf_keras", "torch", "onnx")
        if missing or name == "litert_torch":
            return None
        return object() if name == "ai_edge_litert" else there(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    (folder / "m.onnx").write_bytes(b"\x08\x07")
    (folder / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (folder / "net.py").write_text("def build(): ...")
    found = failure("convert", "m.h5", "--calibration", "random")
    assert "tensorflow and keras and tf_keras" in found
    assert pip_command("convert") in found
    assert pip_command("onnx") in failure("convert", "m.onnx", "--calibration", "random")
    found = failure("convert", "net.py:build", "--calibration", "random")
    assert f"pip install torch==2.13.0 && {pip_command('torch')}" in found


HEAVY = "{'tensorflow', 'torch', 'jax', 'onnx', 'keras', 'tf_keras', 'litert_torch', 'sklearn'}"


@pytest.mark.parametrize(
    "argv",
    [
        ("convert", "--help"),
        ("build", "--help"),
        ("check", "digits.tflite", "--board", "nucleo_l4r5zi"),
        ("build", "digits.tflite", "--board", "nucleo_l4r5zi", "--project-only"),
        ("inspect", "digits.tflite"),
    ],
)
def test_other_commands_import_no_framework(argv: tuple[str, ...], folder: Path) -> None:
    digits = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
    (folder / "digits.tflite").write_bytes(digits.read_bytes())
    code = (
        "import sys\nfrom tinyml.cli import cli\n"
        f"cli.main({list(argv)!r}, standalone_mode=False)\n"
        f"print(sorted(({HEAVY} | {{'ai_edge_litert', 'PIL'}}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_plain_install_brings_no_framework() -> None:
    if sys.version_info < (3, 11):
        pytest.skip("tomllib is missing")
    import tomllib

    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    needed = " ".join(tomllib.loads(text)["project"]["dependencies"])
    for name in ("tensorflow", "torch", "onnx", "keras", "litert", "scikit", "pillow"):
        assert name not in needed


@needs_litert
@pytest.mark.skipif(sys.platform == "win32", reason="there is no program 'false'")
def test_a_process_that_dies_is_reported(folder: Path) -> None:
    (folder / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    program = shutil.which("false")
    found = failure("convert", "m.h5", "--calibration", "random", "--python", str(program))
    assert "failed with exit code 1" in found


def test_the_child_needs_nothing_of_this_environment(folder: Path) -> None:
    """It brings its own package along: the other environment has none of it."""
    task = {"importer": "keras", "path": "m", "entry": "", "weights": None, "input_shapes": []}
    task |= {"sample_shapes": [], "is_trusted": False}
    (folder / "task.json").write_text(json.dumps(task))
    child = Path(__file__).parents[2] / "tinyml" / "convert" / "child.py"
    code = (
        "import runpy, sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        top = name.split('.')[0]\n"
        "        if top in ('click', 'rich', 'tflite', 'serial', 'unicorn', 'jinja2', 'keras',\n"
        "                   'flatbuffers', 'tensorflow', 'tf_keras'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        f"sys.argv = ['child.py', {str(folder / 'task.json')!r}]\n"
        "import importlib.util\n"
        "there = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, *r: None if n == 'tensorflow' else object()\n"
        f"runpy.run_path({str(child)!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "result.json").read_text()) == {"missing": ["tensorflow"]}
