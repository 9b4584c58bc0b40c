"""What convolutions, fully connected, pools and mean demand, and what they tell the user."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.models.small_graphs import GraphBuilder
from tinyml import ops
from tinyml.ir.dtype import INT64, UINT8
from tinyml.ir.graph import Graph, Op, Quant, Tensor
from tinyml.model.support import unmet
from tinyml.ops import forms_text, spec_of
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.mean import MeanAttrs, loops
from tinyml.ops.pool_2d import Pool2dAttrs
from tinyml.passes import run_passes
from tinyml.plan.offers import offers_of


def _conv() -> Graph:
    b = GraphBuilder()
    image = b.value("image", (1, 5, 5, 4))
    inputs = (image, b.weights("weights", (6, 3, 3, 4), 0, 6), b.bias("bias", 6))
    return b.graph((image,), (b.op("CONV_2D", inputs, b.value("y", (1, 5, 5, 6)), Conv2dAttrs()),))


def _depthwise() -> Graph:
    b = GraphBuilder()
    image = b.value("image", (1, 5, 5, 4))
    inputs = (image, b.weights("weights", (1, 3, 3, 4), 3, 4), b.bias("bias", 4))
    attrs = DepthwiseConv2dAttrs()
    return b.graph(
        (image,), (b.op("DEPTHWISE_CONV_2D", inputs, b.value("y", (1, 5, 5, 4)), attrs),)
    )


def _fully_connected() -> Graph:
    b = GraphBuilder()
    row = b.value("row", (2, 8))
    weights = b.constant("weights", np.ones((3, 8), np.int8), Quant((0.002,), (0,)))
    inputs = (row, weights, b.bias("bias", 3))
    return b.graph(
        (row,), (b.op("FULLY_CONNECTED", inputs, b.value("y", (2, 3)), FullyConnectedAttrs()),)
    )


def _pool() -> Graph:
    b = GraphBuilder()
    image = b.value("image", (1, 4, 4, 3))
    attrs = Pool2dAttrs(kernel_h=2, kernel_w=2)
    return b.graph(
        (image,), (b.op("AVERAGE_POOL_2D", (image,), b.value("y", (1, 4, 4, 3)), attrs),)
    )


def _mean() -> Graph:
    b = GraphBuilder()
    image = b.value("image", (1, 4, 4, 3))
    axes = b.constant("axes", np.array([1, 2], np.int32))
    return b.graph((image,), (b.op("MEAN", (image, axes), b.value("y", (1, 3)), MeanAttrs()),))


FORMS = forms_text(spec_of("CONV_2D"))


def _complaints(graph: Graph) -> list[str]:
    return [f"{demand} {found}" for demand, found in unmet(graph.ops[0], graph)]


def _with_tensor(graph: Graph, index: int, **changes: Any) -> Graph:
    tensors: list[Tensor] = list(graph.tensors)
    tensors[index] = replace(tensors[index], **changes)
    return replace(graph, tensors=tuple(tensors))


def _with_op(graph: Graph, **changes: Any) -> Graph:
    op: Op = graph.ops[0]
    attrs = replace(op.attrs, **changes.pop("attrs", {}))
    return replace(graph, ops=(replace(op, attrs=attrs, **changes),))


CONV, DEPTHWISE, FULL = _conv(), _depthwise(), _fully_connected()
POOL, MEAN = _pool(), _mean()


@pytest.mark.parametrize("graph", [CONV, DEPTHWISE, FULL, POOL, MEAN])
def test_sound_layers_have_no_complaints(graph: Graph) -> None:
    assert _complaints(graph) == []


@pytest.mark.parametrize(
    ("graph", "complaint"),
    [
        (
            _with_op(CONV, inputs=(0,)),
            "The op must have all its inputs and one output. 1 inputs and 1 outputs",
        ),
        (
            _with_tensor(CONV, 0, dtype=UINT8),
            f"Its types must be those of a form: {FORMS}. The nearest is s8 with input int8. "
            "input uint8, filter int8, bias int32, output int8",
        ),
        (
            _with_tensor(CONV, 0, shape=(5, 5, 4)),
            "Input and output must have four dimensions (batch, height, width, channels). "
            "'image' has shape [5, 5, 4]",
        ),
        (
            _with_tensor(CONV, 0, quant=Quant((0.1, 0.2), (0, 0), 3)),
            "Values computed at run time must have one positive scale and one zero point of their "
            "type. 'image' has 2 scales",
        ),
        (
            _with_tensor(CONV, 1, data=None),
            "Weights must be constant. 'weights' is computed at run time",
        ),
        (
            _with_tensor(CONV, 1, quant=Quant((0.1,), (3,))),
            "Weights must have zero point 0. 'weights' has zero point 3",
        ),
        (
            _with_tensor(CONV, 1, quant=Quant((0.1,) * 4, (0,) * 4, 3)),
            "Weights must have one positive scale, or one per output channel. "
            "'weights' has 4 scales along axis 3",
        ),
        (
            _with_tensor(CONV, 2, dtype=INT64),
            f"Its types must be those of a form: {FORMS}. The nearest is s8 with bias int32. "
            "input int8, filter int8, bias int64, output int8",
        ),
        (_with_op(CONV, attrs={"padding": "value 7"}), "Padding must be SAME or VALID. value 7"),
        (
            _with_op(CONV, attrs={"activation": "TANH"}),
            "The fused activation must be NONE, RELU, RELU6 or RELU_N1_TO_1. TANH",
        ),
        (
            _with_op(CONV, attrs={"padding": "VALID", "dilation_h": 3}),
            "The filter must have four dimensions and fit into the padded input. "
            "a window that spans 7 inputs does not fit into 5",
        ),
        (
            _with_tensor(CONV, 0, shape=(1, 5, 5, 6)),
            "Input channels must be a multiple of the filters' depth, and filters of the groups. "
            "6 channels, 6 filters of depth 4",
        ),
        (
            _with_tensor(CONV, 0, quant=Quant((1e30,), (0,))),
            "The factors from sums to outputs must be such that a multiplier and a shift hold "
            "them. a rescaling factor is",
        ),
        (
            _with_op(DEPTHWISE, attrs={"depth_multiplier": 2}),
            "There must be depth_multiplier filters for each input channel. "
            "filters [1, 3, 3, 4], 4 channels, multiplier 2",
        ),
        (
            _with_tensor(FULL, 0, shape=(1, 9)),
            "Weights must be a matrix in the default format whose rows divide the input. "
            "weights [3, 8], input [1, 9]",
        ),
        (
            _with_op(FULL, attrs={"weights_format": "SHUFFLED4x16INT8"}),
            "Weights must be a matrix in the default format whose rows divide the input. "
            "shape [3, 8], format SHUFFLED4x16INT8",
        ),
        (
            _with_tensor(FULL, 2, quant=Quant((0.5,), (0,))),
            "The bias scale must be the input's scale times the weights'. 0.5 instead of 0.0001",
        ),
        (
            _with_tensor(POOL, 1, quant=Quant((0.06,), (3,))),
            "Input and output must have the same scale and zero point. "
            "input 0.05 and 3, output 0.06 and 3",
        ),
        (
            _with_op(POOL, attrs={"kernel_h": 5, "padding": "VALID"}),
            "The window must fit into the padded input. "
            "a window that spans 5 inputs does not fit into 4",
        ),
        (
            _with_tensor(MEAN, 1, data=np.array([1, 7], np.int32)),
            "Axes must be constant, exist, and alternate with kept ones at most twice. "
            "axis 7 of a tensor of 4 dimensions",
        ),
    ],
)
def test_complaint(graph: Graph, complaint: str) -> None:
    assert any(text.startswith(complaint) for text in _complaints(graph)), _complaints(graph)


def test_mean_loops_join_neighbouring_axes() -> None:
    assert loops((1, 4, 5, 6), (1, 2)) == (1, 20, 6, 1, 1)
    assert loops((2, 3, 4, 5), (1, 3)) == (2, 3, 4, 5, 1)
    assert loops((2, 3, 4, 5), (0, 2)) == (1, 2, 3, 4, 5)
    assert loops((7,), ()) == (7, 1, 1, 1, 1)
    assert len(loops((2, 2, 2, 2, 2, 2), (0, 2, 4))) > 5


def test_sums_that_may_leave_32_bits_take_the_plain_kernel() -> None:
    """Such layers were refused; TFLM runs them, and where a sum leaves 32 bits it wraps."""
    graph = _with_tensor(CONV, 2, data=np.full(6, (1 << 31) - 1, np.int32))
    op = graph.ops[0]
    layer = ops.layer_of(op, graph)
    assert layer.numbers.wraps.all()
    offers, rejected = offers_of(op, graph, ("dsp",), layer)
    assert [offer.call.function for offer in offers] == ["tml_conv_2d_s8_wrap"]
    assert offers[0].call.header == "kernels/conv_2d/s8_wrap.h"
    assert rejected
    assert all("sums beyond 32 bits: channel 0 reaches" in reason for _, reason in rejected)
    assert run_passes(graph).tensors[op.inputs[2]].data is not None  # nothing is proved of them
