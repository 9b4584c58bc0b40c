"""The calls of ESP-NN: arguments, offsets, packing, scratch, and which layers are kept from it."""

from __future__ import annotations

import ctypes
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cases import Case, case_paths, load_cases, merge
from tests.support.esp_nn import (
    CHECKOUT,
    LIBRARIES,
    esp_nn_plan,
    needs_checkout,
    run_on_esp_nn,
)
from tests.support.executors import assert_equal, run_reference
from tinyml import variants
from tinyml.backends.toolchains import host_compiler
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Cost, KernelCall
from tinyml.ir.shapes import Window, padded_window
from tinyml.variants import Variant, esp_nn_other, esp_nn_weighted
from tinyml.variants.esp_nn_issues import SHAPES, Layer, known_fault
from tinyml.variants.esp_nn_scratch import conv_scratch_bytes, depthwise_scratch_bytes

VARIANTS = (*esp_nn_weighted.VARIANTS, *esp_nn_other.VARIANTS)
OURS = {"conv_2d", "depthwise_conv_2d", "fully_connected", "add", "mul"}
ROWS = [path for path in case_paths() if path.stem in {*OURS, "average_pool_2d", "max_pool_2d"}]


@pytest.fixture
def preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    """ESP-NN's kernels wherever they are valid, whatever they cost."""

    def free(variant: Variant) -> Variant:
        def lower(op: Op, graph: Graph) -> KernelCall | str:
            call = variant.lower(op, graph)
            return call if isinstance(call, str) else replace(call, cost=Cost(0))

        return replace(variant, lower=lower)

    monkeypatch.setattr(variants, "all_variants", lambda: tuple(map(free, VARIANTS)))


def libraries() -> list[object]:
    return [
        pytest.param(name, marks=needs_checkout) if name != "stand-in" else name
        for name in LIBRARIES
    ]


@pytest.mark.host_cc
@pytest.mark.parametrize("library", libraries())
@pytest.mark.parametrize("path", ROWS, ids=lambda path: path.stem)
def test_rows(path: Path, library: str, tmp_path: Path, preferred: None) -> None:
    case = merge(load_cases(path).cases, path.stem)
    made = esp_nn_plan(case.graph)
    used = [s.call.function for s in made.steps if s.call and s.call.isa == "esp_nn"]
    assert used, "no row of this operator reaches the library"
    found = run_on_esp_nn(made, case.vectors, tmp_path, library)
    assert_equal(case.graph, run_reference(case.graph, case.vectors), found)
