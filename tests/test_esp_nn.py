"""The calls of ESP-NN: arguments, offsets, packing, scratch, and which layers are kept from it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.models.cases import case_paths, load_cases, merge, row_graph
from tests.support.models.random_layers import layers_for, preferred
from tests.support.running.esp_nn import (
    CHECKOUT,
    LIBRARIES,
    esp_nn_plan,
    needs_checkout,
    run_on_esp_nn,
)
from tests.support.running.executors import assert_equal, run_reference
from tinyml import variants
from tinyml.backends.toolchains import host_compiler
from tinyml.base import process
from tinyml.base.process import Command
from tinyml.ir.graph import Graph
from tinyml.ir.shapes import Window, padded_window
from tinyml.ops import layer_of
from tinyml.plan.offers import offers_of
from tinyml.variants import Variant, esp_nn_other, esp_nn_weighted
from tinyml.variants.esp_nn_issues import Layer, known_fault
from tinyml.variants.esp_nn_scratch import conv_scratch_bytes, depthwise_scratch_bytes

VARIANTS = (*esp_nn_weighted.VARIANTS, *esp_nn_other.VARIANTS)
KINDS = {"conv_2d", "depthwise_conv_2d", "fully_connected", "add", "mul"}
ROWS = [path for path in case_paths() if path.stem in KINDS]
CHOICES = [
    pytest.param(name, marks=() if name == "stand-in" else needs_checkout) for name in LIBRARIES
]
LAYERS = 16  # per program


@pytest.mark.host_cc
@pytest.mark.parametrize("library", CHOICES)
@pytest.mark.parametrize("path", ROWS, ids=lambda path: path.stem)
def test_rows(path: Path, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "all_variants", lambda: tuple(map(preferred, VARIANTS)))
    case = merge(load_cases(path).cases, path.stem)
    made = esp_nn_plan(case.graph)
    used = [step for step in made.steps if step.call and step.call.isa == "esp_nn"]
    assert len(used) >= 4
    found = run_on_esp_nn(made, case.vectors, tmp_path, library)
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)


@pytest.mark.host_cc
@pytest.mark.parametrize("library", CHOICES)
@pytest.mark.parametrize("optimize", ["speed", "size"])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_layers(
    variant: Variant,
    optimize: str,
    library: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cases = layers_for(variant, np.random.default_rng(11), LAYERS)
    whole = merge(cases, "random")
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    made = esp_nn_plan(whole.graph, optimize=optimize)
    assert all(step.call and step.call.isa == "esp_nn" for step in made.steps)
    found = run_on_esp_nn(made, whole.vectors, tmp_path, library)
    assert_equal(whole.graph, run_reference(whole.graph, whole.vectors), found)


def layer(rows: Window, columns: Window | None = None, channels: int = 16, **more: Any) -> Layer:
    return Layer(rows, columns or rows, channels, **more)


def window(size: int, kernel: int, stride: int = 1, pads: tuple[int, int] = (0, 0)) -> Window:
    return padded_window(size, kernel, stride, 1, *pads)


EVEN, BEHIND = window(8, 3, 1, (1, 1)), window(8, 3, 2, (0, 1))
MORE_BEHIND = window(8, 4, 1, (1, 2))
BIG = window(64, 5, 1, (2, 2))


@pytest.mark.parametrize(
    ("kernel", "shape", "reason"),
    [
        ("conv_2d", layer(EVEN), None),
        ("conv_2d", layer(BEHIND), None),
        ("conv_2d", layer(MORE_BEHIND), "issue 31"),
        ("conv_2d", layer(EVEN, BEHIND), "issue 31"),
        ("conv_2d", layer(MORE_BEHIND, channels=3), None),  # windows are gathered, byte by byte
        ("depthwise_conv_2d", layer(EVEN), None),
        ("depthwise_conv_2d", layer(BEHIND), None),
        ("depthwise_conv_2d", layer(EVEN, BEHIND), "issue 30"),
        ("depthwise_conv_2d", layer(EVEN, BEHIND, 24), None),
        ("depthwise_conv_2d", layer(BIG, zero_point=3), "row tiles"),
        ("depthwise_conv_2d", layer(BIG), None),
        ("depthwise_conv_2d", layer(window(16, 5, 1, (2, 2)), zero_point=3), None),
        ("fully_connected", layer(window(1, 1), channels=40), None),
        ("fully_connected", layer(window(3, 1), channels=40), "issue 34"),
        ("fully_connected", layer(window(3, 1), channels=48), None),
    ],
)
def test_known_faults(kernel: str, shape: Layer, reason: str | None) -> None:
    found = known_fault(kernel, shape)
    assert reason in found if reason and found else found is reason


def test_a_fault_ends_with_the_version_that_mends_it() -> None:
    shape = layer(window(3, 1), channels=40)
    assert known_fault("fully_connected", shape, "1.2.5") is not None
    assert known_fault("fully_connected", shape, "1.2.6") is None
    assert known_fault("fully_connected", shape, "1.10.0") is None
    assert known_fault("conv_2d", layer(MORE_BEHIND), "9.9") is not None  # nobody knows better


def test_a_layer_that_is_kept_from_it_says_why() -> None:
    cases = load_cases(next(path for path in ROWS if path.stem == "conv_2d")).cases
    reasons = set()
    for case in cases:
        for name, reason in offers_of(
            case.graph.ops[0], case.graph, ("esp_nn",), layer_of(case.graph.ops[0], case.graph)
        )[1]:
            assert name == "esp_nn/conv_2d"
            reasons.add(reason)
    assert "the convolution is grouped" in reasons
    assert "the filter is dilated" in reasons
    assert any("esp-nn issue 31" in reason for reason in reasons)


def test_nothing_of_it_runs_row_by_row() -> None:
    """A window begins anywhere; the vector kernels want 16-byte alignment."""
    assert not any(variant.is_streamable for variant in VARIANTS)


@pytest.mark.host_cc
@needs_checkout
def test_scratch_is_what_the_library_asks_for(tmp_path: Path) -> None:
    """Against the library's own functions, over random shapes."""
    root = Path(str(CHECKOUT))
    sources = ("esp_nn_conv_esp32s3.c", "esp_nn_depthwise_conv_s8_esp32s3.c")
    command = [*host_compiler(), "-shared", "-fPIC", "-w", "-std=gnu17", "-O1"]
    command += [f"-I{root / 'include'}", f"-I{root / 'src' / 'common'}"]
    command += [str(root / "src" / "convolution" / name) for name in sources]
    process.run(Command((*command, "-o", str(tmp_path / "scratch.so"))))
    library = ctypes.CDLL(str(tmp_path / "scratch.so"), mode=os.RTLD_LAZY)
    rng = np.random.default_rng(5)
    for _ in range(5000):
        shape, filters = random_shape(rng)
        wanted = library.esp_nn_get_conv_scratch_size_esp32s3(*arguments(shape, filters, ()))
        assert conv_scratch_bytes(shape, filters) == wanted, shape
        multiplier = int(rng.choice((1, 1, 4, 8)))
        if multiplier == 1 and shape.in_channels <= 3:
            continue
        deep = Layer(shape.rows, shape.columns, shape.in_channels, multiplier)
        given = arguments(deep, shape.in_channels * multiplier, (multiplier,))
        wanted = library.esp_nn_get_depthwise_conv_scratch_size_esp32s3(*given)
        assert depthwise_scratch_bytes(deep) == wanted, deep


