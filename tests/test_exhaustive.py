"""References of small domains against TFLM on every value or pair of values, for several scales."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.models.cases import FOLDER, Case, load_case
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml.ir.graph import Quant

pytestmark = needs_tflm

BYTES = np.arange(-128, 128)
MAPS = ("LOGISTIC", "TANH", "RELU", "RELU6", "QUANTIZE", "LEAKY_RELU", "ELU")
SCALES = tuple(float(np.float32(s)) for s in (2.0**-9, 0.0117, 0.0392156, 2.0**-4, 0.31, 1.7))


def reshaped(case: Case, shapes: list[tuple[int, ...]], quants: list[Quant]) -> Case:
    """A one-op case with other shapes and quantisations of its tensors, in their order."""
    tensors = tuple(
        replace(tensor, shape=shape, quant=quant, data=None)
        for tensor, shape, quant in zip(case.graph.tensors, shapes, quants, strict=True)
    )
    return replace(case, graph=replace(case.graph, tensors=tensors))


def compare(case: Case, *values: np.ndarray) -> None:
    vectors = [tuple(value.astype(np.int8) for value in values)]
    expected = run_reference(case.graph, vectors)
    assert_equal(case.graph, expected, run_in_tflm(case.graph, vectors))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kind", MAPS)
def test_all_values(kind: str, scale: float) -> None:
    base = {
        "QUANTIZE": "int8_rescaled",
        "RELU": "rescaled_all_values",
        "LEAKY_RELU": "rescaled_all_values",
    }.get(kind, "odd")
    case = load_case(FOLDER / f"{kind.lower()}.toml", base)
    for zero_point in (-128, -31, 0, 127):
        given = Quant((scale,), (zero_point,))
        made = {
            "LOGISTIC": Quant((1 / 256,), (-128,)),
            "TANH": Quant((1 / 128,), (0,)),
            "RELU6": given,
        }.get(kind, Quant((float(np.float32(scale * 0.77)),), (-zero_point - 1,)))
        compare(reshaped(case, [(256,)] * 2, [given, made]), BYTES)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL"])
def test_all_pairs(kind: str, scale: float) -> None:
    """All 65,536 pairs, by broadcasting a row with a column."""
    case = load_case(FOLDER / f"{kind.lower()}.toml", "per_pixel")
    for second, zero_points in ((0.05, (-128, 127, 0)), (scale, (3, -77, -128))):
        around = scale * second * 70 if kind == "MUL" else max(scale, second) * 1.3
        scales = (scale, float(np.float32(second)), float(np.float32(around)))
        quants = [Quant((s,), (z,)) for s, z in zip(scales, zero_points, strict=True)]
        shaped = reshaped(case, [(1, 256), (256, 1), (256, 256)], quants)
        compare(shaped, BYTES.reshape(1, 256), BYTES.reshape(256, 1))


@pytest.mark.parametrize("scale", SCALES)
def test_softmax_of_all_pairs(scale: float) -> None:
    case = load_case(FOLDER / "softmax.toml", "two_classes")
    shape = (256 * 256, 2)
    quants = [Quant((scale,), (0,)), Quant((1 / 256,), (-128,))]
    pairs = np.stack(np.meshgrid(BYTES, BYTES), axis=-1).reshape(shape)
    compare(reshaped(case, [shape] * 2, quants), pairs)
