"""What operators refuse, and in which words. Each row breaks one constraint."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.models.cases import row_graph
from tinyml.model.support import unmet
from tinyml.ops import forms_text, spec_of

FORM = "Its types must be those of a form:"  # which are those that the operator has
X = {"shape": [1, 4], "scale": 0.05, "zero_point": 0}
X16 = {**X, "dtype": "int16"}
HALF = {"scale": 0.00390625, "zero_point": -128}
BOOL = {"shape": [1, 4], "dtype": "bool"}
PADDINGS = {"shape": [2, 2], "dtype": "int32", "data": 1}


def row(inputs: list[dict[str, Any]], output: dict[str, Any], **attrs: Any) -> dict[str, Any]:
    # The shape is given: what is refused may have none by the op's rule.
    return {
        "name": "refused",
        "inputs": inputs,
        "output": {"shape": [1, 4], **output},
        "attrs": attrs,
    }


def numbers(*values: int) -> dict[str, Any]:
    return {"shape": [len(values)], "dtype": "int32", "data": list(values)}


REFUSED = [
    (
        "ADD",
        row([X], X),
        "The op must have all its inputs and one output.",
        "1 inputs and 1 outputs",
    ),
    (
        "ADD",
        row([X, {**X, "dtype": "int16"}], X),
        FORM,
        "left int8, right int16, output int8",
    ),
    (
        "ADD",
        row([X, {**X, "scale": [0.1, 0.2], "data": 1}], X),
        "Every quantised input and output must have one positive scale and one zero point in "
        "range.",
        "'x1' has 2 scales",
    ),
    (
        "MUL",
        row([X, {**X, "zero_point": 128}], X),
        "Every quantised input and output must have one positive scale and one zero point in "
        "range.",
        "'x1' has zero point 128",
    ),
    (
        "SUB",
        row([X, {**X, "scale": 0.0}], X),
        "Every quantised input and output must have one positive scale and one zero point in "
        "range.",
        "'x1' has scale 0.0",
    ),
    (
        "ADD",
        row([{**X, "shape": [2, 1, 2, 1, 4]}, {**X, "shape": [1, 2, 1, 2, 1]}], X),
        "Shapes must broadcast, in at most four steps of which each is along neighbouring axes.",
        "[2, 1, 2, 1, 4] and [1, 2, 1, 2, 1] take 5 steps",
    ),
    (
        "ADD",
        row([X, {**X, "shape": [3]}], X),
        "Shapes must broadcast, in at most four steps of which each is along neighbouring axes.",
        "shapes [1, 4] and [3] cannot be combined",
    ),
    (
        "ADD",
        row([X, X], X, activation="TANH"),
        "The fused activation must be NONE, RELU, RELU6 or RELU_N1_TO_1.",
        "TANH",
    ),
    (
        "ADD",
        row([X, X], {"scale": 1e-8}),
        "The output scale must be above 2^-19 of the larger input scale, 2^-14 of int16 values.",
        "scales 0.05, 0.05, 1e-08",
    ),
    (
        "MUL",
        row([X, X], {"scale": 1e-8}),
        "The output scale must be above 2^-15 of the product of the input scales, of int16 2^-1.",
        "scales 0.05, 0.05, 1e-08",
    ),
    (
        "RELU",
        row([X], {"scale": 1e-9}),
        "The output scale must be above 2^-22 of the input scale, 2^-14 of int16 values.",
        "2^-26",
    ),
    (
        "RELU6",
        row([X], {**X, "zero_point": 1}),
        "Input and output must have the same scale and zero point.",
        "input 0.05 and 0, output 0.05 and 1",
    ),
    (
        "RELU6",
        row([{**X, "scale": 1e-10}], {**X, "scale": 1e-10}),
        "The scale must not be so small that 6 overflows.",
        "scale 1e-10 is too small for the fused activation",
    ),
    (
        "MUL",
        row([X16, {**X16, "zero_point": 1}], X16),
        "Every int16 value must have zero point 0.",
        "'x1' has zero point 1",
    ),
    (
        "MUL",
        row([X16, X16], {**X16, "scale": 0.00001}),
        "The output scale must be above 2^-15 of the product of the input scales, of int16 2^-1.",
        "scales 0.05, 0.05, 1e-05",
    ),
    (
        "RELU",
        row([X16], {**X16, "zero_point": -1}),
        "Every int16 value must have zero point 0.",
        "'y' has zero point -1",
    ),
    (
        "TANH",
        row([X16], X16),
        "The output must have a scale of 2^-15, as near as TFLM asks.",
        "0.05",
    ),
    (
        "LOGISTIC",
        row([{**X16, "scale": 2.7}], {**X16, "scale": 2.0**-15}),
        "The input scale must be below 8/3.",
        "2.7",
    ),
    (
        "QUANTIZE",
        row([X16], {"shape": [1, 4], "dtype": "int32"}),
        "Input and output must each have one positive scale and one zero point, int32 too.",
        "tensor 'y' is not quantised",
    ),
    (
        "LOGISTIC",
        row([X], {"scale": 0.00390625, "zero_point": 0}),
        "The output must have the zero point -128; TFLM computes in 1/256, whatever its scale.",
        "0",
    ),
    (
        "LOGISTIC",
        row([{**X, "scale": 1e-9}], HALF),
        "The input scale must be from 2^-28 to below 2^35, where TFLM's shifts are defined.",
        "1e-09",
    ),
    (
        "SOFTMAX",
        row([{**X, "shape": [1, 4096]}], {**HALF, "shape": [1, 4096]}),
        "The last dimension must exist and have at most 4095 elements.",
        "shape [1, 4096]",
    ),
    (
        "SOFTMAX",
        row([X], HALF, beta=-1.0),
        "Input scale times beta must be above 2^-26.",
        "-0.05",
    ),
    (
        "RESHAPE",
        row([X], {"scale": 0.05, "shape": [3]}),
        "Input and output must have the same number of elements.",
        "[1, 4] cannot become [3]",
    ),
    (
        "RESHAPE",
        row([X], {"dtype": "uint8"}),
        FORM,
        "input int8, output uint8",
    ),
    (
        "PAD",
        row([X, {**PADDINGS, "data": -1}], X),
        "Paddings must be a constant int32 pair, not negative, for each dimension of the input.",
        "[[-1, -1], [-1, -1]]",
    ),
    (
        "PAD",
        row([X, {"shape": [2, 2], "dtype": "int32"}], X),
        "Paddings must be a constant int32 pair, not negative, for each dimension of the input.",
        "they are computed at run time",
    ),
    (
        "PAD",
        row([X, {**PADDINGS, "dtype": "int64"}], X),
        FORM,
        "input int8, paddings int64, output int8",
    ),
    (
        "PADV2",
        row([X, PADDINGS, {"shape": [], "scale": 0.05}], X),
        "The value to pad with must be one constant, of int8 quantised as the output.",
        "'x2' is computed int8[]",
    ),
    (
        "PADV2",
        row([X, PADDINGS, {"shape": [], "scale": 0.06, "data": 3}], X),
        "The value to pad with must be one constant, of int8 quantised as the output.",
        "'x2' has 0.06 and 0",
    ),
    (
        "CONCATENATION",
        row([X, {**X, "zero_point": 1}], X, axis=1),
        "All inputs must have the output's scale and zero point.",
        "'x1' has 0.05 and 1",
    ),
    (
        "CONCATENATION",
        row([X, {**X, "shape": [2, 4]}], X, axis=1),
        "The inputs must have equal shapes but for the axis along which they are put together.",
        "shapes [[1, 4], [2, 4]] do not fit along axis 1",
    ),
    (
        "CONCATENATION",
        row([X, X], X, axis=2),
        "The inputs must have equal shapes but for the axis along which they are put together.",
        "there is no axis 2 in 2 dimensions",
    ),
    (
        "CONCATENATION",
        row([X, X], X, axis=1, fused="RELU"),
        "There must be no fused activation.",
        "RELU",
    ),
    (
        "CONCATENATION",
        row([X] * 11, X),
        "The op must have all its inputs and one output.",
        "11 inputs and 1 outputs",
    ),
    (
        "SLICE",
        row([X, numbers(0, 1), numbers(1, 4)], X),
        "Which part to take must be constant, inside of the input and not empty.",
        "4 from 1 on, of 4 in dimension 1",
    ),
    (
        "SLICE",
        row([X, {"shape": [2], "dtype": "int32"}, numbers(1, 4)], X),
        "Which part to take must be constant, inside of the input and not empty.",
        "beginnings are computed at run time",
    ),
    (
        "SLICE",
        row([{**X, "dtype": "uint32"}, numbers(0, 1), numbers(1, 3)], {**X, "dtype": "uint32"}),
        FORM,
        "input uint32, begin int32, size int32, output uint32",
    ),
    (
        "STRIDED_SLICE",
        row([X, numbers(0, 3), numbers(1, 2), numbers(1, 1)], X),
        "Which part to take must be constant, inside of the input and not empty.",
        "nothing from 3 to 2 of 4 in dimension 1",
    ),
    (
        "STRIDED_SLICE",
        row([X, numbers(0, 3), numbers(1, 2), numbers(1, -1)], X, shrink_axis_mask=2),
        "Which part to take must be constant, inside of the input and not empty.",
        "steps of -1 in dimension 1",
    ),
    (
        "STRIDED_SLICE",
        row([X, numbers(0, 0), numbers(1, 2), numbers(1, 1)], X, ellipsis_mask=1, offset=True),
        "There must be no ellipsis, no new dimension and no ends relative to the beginnings.",
        "an ellipsis and relative ends",
    ),
    (
        "STRIDED_SLICE",
        row([{**X, "shape": [1, 1, 1, 1, 4]}, *[numbers(0, 0, 0, 0, 0)] * 3], X),
        "The input must have at most 4 dimensions.",
        "shape [1, 1, 1, 1, 4]",
    ),
    (
        "SPLIT",
        row([numbers(1), X], X, splits=3),
        "The op must have all its inputs and as many outputs as its options say.",
        "2 inputs and 1 outputs",
    ),
    (
        "SPLIT",
        row([numbers(2), X], X, splits=1),
        "Axis and sizes must be constant, and the sizes must add up to that of the input.",
        "there is no axis 2 in 2 dimensions",
    ),
    (
        "SPLIT_V",
        row([X, numbers(3), numbers(1)], X, splits=1),
        "Axis and sizes must be constant, and the sizes must add up to that of the input.",
        "4 in 1 parts of [3]",
    ),
    (
        "UNPACK",
        row([X], X, splits=1, axis=1),
        "Axis and sizes must be constant, and the sizes must add up to that of the input.",
        "4 in 1 parts of 1",
    ),
    (
        "PACK",
        row([X, {**X, "shape": [1, 3]}], X, count=2),
        "The inputs must have the same shape and be as many as the options say.",
        "shapes [1, 3] and [1, 4] differ",
    ),
    (
        "PACK",
        row([X, X], X, count=3),
        "The inputs must have the same shape and be as many as the options say.",
        "2 inputs, 3 in the options",
    ),
    (
        "TRANSPOSE",
        row([X, numbers(1, 1)], X),
        "The order must be constant and name each dimension once.",
        "[1, 1] for 2 dimensions",
    ),
    (
        "TRANSPOSE",
        row([{**X, "dtype": "int32"}, numbers(1, 0)], {**X, "dtype": "int32"}),
        FORM,
        "input int32, order int32, output int32",
    ),
    (
        "BATCH_MATMUL",
        row([X, X], X),
        "The operands must be matrices, 2 to 5 dimensions, that can be multiplied.",
        "[1, 4] times [1, 4]",
    ),
    (
        "BATCH_MATMUL",
        row([X, X], {**X, "scale": 1e-6}, adj_y=True),
        "The output scale must be above 2^-8 of the product of the input scales.",
        "2^-12",
    ),
    (
        "GATHER",
        row([X, {"shape": [2], "dtype": "int16"}], X),
        FORM,
        "input int8, numbers int16, output int8",
    ),
    (
        "GATHER",
        row([X, numbers(0)], X, axis=2),
        "The axis must exist, behind the dimensions that data and numbers share.",
        "there is no axis 2 in 2 dimensions",
    ),
    (
        "GATHER",
        row([X, numbers(0, 0)], X, axis=1, batch_dims=1),
        "The axis must exist, behind the dimensions that data and numbers share.",
        "1 shared of [1, 4] and [2]",
    ),
    (
        "EQUAL",
        row([X, {**X, "scale": 1.0}], BOOL),
        "The scales of both inputs must be below 1.",
        "'x1' has 1",
    ),
    (
        "LESS",
        row([X, {**X, "scale": None}], BOOL),
        "Every quantised input and output must have one positive scale and one zero point in "
        "range.",
        "'x1' has 0 scales",
    ),
    (
        "MAXIMUM",
        row([X, {**X, "shape": [3]}], X),
        "Shapes must broadcast, in at most four steps of which each is along neighbouring axes.",
        "shapes [1, 4] and [3] cannot be combined",
    ),
    (
        "LOGICAL_AND",
        row([X, X], X),
        FORM,
        "left int8, right int8, output int8",
    ),
    (
        "SELECT_V2",
        row([BOOL, {**X, "shape": [2, 1, 2, 1, 1, 1]}, X], X),
        "Shapes must broadcast to at most five dimensions.",
        "6 dimensions",
    ),
    (
        "SELECT_V2",
        row([BOOL, {**X, "shape": [3]}, X], X),
        "Shapes must broadcast to at most five dimensions.",
        "shapes [1, 4] and [3] and [1, 4] cannot be combined",
    ),
    (
        "ARG_MAX",
        row([X, numbers(2)], {"dtype": "int32"}),
        "The axis must be constant and exist.",
        "there is no axis 2 in 2 dimensions",
    ),
    (
        "ARG_MIN",
        row([X, {"shape": [1], "dtype": "int32"}], {"dtype": "int32"}),
        "The axis must be constant and exist.",
        "the axis is computed at run time",
    ),
    (
        "TILE",
        row([X, numbers(1)], X),
        "Repetitions must be a constant positive number for each dimension.",
        "[1] for 2 dimensions",
    ),
    (
        "BROADCAST_TO",
        row([X, numbers(2, 3)], X),
        "The new shape must be constant, of at most 5 dimensions, and what the input broadcasts "
        "to.",
        "[1, 4] to [2, 3]",
    ),
    (
        "FILL",
        row([numbers(1, 4), {**X, "shape": [1]}], X),
        "The shape must be constant, and the value a scalar without dimensions.",
        "a value of shape [1]",
    ),
    (
        "BROADCAST_ARGS",
        row([numbers(2), numbers(4, 3)], {"dtype": "int32"}),
        "The shapes must be vectors, and broadcast where they are known.",
        "[2] and [4, 3]",
    ),
    (
        "SPACE_TO_DEPTH",
        row([{**X, "shape": [1, 3, 4, 1]}], {**X, "shape": [1, 1, 1, 4]}, block=2),
        "Blocks must divide rows and columns, or their pixels the channels.",
        "blocks of 2 in 3 x 4",
    ),
    (
        "DEPTH_TO_SPACE",
        row([{**X, "shape": [1, 3, 4, 6]}], {**X, "shape": [1, 1, 1, 4]}, block=2),
        "Blocks must divide rows and columns, or their pixels the channels.",
        "blocks of 2 in 6 channels",
    ),
    (
        "SPACE_TO_BATCH_ND",
        row([{**X, "shape": [1, 3, 4, 6]}, numbers(2, 2), PADDINGS], X),
        "Blocks and borders must be constant, and fit an input of 3 or 4 dimensions.",
        "blocks of [2, 2] in [5, 6]",
    ),
    (
        "BATCH_TO_SPACE_ND",
        row([X, numbers(2, 2), PADDINGS], X),
        "Blocks and borders must be constant, and fit an input of 3 or 4 dimensions.",
        "shape [1, 4]",
    ),
    (
        "MIRROR_PAD",
        row([X, PADDINGS], X),
        "Borders must be constant, and no larger than what they mirror.",
        "[[1, 1], [1, 1]] for an input [1, 4]",
    ),
    (
        "GATHER_ND",
        row([X, numbers(0, 0, 0)], X),
        "There must be at most 5 numbers per place, and no more than the input has dimensions.",
        "numbers of shape [3] into [1, 4]",
    ),
    (
        "DYNAMIC_UPDATE_SLICE",
        row([X, {**X, "shape": [2, 4]}, numbers(0, 0)], X),
        "The block must fit into the input, of at most 6 dimensions, with one start for each.",
        "a block [2, 4] for [1, 4], starts [2]",
    ),
    (
        "EMBEDDING_LOOKUP",
        row([numbers(0), {**X, "zero_point": 1}], {"dtype": "float32"}),
        "The table's zero point must be 0.",
        "1",
    ),
    (
        "EMBEDDING_LOOKUP",
        row([numbers(0), {**X, "shape": [4]}], X),
        "The table must have two dimensions or more, the numbers one.",
        "numbers [1], table [4]",
    ),
    (
        "ADD_N",
        row([X, {**X, "scale": 0.06}], X),
        "All inputs must have the same shape, scale and zero point.",
        "'x1' has 0.06 and 0",
    ),
    (
        "ADD_N",
        row([X, X], {"scale": 1e-8}),
        "The output scale must be above 2^-19 of the input scale.",
        "1e-08 for 0.05",
    ),
    (
        "DIV",
        row([X, X], {"scale": 0.05}),
        "The scale of the quotient must be some steps of the output's, as TFLM's shifts end at 31.",
        "2^5, not 2^7 to 2^23",
    ),
    (
        "CUMSUM",
        row([X, {"shape": [1], "dtype": "int32"}], X),
        "The axis must be constant and exist.",
        "the axis is computed at run time",
    ),
    (
        "L2_NORMALIZATION",
        row([X], {"scale": 0.0078125}, fused="RELU"),
        "There must be no fused activation.",
        "RELU",
    ),
    (
        "L2_NORMALIZATION",
        row([{**X, "shape": [1, 1, 1, 1, 4]}], {"scale": 0.0078125}),
        "The input must have 1 to 4 dimensions, the last one of at most 32768 elements.",
        "shape [1, 1, 1, 1, 4]",
    ),
    (
        "REVERSE_V2",
        row([{**X, "shape": [1, 2, 2]}, numbers(0, 2)], X),
        "The dimensions must be constant and follow one another.",
        "[0, 2]",
    ),
    (
        "SQUEEZE",
        row([X], X, axes=[1]),
        "The dimensions that disappear must exist and be of size 1.",
        "dimension 1 of [1, 4] is not of size 1",
    ),
    (
        "EXPAND_DIMS",
        row([X, numbers(3)], X),
        "The new dimension's place must be constant and exist.",
        "there is no axis 3 in 3 dimensions",
    ),
    (
        "QUANTIZE",
        row([{"shape": [1, 4], "dtype": "float32"}], {"scale": 0.1, "dtype": "uint8"}),
        FORM,
        "input float32, output uint8",
    ),
    (
        "QUANTIZE",
        row([X], {"scale": 1e-9}),
        "The output scale must be above 2^-14 of the input scale, 2^-30 for 16 or 32 bits.",
        "2^-26",
    ),
    (
        "DEQUANTIZE",
        row([{**X, "dtype": "int32"}], {"dtype": "float32"}),
        FORM,
        "input int32, output float32",
    ),
]


@pytest.mark.parametrize(
    ("kind", "broken", "demand", "found"),
    REFUSED,
    ids=[f"{kind}-{number}" for number, (kind, *_) in enumerate(REFUSED)],
)
def test_refused(kind: str, broken: dict[str, Any], demand: str, found: str) -> None:
    graph, _ = row_graph(kind, broken, "refused")
    said, what = next(unmet(graph.ops[0], graph))
    if demand == FORM:
        demand = f"{FORM} {forms_text(spec_of(kind))}."
        said = said.split(" The nearest is ")[0]  # tests/unit/test_forms.py reads that
    assert (said, what) == (demand, found)
