"""Model files that run code when their framework loads them are refused, unless trusted."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.convert.conftest import Warm, need
from tinyml.base.errors import ModelError
from tinyml.convert.importers.trust import check_keras, check_torch
from tinyml.convert.importers.values import ImportOptions
from tinyml.convert.sources import importer_of, source_of

# Each writes a model whose loading makes the file "ran" in the current directory.
KERAS_3 = """
import keras
x = keras.Input((4,)); y = keras.layers.Lambda(lambda v: [open("ran", "w"), v][1])(x)
keras.Model(x, keras.layers.Dense(2)(y)).save("m.{0}")
import os; os.remove("ran")
"""
KERAS_2 = KERAS_3.replace("import keras\n", "import tf_keras as keras\n")
TORCH = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)
    def forward(self, x):
        return torch.relu(self.layer(x))
torch.export.save(torch.export.export(Net().eval(), (torch.zeros(1, 4),)), "m.pt2")
"""
PICKLE = """
import torch
class Evil:
    def __reduce__(self):
        import os
        return os.system, ("touch ran",)
torch.save((({},), {"x": Evil()}), "evil.pt")
"""
SAVED_MODEL = """
import tensorflow as tf
class Net(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32)])
    def __call__(self, x):
        tf.io.write_file("ran", "x")
        return x + 1
net = Net(); tf.saved_model.save(net, "saved", signatures=net.__call__)
"""


def run(text: str, folder: Path, python: Path) -> None:
    (folder / "make.py").write_text(text)
    done = subprocess.run(
        [str(python), "make.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def load(name: str, python: Path, *, is_trusted: bool = False) -> None:
    source = source_of(name)
    options = ImportOptions(python=python, is_trusted=is_trusted)
    importer_of(source).to_float_tflite(source, options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "suffix"),
    [(KERAS_3, "keras"), (KERAS_3, "h5"), (KERAS_2, "keras"), (KERAS_2, "h5")],
)
def test_a_lambda_that_keras_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm, script: str, suffix: str
) -> None:
    """A Lambda layer that Keras refused was loaded by tf-keras, and its code ran."""
    need("tensorflow", "keras", "tf_keras", "ai_edge_litert")
    monkeypatch.chdir(tmp_path)
    run(script.replace("{0}", suffix), tmp_path, warm("keras"))
    with pytest.raises(ModelError, match="would run code when it is loaded") as caught:
        load(f"m.{suffix}", warm("keras"))
    assert "--trust-model" in str(caught.value.hint)
    assert not (tmp_path / "ran").exists()
    load(f"m.{suffix}", warm("keras"), is_trusted=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.slow
def test_a_saved_model_that_writes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm
) -> None:
    """A SavedModel with an operator that writes files was loaded like any other."""
    need("tensorflow", "ai_edge_litert")
    monkeypatch.chdir(tmp_path)
    run(SAVED_MODEL, tmp_path, warm("keras"))
    with pytest.raises(ModelError, match="WriteFile"):
        load("saved", warm("keras"))


@pytest.mark.slow
def test_a_pickle_in_a_torch_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm
) -> None:
    """PyTorch loads any object of an archive once plain weights fail, and runs what it brings."""
    need("torch", "litert_torch", "ai_edge_litert")
    monkeypatch.chdir(tmp_path)
    run(TORCH + PICKLE, tmp_path, warm("torch"))
    path = tmp_path / "m.pt2"
    load("m.pt2", warm("torch"))  # plain weights pass
    with zipfile.ZipFile(path) as archive:
        files = {item: archive.read(item) for item in archive.namelist()}
    sample = next(item for item in files if "sample_inputs" in item)
    files[sample] = (tmp_path / "evil.pt").read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for item, data in files.items():
            archive.writestr(item, data)
    with pytest.raises(ModelError, match="PyTorch cannot read it") as caught:
        load("m.pt2", warm("torch"))
    assert "--trust-model" in str(caught.value.hint)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("target", "torch.os.system"),
        ("target", "torch.serialization.os.system"),
        ("target", "math.__loader__.load_module"),
        ("target", "_operator.call"),
        ("target", "torch.ops.aten.from_file.default"),
        ("expr_str", "__import__('os').system('touch ran')"),
        ("expr_str", "s0.func"),
        ("expr_str", "exec('x')"),
        ("range_constraints", {"open('ran','w')": {}}),
        ("in_spec", '[1, {"type": "collections.defaultdict", "context": "[]"}]'),
    ],
)
def test_torch_archives_name_arithmetic_only(tmp_path: Path, key: str, value: object) -> None:
    """A .pt2 archive named any function, or an expression that is evaluated, and PyTorch obeyed."""
    path = tmp_path / "m.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/models/model.json", json.dumps({"graph": [{"x": {key: value}}]}))
    with pytest.raises(ModelError, match="would run code"):
        check_torch(path)


@pytest.mark.parametrize(
    "layer",
    [
        {"class_name": "system", "module": "os"},
        {"class_name": "get_file", "module": "keras.utils"},
        {"class_name": "Popen", "module": "keras.src.layers.evil!"},
        {"class_name": "TFSMLayer", "module": "keras.layers"},
        {"class_name": "__lambda__", "module": "builtins"},
        {"class_name": "Lambda", "config": {"function_type": "lambda"}},
        {"class_name": "TFOpLambda", "config": {"function": "io.write_file"}},
        {"class_name": "TFOpLambda", "config": {"function": "raw_ops.WriteFile"}},
        {"class_name": "TFOpLambda", "config": {"function": "py_function"}},
    ],
)
def test_keras_files_name_keras_only(tmp_path: Path, layer: dict[str, object]) -> None:
    """A .keras file named any Python module, which Keras 2 imports and calls."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": [layer]}}))
    with pytest.raises(ModelError, match="would run code"):
        check_keras(path)


def test_a_file_that_is_twice_in_an_archive(tmp_path: Path) -> None:
    """Two readers took different ones of two files of one name: what was checked was not loaded."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("config.json", "{}")
    shutil.copy(path, tmp_path / "m.pt2")
    with pytest.raises(ModelError, match="twice"):
        check_keras(path)
    with pytest.raises(ModelError, match="twice"):
        check_torch(tmp_path / "m.pt2")
