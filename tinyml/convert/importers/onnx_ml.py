"""Operators of ai.onnx.ml that linear models and networks of scikit-learn come with."""

from __future__ import annotations

import numpy as np

from tinyml.convert.importers.onnx_elementwise import two
from tinyml.convert.importers.onnx_products import dense
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_reductions import reduced
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.ir.dtype import INT32

DOMAIN = "ai.onnx.ml"


def scaler(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Scaler: (x - offset) times scale."""
    value, name = reader.value(node.input[0]), node.output[0]
    for kind, word in (("SUB", "offset"), ("MUL", "scale")):
        held = attrs.numbers(word)
        if held is not None:
            constant = reader.new.constant(f"{name}/{word}", np.array(held, np.float32))
            value = two(reader, kind, (value, constant), f"{name}/{word}ed")
    return value


def linear_regressor(reader: Reader, node: Node, attrs: Attributes) -> int:
    """LinearRegressor: a dense layer."""
    if attrs.text("post_transform", "NONE") != "NONE":
        raise Unknown(f"post_transform {attrs.text('post_transform', 'NONE')}")
    return _linear(reader, node, attrs, attrs.integer("targets", 1))


def _linear(reader: Reader, node: Node, attrs: Attributes, count: int) -> int:
    value = reader.value(node.input[0])
    weights = np.array(attrs.numbers("coefficients") or (), np.float32).reshape(count, -1)
    bias = np.array(attrs.numbers("intercepts") or [0.0] * count, np.float32)
    return dense(reader, value, weights, bias, f"{node.output[-1]}/linear")


def linear_classifier(reader: Reader, node: Node, attrs: Attributes) -> tuple[int, int]:
    """LinearClassifier: the class of the greatest score, and the scores."""
    classes = attrs.integers("classlabels_ints")
    if classes is None:
        raise Unknown("classes that are texts")
    if len(attrs.numbers("intercepts") or classes) != len(classes):
        raise Unknown("one score for two classes")
    scores = _linear(reader, node, attrs, len(classes))
    shape, name = reader.new.shape(scores), node.output[0]
    after = attrs.text("post_transform", "NONE")
    kinds = {"LOGISTIC": ("LOGISTIC", {}), "SOFTMAX": ("SOFTMAX", {"Beta": 1.0})}
    axis = reader.new.constant(f"{name}/axis", np.array(1, np.int32))
    best = reader.new.op(
        "ARG_MAX", (scores, axis), shape[:1], f"{name}/best", OutputType=INT32.tflite
    )
    reader.new.retype(best, INT32)
    if after in kinds:
        kind, fields = kinds[after]
        scores = reader.new.op(kind, (scores,), shape, node.output[1], **fields)
    elif after != "NONE":
        raise Unknown(f"post_transform {after}")
    return _labels(reader, classes, best, name), scores


def _labels(reader: Reader, classes: list[int], best: int, name: str) -> int:
    if classes == list(range(len(classes))):
        return best
    table = reader.new.integers(f"{name}/classes", classes)
    return reader.new.op("GATHER", (table, best), reader.new.shape(best), name)


def feature(reader: Reader, node: Node, attrs: Attributes) -> int:
    """ArrayFeatureExtractor: elements along the last axis by their numbers."""
    held = reader.constants.get(node.input[0])
    value, numbers = (reader.value(name) for name in node.input)
    if held is not None and held.ravel().tolist() == list(range(held.size)):
        return reader.new.reshape(numbers, (1, reader.new.tensors[numbers].elements))
    if reader.new.tensors[value].dtype != reader.new.tensors[numbers].dtype != INT32:
        raise Unknown("numbers that are no integers")
    count = reader.new.tensors[numbers].elements
    line = reader.new.reshape(numbers, (count,))
    shape = reader.new.shape(value)
    axis = len(shape) - 1
    wanted = (*shape[:-1], count) if axis else (1, count)
    made = reader.new.op("GATHER", (value, line), (*shape[:-1], count), node.output[0], Axis=axis)
    reader.new.retype(made, reader.new.tensors[value].dtype)
    return reader.new.reshape(made, wanted)


def normalizer(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Normalizer along the last axis: over the greatest, the sum of magnitudes, or the root."""
    value, name = reader.value(node.input[0]), node.output[0]
    shape = reader.new.shape(value)
    rule = attrs.text("norm", "MAX")
    if rule == "L2":
        return reader.new.op("L2_NORMALIZATION", (value,), shape, name)
    size = reader.new.op("ABS", (value,), shape, f"{name}/size")
    kind = {"L1": "SUM", "MAX": "REDUCE_MAX"}[rule]
    whole = reduced(reader, kind, (size, (len(shape) - 1,), True), f"{name}/whole")
    return two(reader, "DIV", (value, whole), name)


HANDLERS: dict[str, Handler] = {
    "ArrayFeatureExtractor": feature,
    "LinearClassifier": linear_classifier,
    "LinearRegressor": linear_regressor,
    "Normalizer": normalizer,
    "Scaler": scaler,
}
