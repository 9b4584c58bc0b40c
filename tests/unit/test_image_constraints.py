"""What resizes, transposed convolutions and leaky activations refuse, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.models.cases import row_graph
from tests.support.values.refused import numbers
from tinyml.model.support import unmet

IMAGE = {"shape": [1, 4, 6, 2], "scale": 0.05, "zero_point": 0}
WEIGHTS = {"shape": [3, 2, 2, 2], "scale": 0.01, "data": "random"}
FITS = "The output's shape must be constant and have the input's batches and the filters' number."
REGULAR = "Rows and columns must be repeated a whole number of times, or left out in equal steps."
INSIDE = "Every output must lie between two inputs."
SENSE = "The size must be constant, and centres and corners not both be aligned."


REFUSED: list[tuple[str, list[dict[str, Any]], dict[str, Any], str, str]] = [
    ("RESIZE_NEAREST_NEIGHBOR", [IMAGE, numbers(6, 6)], {}, REGULAR, "[4, 6] to [6, 6]"),
    ("RESIZE_NEAREST_NEIGHBOR", [IMAGE, numbers(8)], {}, REGULAR, "[8] is no height and width"),
    (
        "RESIZE_NEAREST_NEIGHBOR",
        [IMAGE, numbers(4, 1 << 30)],
        {},
        REGULAR,
        "[4, 1073741824] is no height and width",
    ),
    (
        "RESIZE_NEAREST_NEIGHBOR",
        [IMAGE, {"shape": [2], "dtype": "int32"}],
        {},
        REGULAR,
        "sizes are computed at run time",
    ),
    ("RESIZE_BILINEAR", [IMAGE, numbers(0, 6)], {}, SENSE, "[0, 6] is no height and width"),
    (
        "RESIZE_BILINEAR",
        [{**IMAGE, "shape": [1, 1, 4, 2]}, numbers(2047, 4)],
        {},
        INSIDE,
        "[1, 4] to [2047, 4]",
    ),
    (
        "RESIZE_BILINEAR",
        [IMAGE, numbers(8, 12)],
        {"align_corners": True, "half_pixel_centers": True},
        SENSE,
        "both",
    ),
    (
        "TRANSPOSE_CONV",
        [{"shape": [4], "dtype": "int32"}, WEIGHTS, IMAGE],
        {},
        FITS,
        "the shape of the output is computed at run time",
    ),
    (
        "TRANSPOSE_CONV",
        [numbers(1, 8, 12, 4), WEIGHTS, IMAGE],
        {"stride_h": 2, "stride_w": 2},
        FITS,
        "output [1, 8, 12, 4] of input [1, 4, 6, 2]",
    ),
    (
        "TRANSPOSE_CONV",
        [numbers(1, 8, 12, 3), {**WEIGHTS, "shape": [3, 2, 2, 5]}, IMAGE],
        {"stride_h": 2, "stride_w": 2},
        FITS,
        "filters of depth 5 for 2 channels",
    ),
    ("TRANSPOSE_CONV", [numbers(1, 4, 6, 3), WEIGHTS, IMAGE], {"stride_h": 0}, FITS, "stride 0"),
    (
        "TRANSPOSE_CONV",
        [numbers(1, 4, 6, 3), {**WEIGHTS, "zero_point": 3}, IMAGE],
        {},
        "Weights must have zero point 0.",
        "'x1' has zero point 3",
    ),
    (
        "PRELU",
        [IMAGE, {"shape": [5], "scale": 0.01, "data": "random"}],
        {},
        "Slopes must broadcast to the input, of at most four dimensions.",
        "slopes [5], input [1, 4, 6, 2]",
    ),
    (
        "LEAKY_RELU",
        [IMAGE],
        {"alpha": float("inf")},
        "The slope must be finite, the factor below zero under 2^22, of int16 values under 2^14.",
        "inf",
    ),
    (
        "REDUCE_MAX",
        [{**IMAGE, "scale": 0.1}, numbers(1, 2)],
        {},
        "Input and output must have the same scale and zero point.",
        "input 0.1 and 0, output 0.05 and 0",
    ),
]


@pytest.mark.parametrize(("kind", "inputs", "attrs", "constraint", "found"), REFUSED)
def test_refused(
    kind: str, inputs: list[dict[str, Any]], attrs: dict[str, Any], constraint: str, found: str
) -> None:
    row = {"name": "refused", "inputs": inputs, "output": IMAGE, "attrs": attrs}
    graph, _ = row_graph(kind, row, "refused")
    assert dict(unmet(graph.ops[0], graph)) == {constraint: found}