def random_shape(rng: np.random.Generator) -> tuple[Layer, int]:
    axes = []
    while len(axes) < 2:
        size, kernel = int(rng.integers(1, 64)), int(rng.choice((1, 2, 3, 3, 4, 5, 7)))
        stride = int(rng.choice((1, 1, 2, 3)))
        total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
        pads = (total // 2, total - total // 2) if rng.random() < 0.5 else (0, 0)
        if size + sum(pads) >= kernel:
            axes.append(window(size, kernel, stride, pads))
    channels = int(rng.choice((1, 2, 3, 4, 5, 8, 9, 12, 15, 16, 17, 24, 32, 40, 48, 64, 128)))
    return Layer(axes[0], axes[1], channels), int(rng.choice((1, 3, 8, 16, 17, 32, 64)))


def arguments(shape: Layer, filters: int, multiplier: tuple[int, ...]) -> tuple[Any, ...]:
    """Input, filter and output dimensions, and the params, as the C functions take them."""
    rows, columns = shape.rows, shape.columns

    def ints(*values: int) -> Any:
        return (ctypes.c_int32 * len(values))(*values)

    offsets = (5, 0, *multiplier)
    strides, pads = (columns.stride, rows.stride), (columns.pad, rows.pad)
    return (
        ints(columns.in_size, rows.in_size, shape.in_channels, 1),
        ints(columns.kernel, rows.kernel, filters if multiplier else shape.in_channels, 1),
        ints(columns.out_size, rows.out_size, filters, 1),
        ints(*offsets, *strides, *pads, 1, 1, -128, 127),
    )


def weighted(kind: str, given: list[int], weights: list[int], **attrs: Any) -> Graph:
    """A layer with a zero point that padding must not be confused with."""
    axis = 0 if kind == "CONV_2D" else len(weights) - 1
    row = {
        "name": "layer",
        "attrs": attrs,
        "inputs": [
            {"shape": given, "scale": 0.05, "zero_point": -7},
            {"shape": weights, "scale": 0.01, "data": "random"},
            {"shape": [weights[axis]], "bias": True, "range": [-3000, 3000]},
        ],
        "output": {"scale": 0.2, "zero_point": 3},
    }
    return row_graph(kind, row, "large")[0]


def differs(graph: Graph, folder: Path, library: str) -> bool:
    """Whether the library gives anything but the reference, or stops."""
    made = esp_nn_plan(graph)
    assert [step.call.isa for step in made.steps if step.call] == ["esp_nn"]
    rng = np.random.default_rng(2)
    shape = graph.tensors[graph.inputs[0]].shape
    vectors = [(rng.integers(-128, 128, shape).astype(np.int8),) for _ in range(2)]
    wanted = run_reference(graph, vectors)
    assert np.unique(wanted[0][0]).size > 50, "the layer must show differences"
    try:
        assert_equal(graph, wanted, run_on_esp_nn(made, vectors, folder, library))
    except AssertionError:
        return True
    return False


LARGE = {
    "3x3": ("DEPTHWISE_CONV_2D", [1, 50, 52, 16], [1, 3, 3, 16], {}),
    "3x3-valid": ("DEPTHWISE_CONV_2D", [1, 50, 60, 16], [1, 3, 3, 16], {"padding": "VALID"}),
    "5x5-valid": ("DEPTHWISE_CONV_2D", [1, 60, 60, 8], [1, 5, 5, 8], {"padding": "VALID"}),
    "1x5": ("DEPTHWISE_CONV_2D", [1, 60, 60, 8], [1, 1, 5, 8], {}),
    "conv": ("CONV_2D", [1, 40, 40, 16], [8, 3, 3, 16], {"stride_h": 2, "stride_w": 2}),
    "long-filters": ("CONV_2D", [1, 8, 8, 32], [64, 3, 3, 32], {}),
}
STRIDES = {"stride_h": 2, "stride_w": 2}
FAULTY = {
    "issue-31": ("CONV_2D", [1, 9, 9, 16], [8, 4, 4, 16], {}),
    "issue-30": ("DEPTHWISE_CONV_2D", [1, 49, 20, 32], [1, 3, 3, 32], STRIDES),
    "row-tiles": ("DEPTHWISE_CONV_2D", [1, 60, 60, 8], [1, 5, 5, 8], {}),
}


@pytest.mark.host_cc
@pytest.mark.parametrize("library", CHOICES)
@pytest.mark.parametrize("name", LARGE)
def test_large_images(
    name: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond 40 and 48 KB the library works row by row."""
    monkeypatch.setattr(variants, "all_variants", lambda: tuple(map(preferred, VARIANTS)))
    kind, given, weights, attrs = LARGE[name]
    assert not differs(weighted(kind, given, weights, **attrs), tmp_path, library)


@pytest.mark.host_cc
@needs_checkout
@pytest.mark.parametrize("name", FAULTY)
def test_the_faults_are_real(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the table these layers come out wrong; else it would keep them back for nothing."""
    monkeypatch.setattr(variants, "all_variants", lambda: tuple(map(preferred, VARIANTS)))
    kind, given, weights, attrs = FAULTY[name]
    graph = weighted(kind, given, weights, **attrs)
    assert not [step for step in esp_nn_plan(graph).steps if step.call and step.call.isa]
    monkeypatch.setattr(esp_nn_weighted, "known_fault", lambda kernel, layer: None)
    assert differs(graph, tmp_path, "esp32s3")
