"""What operators that move values refuse, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.values.refused import (
    FORM,
    Refused,
    X,
    assert_refused,
    names,
    numbers,
    row,
)

PADDINGS = {"shape": [2, 2], "dtype": "int32", "data": 1}

REFUSED: list[Refused] = [
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
]


@pytest.mark.parametrize(("kind", "broken", "demand", "found"), REFUSED, ids=names(REFUSED))
def test_refused(kind: str, broken: dict[str, Any], demand: str, found: str) -> None:
    assert_refused(kind, broken, demand, found)
