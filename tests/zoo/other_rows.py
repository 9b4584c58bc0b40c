"""ONNX files by other programs: tf2onnx, skl2onnx and onnxruntime's quantiser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.zoo.onnx_graphs import RNG
from tests.zoo.onnx_networks import cnn

ROWS = ("sklearn_mlp", "sklearn_logistic", "ort_qdq", "ort_qoperator", "ort_qdq_uint8")


def write(name: str, path: Path) -> None:
    """The model of a row."""
    if name.startswith("sklearn"):
        _sklearn(name, path)
    else:
        _quantised(name, path)


def _sklearn(name: str, path: Path) -> None:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = RNG.normal(size=(80, 6)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(int) + (x[:, 2] > 0.5)
    kind = MLPClassifier((8,), max_iter=20) if name.endswith("mlp") else LogisticRegression()
    fitted = make_pipeline(StandardScaler(), kind).fit(x, y)
    options = {id(fitted): {"zipmap": False}}
    path.write_bytes(to_onnx(fitted, x[:1], options=options, target_opset=17).SerializeToString())


class _Reader:
    """Calibration samples, as onnxruntime asks for them."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._left = [RNG.normal(size=shape).astype(np.float32) for _ in range(8)]

    def get_next(self) -> dict[str, Any] | None:
        return {"x": self._left.pop()} if self._left else None


def _quantised(name: str, path: Path) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    model = cnn(13)
    shape = (1, 4, 9, 8)
    path.write_bytes(model.SerializeToString())
    is_qdq = "qdq" in name
    kind = QuantType.QUInt8 if name.endswith("uint8") else QuantType.QInt8
    quantize_static(
        str(path),
        str(path),
        _Reader(shape),
        quant_format=QuantFormat.QDQ if is_qdq else QuantFormat.QOperator,
        activation_type=kind,
        weight_type=QuantType.QInt8,
        per_channel=is_qdq,
    )


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(*ROWS)
    for wanted in sys.argv[2:]:
        write(wanted, Path(sys.argv[1]) / f"{wanted}.onnx")
