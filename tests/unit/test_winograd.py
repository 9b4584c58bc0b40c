"""Transformed filters give whole multiples of the sums, for any weights; where they are offered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.support.models.lowered import lowered
from tests.support.models.random_parts import activations, one_op, output
from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.graph import Array, Graph, Quant, Tensor
from tinyml.ir.kernel import KernelCall
from tinyml.ops import spec_of
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.variants.dsp_conv_2d import convolution
from tinyml.variants.dsp_streams import LINEAR, Form
from tinyml.variants.dsp_winograd import winograd, winograd_stream
from tinyml.variants.dsp_winograd_row import row_stream, winograd_row

_BT = np.array(((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)), np.int64)
_AT = np.array(((1, 1, 1, 0), (0, 1, -1, 1)), np.int64)
_RUNS = (1, 2, 0, 3)  # p of each run, in the order of the stream
_CHANNELS = 8


def _weights() -> Iterator[Array]:
    rng = np.random.default_rng(7)
    shape = (4, 3, 3, _CHANNELS)
    for least, most in ((-128, -128), (127, 127), (-128, 127)):
        yield rng.integers(least, most + 1, shape)
    yield np.where(rng.random(shape) < 0.5, -128, 127)


@pytest.mark.parametrize("weights", list(_weights()), ids=["least", "most", "random", "extreme"])
@pytest.mark.parametrize("extreme", [False, True])
def test_runs_along_rows_give_twice_the_sums(weights: Array, extreme: bool) -> None:
    data = _inputs((3, 4, _CHANNELS), extreme)
    runs = _runs_of(row_stream(_form(weights), _CHANNELS).data, 4).reshape(4, 4, 3, _CHANNELS)
    transformed = np.einsum("qx,yxc->qyc", _BT, data)
    _fits_int16(transformed, runs)
    made = np.einsum(
        "ap,fp->fa", _AT[:, _RUNS], np.einsum("fpyc,pyc->fp", runs, _sorted(transformed))
    )
    wanted = [np.einsum("fyxc,yxc->f", weights, data[:, x : x + 3]) for x in (0, 1)]
    np.testing.assert_array_equal(made, 2 * np.stack(wanted, axis=1))


@pytest.mark.parametrize("weights", list(_weights()), ids=["least", "most", "random", "extreme"])
@pytest.mark.parametrize("extreme", [False, True])
def test_runs_of_squares_give_four_times_the_sums(weights: Array, extreme: bool) -> None:
    data = _inputs((4, 4, _CHANNELS), extreme)
    stream = winograd_stream(_form(weights), _CHANNELS).data
    runs = _runs_of(stream, 16).reshape(4, 4, 4, _CHANNELS)
    transformed = np.einsum("qy,px,yxc->qpc", _BT, _BT, data)
    _fits_int16(transformed, runs)
    sums = np.einsum("fqpc,qpc->fqp", runs, transformed[_RUNS, :][:, _RUNS])
    made = np.einsum("bq,ap,fqp->fba", _AT[:, _RUNS], _AT[:, _RUNS], sums)
    for y, x in np.ndindex(2, 2):
        wanted = np.einsum("fyxc,yxc->f", weights, data[y : y + 3, x : x + 3])
        np.testing.assert_array_equal(made[:, y, x], 4 * wanted)


@pytest.mark.parametrize(
    ("given", "filters", "attrs", "reason"),
    [
        ((5, 1, 8), 4, {}, "the output has a single column"),
        ((5, 5, 6), 4, {}, "channels are no multiple of 4"),
        ((5, 5, 8), 3, {}, "filters are odd in number"),
        ((5, 5, 8), 4, {"stride_w": 2}, "stride and dilation 1"),
        ((9, 9, 8), 4, {"dilation_h": 2}, "stride and dilation 1"),
    ],
)
def test_why_not_along_rows(
    given: tuple[int, ...], filters: int, attrs: dict[str, int], reason: str
) -> None:
    graph = _layer(given, filters, attrs)
    said = lowered(winograd_row, graph.ops[0], graph)
    assert isinstance(said, str)
    assert reason in said


def test_each_has_its_layers() -> None:
    """Squares where rows and columns are even in number, rows where they are odd."""
    for given, best in (((8, 8, 16), "winograd_3x3"), ((7, 7, 16), "winograd_row")):
        graph = _layer(given, 32, {})
        offers = [
            lowered(lower, graph.ops[0], graph) for lower in (convolution, winograd, winograd_row)
        ]
        calls = [item for item in offers if isinstance(item, KernelCall)]
        fastest = min(calls, key=lambda call: call.cost.instructions)
        assert fastest.function == f"tml_dsp_{best}_s8"


def _inputs(shape: tuple[int, ...], extreme: bool) -> Array:
    rng = np.random.default_rng(3)
    if extreme:
        return np.where(rng.random(shape) < 0.5, -128, 127)
    return rng.integers(-128, 128, shape)


def _form(weights: Array) -> Form:
    count = len(weights)
    flat = weights.reshape(count, -1).astype(np.int64)
    return Form(LINEAR, 5, flat, np.zeros(count, np.int64), np.zeros((count, 2), np.int64))


def _runs_of(stream: Array, count: int) -> Array:
    """The transformed filters in a stream, [filters, runs, products], channels in their order."""
    pairs = stream.reshape(2, -1)[:, 8:].reshape(2, count, -1, 2)
    halves = np.stack((pairs << 16 >> 16, pairs >> 16), axis=-1).astype(np.int64)
    swapped = halves.transpose(0, 3, 1, 2, 4).reshape(4, count, -1, 4)
    return np.asarray(swapped[..., (0, 2, 1, 3)]).reshape(4, count, -1)


def _sorted(transformed: Array) -> Array:
    return np.asarray(transformed[list(_RUNS)])


def _fits_int16(*arrays: Array) -> None:
    assert all(np.abs(item).max() < 1 << 15 for item in arrays)


def _layer(given: tuple[int, ...], filters: int, attrs: dict[str, int]) -> Graph:
    rng = np.random.default_rng(1)
    weights = rng.integers(-127, 128, (filters, 3, 3, given[2])).astype(np.int8)
    bias = rng.integers(-3000, 3000, (filters,), np.int32)
    for data in (weights, bias):
        data.flags.writeable = False
    scale, per = (0.01,) * filters, (0,) * filters
    operands = (
        activations("x", (1, *given), rng),
        Tensor("w", INT8, weights.shape, Quant(scale, per, 0), weights),
        Tensor("b", INT32, (filters,), Quant((0.0002,) * filters, per), bias),
    )
    made = Conv2dAttrs(**{"padding": "SAME", "stride_h": 1, "stride_w": 1, **attrs})
    graph = one_op("CONV_2D", made, operands, output(rng, 0.03 * given[2] ** 0.5, "NONE"))
    (shape,) = spec_of("CONV_2D").infer(graph.ops[0], graph)
    return replace(graph, tensors=(*graph.tensors[:-1], replace(graph.tensors[-1], shape=shape)))
