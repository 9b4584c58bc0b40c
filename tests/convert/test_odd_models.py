"""Models that frameworks describe in unusual ways: right values, or the cause in the error."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.convert.conftest import SUPPORT, Warm, need
from tests.support.models.cases import Vector
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.host_c import run_on_host
from tests.support.running.tflm import needs_tflm
from tinyml.base.errors import ModelError
from tinyml.convert.conversion import Converted, ConvertOptions, convert
from tinyml.convert.importers.values import ImportOptions
from tinyml.convert.layers import as_fed
from tinyml.convert.quality import outputs
from tinyml.convert.runners import float_runner, quantised_runner
from tinyml.model.file import model_file, read_model
from tinyml.model.reader import load
from tinyml.ops import reference
from tinyml.passes import run_passes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, warm: Warm) -> Path:
    need("tensorflow", "tf_keras", "ai_edge_litert")
    made = tmp_path_factory.mktemp("odd")
    command = [str(warm("keras")), str(SUPPORT / "odd_keras.py"), str(made)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return made


def converted(path: Path, warm: Warm, calibration: str = "random") -> Converted:
    imports = ImportOptions(python=warm("keras"))
    return convert(str(path), ConvertOptions(imports=imports, calibration=calibration))


def test_dictionaries_are_bound_by_name(folder: Path, warm: Warm) -> None:
    """A model with inputs by name ended in a traceback of Keras."""
    data = str(folder / "dictionaries.npz")
    made = converted(folder / "dictionaries.keras", warm, data).report
    names = [item.name for item in made.model.inputs]
    assert sorted(names) == ["alpha", "zeta"]
    assert sorted(item.name for item in made.model.outputs) == ["narrow", "wide"]
    runner = quantised_runner(made.result.data)
    fed, wanted = np.load(folder / "dictionaries.npz"), np.load(folder / "dictionaries_out.npz")
    for k in range(8):
        found = outputs(runner, tuple(fed[name][k : k + 1] for name in names))
        for item, value in zip(made.model.outputs, found, strict=True):
            goal = wanted[item.name]
            assert np.abs(value[0] - goal[k]).max() < 0.1 * np.abs(goal).max()


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_padded_steps_are_left_out(kind: str, folder: Path, warm: Warm) -> None:
    """A masked LSTM was refused for a loop, with the advice to unroll it."""
    made = converted(folder / f"masked_{kind}.keras", warm, str(folder / "padded.npz")).report
    assert made.proof is not None
    assert made.proof.db is not None
    assert made.proof.db > 100  # on samples of which most have padded steps
    padded = np.load(folder / "padded.npz")["x"]
    assert (padded[1, :3] == 0).all()
    runner, exact = quantised_runner(made.result.data), float_runner(made.model.data)
    pairs = [(outputs(runner, (x[None],)), exact.outputs((x[None],))) for x in padded[:10]]
    found, wanted = (np.stack([each[0] for each in side]) for side in zip(*pairs, strict=True))
    assert np.abs(found - wanted).max() < 0.08 * np.abs(wanted).max()


@pytest.mark.parametrize(("kind", "size"), [("tflite", (9, 7)), ("keras", (7, 5))])
def test_free_sizes_are_those_of_the_data(
    kind: str, size: tuple[int, int], folder: Path, warm: Warm
) -> None:
    """A .tflite of free sizes ended in a KeyError, or was taken for one of 1 x 1 pixels."""
    with pytest.raises(ModelError, match=r"free dimension: \[1, \?, \?, 3\]"):
        converted(folder / f"free.{kind}", warm)
    made = converted(folder / f"free.{kind}", warm, str(folder / "images.npy")).report
    assert [item.shape for item in made.model.inputs] == [(1, 9, 7, 3)]
    graph = load(model_file("m.tflite", made.result.data))
    assert [graph.tensors[i].shape for i in graph.outputs] == [(1, *size, 4)]
    assert made.proof is not None
    assert made.proof.db is not None
    assert made.proof.db > 100


def test_a_layer_keeps_its_state(folder: Path, warm: Warm) -> None:
    """Layers with stateful=True were refused; what they keep is a variable of the model."""
    made = converted(folder / "stateful.keras", warm).report
    assert any("'memory' keep(s) 2 states" in note for note in made.model.notes)
    assert made.proof is not None
    assert made.proof.db is not None
    assert made.proof.db > 100  # on samples that are one sequence
    graph = load(model_file("m.tflite", made.result.data))
    assert len(graph.carried) == 2
    assert made.calibration is not None
    fed = as_fed(graph.tensors[graph.inputs[0]], made.calibration.samples[0][0])
    once, again = reference.sequence(graph, [(fed,), (fed,)])
    assert not np.array_equal(once[0], again[0])


def test_half_precision_is_converted_in_float32(folder: Path, warm: Warm) -> None:
    """mixed_float16 was refused because 'TensorFlow Lite has no operator for tf.Conv2D'."""
    made = converted(folder / "halved.keras", warm).report
    assert any("dtype policy mixed_float16" in note for note in made.model.notes)
    assert quantised_runner(made.result.data).graph.outputs


@needs_tflm
@pytest.mark.host_cc
def test_a_loop_counts_on_the_device(folder: Path, tmp_path: Path) -> None:
    """A tf.while_loop with a counter was refused: an int32 ADD had no kernel."""
    from tflite_micro.python.tflite_micro import runtime

    file = read_model(folder / "looped.tflite")
    graph = load(file)
    rng = np.random.default_rng(1)
    vectors: list[Vector] = []
    for rounds in (0, 1, 7):
        values = {
            (1, 6): rng.normal(size=(1, 6)).astype(np.float32),
            (): np.array(rounds, np.int32),
        }
        vectors.append(tuple(values[graph.tensors[i].shape] for i in graph.inputs))
    interpreter = runtime.Interpreter.from_bytes(file.data, arena_size=100_000)
    found: list[Vector] = []
    for vector in vectors:
        for i, value in enumerate(vector):
            interpreter.set_input(value, i)
        interpreter.invoke()
        found.append((interpreter.get_output(0).copy(),))
    assert_equal(graph, run_reference(graph, vectors), found)
    assert_equal(graph, found, run_on_host(run_passes(graph), vectors, tmp_path))
