"""Filters with negative scales, as MCUNet's file has them, are turned and compute the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.models.small_graphs import GraphBuilder
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml.base.errors import ModelError
from tinyml.evaluate.samples import random_samples
from tinyml.ir.graph import Graph, Quant
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.reference import outputs


def network(*, shared: bool = False, lowest: bool = False) -> Graph:
    b = GraphBuilder(3)
    image, made = b.value("image", (1, 5, 5, 4)), b.value("made", (1, 5, 5, 4), (0.07, -9))
    weights, bias = b.weights("w", (4, 1, 1, 4), 0, 4), b.bias("b", 4)
    b.op("CONV_2D", (image, weights, bias), made, Conv2dAttrs(activation="RELU"))
    out = b.value("out", (1, 5, 5, 4), (0.05, 4))
    taps = b.weights("taps", (1, 3, 3, 4), 3, 4)
    b.op("DEPTHWISE_CONV_2D", (made, taps, b.bias("b2", 4)), out, DepthwiseConv2dAttrs("SAME"))
    ends = [out]
    if shared:
        again = b.value("again", (1, 5, 5, 4), (0.05, 4))
        ends.append(b.op("CONV_2D", (made, weights, b.bias("b3", 4)), again, Conv2dAttrs()))
    for index, axis in ((weights, 0), (taps, 3)):
        held = b.tensors[index]
        assert held.quant is not None
        assert held.data is not None
        scales = tuple(s * (-1) ** (n % 2) for n, s in enumerate(held.quant.scales))
        data = held.data.copy()
        data.flat[0 if axis else 5] = -128 if lowest else 7
        data.flags.writeable = False
        b.tensors[index] = replace(held, data=data, quant=Quant(scales, (0,) * 4, axis))
    return b.graph((image,), tuple(ends))


@needs_tflm
def test_what_is_turned_computes_the_same() -> None:
    """MCUNet, which TFLM runs, was refused for scales below 0."""
    graph = network()
    read = load(model_file("m.tflite", write(graph)))
    for op in read.ops:
        weights = read.tensors[op.inputs[1]]
        assert weights.quant is not None
        assert min(weights.quant.scales) > 0
    samples = random_samples(read, 20).inputs
    found = run_in_tflm(graph, samples)
    for sample, right in zip(samples, found, strict=True):
        np.testing.assert_array_equal(outputs(read, sample)[0], right[0])


@pytest.mark.parametrize("options", [{"shared": True}, {"lowest": True}], ids=str)
def test_what_cannot_be_turned_exactly_is_refused(options: dict[str, bool]) -> None:
    with pytest.raises(ModelError, match="Weights must have one positive scale"):
        load(model_file("m.tflite", write(network(**options))))
