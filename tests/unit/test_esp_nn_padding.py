"""ESP-NN's kernels get no layer with padding that they were not made for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.support.models.lowered import lowered
from tests.support.models.small_graphs import GraphBuilder
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.variants.esp_nn_weighted import convolution


def test_padding_of_its_own_is_refused() -> None:
    b = GraphBuilder()
    image = b.value("image", (1, 8, 8, 16))
    bias = b.constant("bias", np.zeros(16, np.int32))
    made = b.value("made", (1, 8, 8, 16), (0.9, 0))
    attrs = Conv2dAttrs("SAME")
    b.op("CONV_2D", (image, b.weights("w", (16, 3, 3, 16), 0, 16), bias), made, attrs)
    graph = b.graph((image,), (made,))
    assert not isinstance(lowered(convolution, graph.ops[0], graph), str)
    own = replace(graph.ops[0], attrs=replace(attrs, padding="VALID", pads=(2, 0, 1, 1)))
    found = lowered(convolution, own, graph)
    assert found == "the padding is neither SAME nor VALID, the only ones that it was tested with"
