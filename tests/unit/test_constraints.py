"""What operators that compute refuse, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.values.refused import (
    BOOL,
    FORM,
    X16,
    Refused,
    X,
    assert_refused,
    names,
    numbers,
    row,
)

HALF = {"scale": 0.00390625, "zero_point": -128}

REFUSED: list[Refused] = [
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


@pytest.mark.parametrize(("kind", "broken", "demand", "found"), REFUSED, ids=names(REFUSED))
def test_refused(kind: str, broken: dict[str, Any], demand: str, found: str) -> None:
    assert_refused(kind, broken, demand, found)
