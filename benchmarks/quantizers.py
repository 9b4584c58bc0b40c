"""Three quantisers on the same float .tflite: tinyml's, TensorFlow's and ai-edge-quantizer's.

    python benchmarks/quantizers.py

Networks are trained for some seconds. Accuracy of the integer model in TensorFlow Lite Micro
("refused" where it does not load), and the signal-to-noise ratio of the outputs.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parent.parent))

import keras
import numpy as np
import tensorflow as tf

from tests.support.nets.nets_keras import NETS, train
from tinyml.base import console
from tinyml.convert.layers import sqnr_db
from tinyml.convert.quality import outputs
from tinyml.convert.quantize import quantize
from tinyml.convert.runners import float_runner, tflm_runner
from tinyml.convert.values import QuantizeSettings

CALIBRATION, TEST = 100, 300


def by_tinyml(_saved: Path, data: bytes, samples: list[np.ndarray]) -> bytes:
    """Our own."""
    return quantize(data, [(sample,) for sample in samples], QuantizeSettings()).data


def by_tensorflow(saved: Path, _data: bytes, samples: list[np.ndarray]) -> bytes:
    """TensorFlow's converter, from the Keras model."""
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.models.load_model(saved))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def by_ai_edge(_saved: Path, data: bytes, samples: list[np.ndarray]) -> bytes:
    """ai-edge-quantizer, its static int8 recipe."""
    from ai_edge_quantizer import quantizer, recipe

    worker = quantizer.Quantizer(bytearray(data))
    worker.load_quantization_recipe(recipe.static_wi8_ai8())
    (name,) = float_inputs(data)
    feed = {"serving_default": [{name: sample} for sample in samples]}
    return bytes(worker.quantize(worker.calibrate(feed)).quantized_model)


def float_inputs(data: bytes) -> list[str]:
    """The names of a model's inputs in its signature."""
    from ai_edge_litert.interpreter import Interpreter

    runners = Interpreter(model_content=data).get_signature_list()
    return list(next(iter(runners.values()))["inputs"])


QUANTISERS: dict[str, Callable[[Path, bytes, list[np.ndarray]], bytes]] = {
    "tinyml": by_tinyml,
    "tensorflow": by_tensorflow,
    "ai-edge-quantizer": by_ai_edge,
}


def cell(made: bytes, exact: list[np.ndarray], data: tuple[np.ndarray, np.ndarray]) -> str:
    """Accuracy (of classifiers) and SQNR of one result."""
    runner = tflm_runner(made)
    if runner is None:
        return "refused"
    inputs, classes = data
    found = [outputs(runner, (sample,))[0] for sample in inputs]
    noise = f"{sqnr_db(np.stack(exact), np.stack(found)):.1f} dB"
    return noise if classes.ndim > 1 else f"{_right(found, classes):.4f}, {noise}"


def _right(found: list[np.ndarray], classes: np.ndarray) -> float:
    return float(np.mean([value.argmax() for value in found] == classes))


def row(folder: Path, name: str) -> list[str]:
    """One network."""
    data = (folder / f"{name}.tflite").read_bytes()
    with np.load(folder / f"{name}_calib.npz") as held:
        samples = list(next(iter(held.values()))[:CALIBRATION, None])
    with np.load(folder / f"{name}_test.npz") as held:
        (key,) = set(held) - {"labels"}
        test = (held[key][:TEST, None], held["labels"][:TEST])
    runner = float_runner(data)
    exact = [runner.outputs((sample,))[0] for sample in test[0]]
    is_coder = test[1].ndim > 1
    cells = [name, "" if is_coder else f"{_right(exact, test[1]):.4f}"]
    for quantiser in QUANTISERS.values():
        try:
            made = quantiser(folder / f"{name}.keras", data, samples)
        except Exception as error:  # what another tool fails with is a result
            cells.append(f"failed: {type(error).__name__}")
        else:
            cells.append(cell(made, exact, test))
    return cells


def main() -> None:
    """Trains and prints the table."""
    rows = []
    # TensorFlow's converter talks on the standard output.
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(sys.stderr):
        folder = Path(name)
        for net in NETS:
            train(net, folder)
            if (folder / f"{net.__name__}.tflite").exists():
                rows.append(row(folder, net.__name__))
    console.table("", ("network", "float>", *QUANTISERS), rows)


if __name__ == "__main__":
    main()
