"""Operators that only move elements, of others that have kernels: exactly the same results."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.nets.float_graphs import FloatBuilder
from tests.unit.test_convert_fixups import kinds, same
from tinyml.convert import flatfile
from tinyml.convert.fixups import prepare
from tinyml.convert.fixups.transposes import merge_axes
from tinyml.convert.quantize import quantize
from tinyml.convert.tables import options_of
from tinyml.convert.values import QuantizeSettings
from tinyml.ir.dtype import BOOL, FLOAT32
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.reader import load


def _moved(graph: Graph) -> list[str]:
    """The operators after all fix-ups: equal in floats, and a model that the compiler takes."""
    after = prepare(graph)[0]
    same(graph, after)
    rng = np.random.default_rng(1)
    samples = [
        [rng.normal(size=graph.tensors[i].shape).astype(np.float32) for i in graph.inputs]
        for _ in range(3)
    ]
    made = quantize(flatfile.write(graph), samples, QuantizeSettings()).data
    load(model_file("m.tflite", made))
    return kinds(after)


@pytest.mark.parametrize("block", [2, 3])
@pytest.mark.parametrize("kind", ["DEPTH_TO_SPACE", "SPACE_TO_DEPTH"])
def test_blocks_of_depth_are_a_transposition(kind: str, block: int) -> None:
    """They were converted, and the compiler refused them."""
    b = FloatBuilder()
    deep, wide = (1, 4, 5, 3 * block**2), (1, 4 * block, 5 * block, 3)
    given, wanted = (deep, wide) if kind == "DEPTH_TO_SPACE" else (wide, deep)
    x = b.value("x", given)
    y = b.op(kind, (x,), b.value("y", wanted), options_of(kind, BlockSize=block))
    assert _moved(b.graph((x,), (y,))) == ["RESHAPE", "TRANSPOSE", "RESHAPE"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((1, 1, 1, 3), (1, 4, 6, 3)),
        ((1, 5, 1), (1, 5, 64)),
        ((4, 1), (1, 4, 7)),
        ((1, 1), (1, 3, 5, 12)),
    ],
)
def test_broadcasts_are_repetitions(given: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    b = FloatBuilder()
    x = b.value("x", given)
    shape = b.constant("shape", list(wanted))
    y = b.op(
        "BROADCAST_TO", (x, shape), b.value("y", wanted), options_of("BROADCAST_TO"), version=2
    )
    assert set(_moved(b.graph((x,), (y,)))) <= {"RESHAPE", "RESIZE_NEAREST_NEIGHBOR"}


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize(
    "pads", [[[0, 0], [1, 1], [2, 1], [0, 0]], [[0, 0], [0, 3], [2, 0], [0, 1]]]
)
def test_mirrored_borders_are_slices(mode: int, pads: list[list[int]]) -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4, 5, 3))
    shape = tuple(n + sum(p) for n, p in zip((1, 4, 5, 3), pads, strict=True))
    held = options_of("MIRROR_PAD", Mode=mode)
    y = b.op("MIRROR_PAD", (x, b.constant("pads", pads)), b.value("y", shape), held)
    assert set(_moved(b.graph((x,), (y,)))) == {"SLICE", "REVERSE_V2", "CONCATENATION"}


@pytest.mark.parametrize(
    "how", [{}, {"AlignCorners": True}, {"HalfPixelCenters": True}], ids=lambda how: str(list(how))
)
@pytest.mark.parametrize("size", [(9, 13), (7, 15), (5, 12)])
def test_uneven_resizes_are_numbers_of_rows(how: dict[str, bool], size: tuple[int, int]) -> None:
    """Upsampling by a factor that is not whole was refused."""
    b = FloatBuilder()
    x = b.value("x", (1, 7, 10, 3))
    held = options_of("RESIZE_NEAREST_NEIGHBOR", **how)
    y = b.value("y", (1, *size, 3))
    b.op("RESIZE_NEAREST_NEIGHBOR", (x, b.constant("size", list(size))), y, held)
    assert set(_moved(b.graph((x,), (y,)))) <= {"GATHER"}


def test_a_choice_by_elements_is_one_that_has_kernels() -> None:
    """SELU and thresholds of Keras and PyTorch were refused: their SELECT has no kernel."""
    b = FloatBuilder()
    x, w = (b.value(name, (1, 4, 3)) for name in "xw")
    above = b.value("above", (1, 4, 3), BOOL)
    b.op("GREATER", (x, w), above, options_of("GREATER"))
    y = b.op("SELECT", (above, x, w), b.value("y", (1, 4, 3)), options_of("SELECT"))
    graph = prepare(b.graph((x, w), (y,)))[0]
    same(b.graph((x, w), (y,)), graph)
    assert kinds(graph) == ["GREATER", "SELECT_V2"]


def test_even_resizes_stay() -> None:
    b = FloatBuilder()
    x = b.value("x", (1, 4, 6, 3))
    y = b.value("y", (1, 8, 3, 3))
    held = options_of("RESIZE_NEAREST_NEIGHBOR")
    b.op("RESIZE_NEAREST_NEIGHBOR", (x, b.constant("size", [8, 3])), y, held)
    assert _moved(b.graph((x,), (y,))) == ["RESIZE_NEAREST_NEIGHBOR"]


@pytest.mark.parametrize(
    ("pads", "expected"),
    [
        ([[0, 0], [0, 1], [0, 1], [0, 0]], ["MAX_POOL_2D"]),
        (
            [[0, 0], [1, 1], [1, 1], [0, 0]],
            [*["SLICE", "SLICE", "CONCATENATION"] * 2, "MAX_POOL_2D"],
        ),
        ([[0, 0], [1, 0], [0, 0], [0, 0]], ["SLICE", "CONCATENATION", "MAX_POOL_2D"]),
    ],
)
def test_a_border_of_minus_infinity_does_not_count(
    pads: list[list[int]], expected: list[str]
) -> None:
    """Padded maxima of PyTorch's archives ended in "becomes infinite or not a number"."""
    b = FloatBuilder()
    x = b.value("x", (1, 8, 6, 2))
    shape = tuple(n + sum(p) for n, p in zip((1, 8, 6, 2), pads, strict=True))
    lowest = b.constant("lowest", np.float32(-np.inf))
    padded = b.value("padded", shape)
    b.op("PADV2", (x, b.constant("pads", pads), lowest), padded, options_of("PADV2"))
    held = {"Padding": 1, "FilterHeight": 3, "FilterWidth": 3, "StrideH": 2, "StrideW": 2}
    y = b.value("y", (1, (shape[1] - 1) // 2, (shape[2] - 1) // 2, 2))
    b.op("MAX_POOL_2D", (padded,), y, options_of("MAX_POOL_2D", **held))
    assert _moved(b.graph((x,), (y,))) == expected


def test_operands_that_are_transposed_alike_are_transposed_once() -> None:
    """ELU of PyTorch's archives was refused: its decisions were transposed, as no kernel does."""
    b = FloatBuilder()
    x, w = (b.value(name, (1, 4, 3)) for name in "xw")
    above = b.value("above", (1, 4, 3), BOOL)
    b.op("GREATER", (x, w), above, options_of("GREATER"))
    order = b.constant("order", [0, 2, 1])
    turned = [
        b.value(f"t{k}", (1, 3, 4), dtype) for k, dtype in enumerate((BOOL, FLOAT32, FLOAT32))
    ]
    for value, result in zip((above, x, w), turned, strict=True):
        b.op("TRANSPOSE", (value, order), result)
    chosen = b.value("chosen", (1, 3, 4))
    b.op("SELECT_V2", tuple(turned), chosen, options_of("SELECT_V2"))
    flat = b.value("flat", (1, 3, 1, 4))
    b.op("RESHAPE", (chosen, b.constant("shape", [1, 3, 1, 4])), flat, options_of("RESHAPE"))
    y = b.value("y", (1, 1, 4, 3))
    b.op("TRANSPOSE", (flat, b.constant("back", [0, 2, 3, 1])), y)
    assert _moved(b.graph((x, w), (y,))) == ["GREATER", "SELECT_V2", "RESHAPE"]


def test_slices_of_five_axes_are_of_fewer() -> None:
    """TimeDistributed of Keras was converted, and only TensorFlow Lite Micro was left to run it."""
    b = FloatBuilder()
    x = b.value("x", (1, 3, 5, 4, 2))
    bounds = [
        b.constant(name, held)
        for name, held in (("begin", [0, 1, 0, 0, 0]), ("end", [0, 2, 0, 0, 0]), ("step", [1] * 5))
    ]
    held = options_of("STRIDED_SLICE", BeginMask=29, EndMask=29, ShrinkAxisMask=2)
    y = b.value("y", (1, 5, 4, 2))
    b.op("STRIDED_SLICE", (x, *bounds), y, held)
    assert _moved(b.graph((x,), (y,))) == ["RESHAPE", "STRIDED_SLICE", "RESHAPE"]


@pytest.mark.parametrize(
    ("shape", "order", "rank"),
    [((1, 8, 2, 6, 2, 6), (0, 1, 2, 4, 3, 5), 4), ((2, 3, 1, 2, 2, 3), (3, 4, 0, 1, 5, 2), 3)],
)
def test_a_transposition_of_six_axes(
    shape: tuple[int, ...], order: tuple[int, ...], rank: int
) -> None:
    """Patches of an image (torch's unfold) were left to TensorFlow Lite Micro, which stops."""
    b = FloatBuilder()
    x = b.value("x", shape)
    y = b.value("y", tuple(shape[k] for k in order))
    b.op("TRANSPOSE", (x, b.constant("order", np.array(order, np.int32))), y)
    graph = b.graph((x,), (y,))
    after = merge_axes(graph)
    assert [op.kind for op in after.ops] == ["RESHAPE", "TRANSPOSE", "RESHAPE"]
    assert len(after.tensors[after.ops[1].outputs[0]].shape) == rank
    same(graph, after)


def test_a_value_twelve_times() -> None:
    """More copies than a concatenation takes were taken for a resize: KeyError: 'AlignCorners'."""
    b = FloatBuilder()
    x = b.value("x", (1, 2, 3))
    times = b.constant("times", np.array([1, 12, 1], np.int32))
    y = b.op("TILE", (x, times), b.value("y", (1, 24, 3)))
    graph = b.graph((x,), (y,))
    after, _ = prepare(graph)
    assert set(kinds(after)) == {"CONCATENATION"}
    assert max(len(op.inputs) for op in after.ops) <= 10
    same(graph, after)
