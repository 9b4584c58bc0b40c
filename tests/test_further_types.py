"""A further type of an operator is a few lines of C: CONV_2D with weights of 4 bits.

The type is in tests/support/stand_ins/types, outside of firmware/, and no model can have it. It is
included into one program with int8.
"""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.running.host_c import WARNINGS, compiler
from tinyml.base import resources

OWN = Path(__file__).parent / "support" / "stand_ins" / "types"
SOURCE = """
#include "kernels/conv_2d/s8.h"
#include "kernels/conv_2d/s8w4.h"

#define RUN(type, value, weight, sum) \\
    extern void run_##type(const tml_conv_2d_params *, const value *, const weight *, \\
                           const sum *, const int32_t *, const int8_t *, value *); \\
    void run_##type(const tml_conv_2d_params *params, const value *input, const weight *weights, \\
                    const sum *bias, const int32_t *multiplier, const int8_t *shift, \\
                    value *output) \\
    { \\
        tml_conv_2d_##type(params, input, weights, bias, multiplier, shift, output); \\
    }

RUN(s8, int8_t, int8_t, int32_t)
RUN(s8w4, int8_t, uint8_t, int32_t)
"""
Array = NDArray[np.generic]


class Window(ctypes.Structure):
    """``tml_window``."""

    _fields_ = [
        (name, ctypes.c_int32)
        for name in ("in_", "out", "kernel", "stride", "dilation", "pad", "pad_after")
    ]


class Clamp(ctypes.Structure):
    """``tml_clamp``."""

    _fields_ = [("min", ctypes.c_int32), ("max", ctypes.c_int32)]


class Params(ctypes.Structure):
    """``tml_conv_2d_params``."""

    _fields_ = [
        ("batches", ctypes.c_int32),
        ("height", Window),
        ("width", Window),
        *((name, ctypes.c_int32) for name in ("in_channels", "out_channels", "groups", "offset")),
        ("per_channel", ctypes.c_bool),
        ("shifts_right", ctypes.c_bool),
        ("output_offset", ctypes.c_int32),
        ("clamp", Clamp),
    ]


@dataclass(frozen=True)
class Layer:
    """A random convolution with zero points of 0."""

    params: Params
    values: NDArray[np.int64]
    weights: NDArray[np.int64]  # filter, row, column, channel
    bias: NDArray[np.int64]
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int8]


def random_layer(seed: int, value_bits: int, weight_bits: int) -> Layer:
    """From one seed: windows over the border, groups, filters that are no multiple of four."""
    rng = np.random.default_rng(seed)
    groups, depth, each = (int(n) for n in rng.integers(1, [4, 6, 8]))
    kernel, pad, stride = int(rng.integers(1, 4)), int(rng.integers(0, 2)), int(rng.integers(1, 3))
    size = int(rng.integers(4, 9))
    axis = Window(size, (size + 2 * pad - kernel) // stride + 1, kernel, stride, 1, pad, pad)
    filters = groups * each
    most = 1 << value_bits - 1
    clamp = Clamp(-most, most - 1)
    params = Params(1, axis, axis, groups * depth, filters, groups, 0, True, True, 0, clamp)
    least = -(1 << weight_bits - 1) + 1
    return Layer(
        params,
        rng.integers(-most, most, (1, size, size, groups * depth)),
        rng.integers(least, -least + 1, (filters, kernel, kernel, depth)),
        rng.integers(-20_000, 20_000, filters),
        rng.integers(1 << 30, (1 << 31) - 1, filters).astype(np.int32),
        rng.integers(-12, -5, filters).astype(np.int8),
    )


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("types")
    source, library = folder / "types.c", folder / "types.so"
    source.write_text(SOURCE, encoding="utf-8")
    firmware = resources.path("firmware")
    include = (f"-I{path}" for path in (OWN, firmware, firmware / "include"))
    options = ("-std=c11", "-shared", "-fPIC", *WARNINGS)
    command = [*compiler("speed"), *options, *include, "-o", str(library), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return ctypes.CDLL(str(library))


def run(kernels: ctypes.CDLL, kind: str, layer: Layer, weights: Array, dtype: str) -> Array:
    """What the kernel of a type computes."""
    height, width = layer.params.height.out, layer.params.width.out
    output = np.zeros((1, height, width, len(layer.weights)), dtype)
    bias = layer.bias.astype(np.int32)
    arrays = (layer.values.astype(dtype), weights, bias, layer.multiplier, layer.shift, output)
    pointers = (np.ascontiguousarray(item).ctypes.data_as(ctypes.c_void_p) for item in arrays[:-1])
    getattr(kernels, f"run_{kind}")(
        ctypes.byref(layer.params), *pointers, output.ctypes.data_as(ctypes.c_void_p)
    )
    return output


@pytest.mark.host_cc
@pytest.mark.parametrize("seed", range(20))
def test_weights_of_4_bits(kernels: ctypes.CDLL, seed: int) -> None:
    """The same as with these weights in bytes, by the kernel that every model is tested with."""
    layer = random_layer(seed, 8, 4)
    halves = np.append(layer.weights.reshape(-1), 0)[: layer.weights.size // 2 * 2 + 2]
    halves = np.resize(halves, halves.size + halves.size % 2).astype(np.uint8) & 15
    packed = halves[::2] | halves[1::2] << 4
    expected = run(kernels, "s8", layer, layer.weights.astype(np.int8), "int8")
    found = run(kernels, "s8w4", layer, packed, "int8")
    assert np.array_equal(found, expected)
    assert len(np.unique(expected)) > 5


@pytest.mark.parametrize("kind", ["s8", "s16", "s8w4"])
def test_a_type_costs_few_lines(kind: str) -> None:
    firmware = OWN if kind == "s8w4" else resources.path("firmware")
    text = (firmware / "kernels" / "conv_2d" / f"{kind}.h").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line]) < 20
