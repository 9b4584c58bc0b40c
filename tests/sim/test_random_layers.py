"""300 random layers through every kernel that is valid for them, on the emulated core: all equal.

Layers that a kernel is valid for are laid side by side in one image, so that compiling, which is
what takes the time, happens once per kernel. The planner lets outputs chase inputs where it can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import Case, merge
from tests.support.models.lowered import lowered
from tests.support.models.random_layers import preferred
from tests.support.models.random_parts import activations, one_op, output
from tests.support.models.suited_layers import suited
from tests.support.running.emulated import run_on_board
from tests.support.running.executors import assert_equal, run_reference
from tinyml import variants
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Tensor
from tinyml.ir.kernel import KernelCall
from tinyml.ops.mean import MeanAttrs
from tinyml.variants import Variant, dsp_depthwise

pytestmark = pytest.mark.sim

VARIANTS = tuple(item for item in variants.all_variants() if item.isa == "dsp")
KINDS = tuple(sorted({variant.kind for variant in VARIANTS}))
OWN = {"s8": 17, "s16": 9, "bytes": 17}  # layers that are made to suit one kernel, by its form
LAYERS = 300
GROUPS = tuple(VARIANTS[first : first + 4] for first in range(0, len(VARIANTS), 4))  # of an image


def _names(group: Sequence[Variant]) -> str:
    return "-".join(variant.name.split("/")[1] for variant in group)


@cache
def layers() -> tuple[Case, ...]:
    """All layers: those that suit each kernel, from a seed of its own."""
    return tuple(
        case
        for seed, variant in enumerate(VARIANTS)
        for case in suited(variant, OWN[variant.form], seed)
    )


@pytest.fixture(autouse=True)
def _small_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels that are offered for large layers only are tried on all."""
    monkeypatch.setattr(dsp_depthwise, "LEAST_SHARE", 0)


def test_there_are_enough_layers() -> None:
    assert len(layers()) >= LAYERS
    assert len({case.graph.ops[0].kind for case in layers()}) == len(KINDS)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_all_layers_through_a_kernel(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [case for case in layers() if _is_valid(variant, case.graph)]
    assert len(chosen) >= OWN[variant.form]
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    _run(chosen, tmp_path, "nucleo_l4r5zi", None)


@pytest.mark.parametrize("kind", KINDS)
def test_all_layers_through_the_plain_kernels(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "all_variants", lambda: ())
    chosen = [case for case in layers() if case.graph.ops[0].kind == kind]
    _run(chosen, tmp_path, "nucleo_l4r5zi", None, optimize="size")


@pytest.mark.slow
@pytest.mark.parametrize("board", ["nucleo_h743zi2", "nucleo_u575zi_q"])
@pytest.mark.parametrize("group", GROUPS, ids=_names)
def test_other_cores(
    group: tuple[Variant, ...], board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(_layers_of(group, 1000, monkeypatch), tmp_path, board, None)


@pytest.mark.arm_gcc
@pytest.mark.parametrize("group", GROUPS, ids=_names)
def test_other_compiler(
    group: tuple[Variant, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(_layers_of(group, 2000, monkeypatch), tmp_path, "nucleo_l4r5zi", "arm_gcc")


def _layers_of(
    group: Sequence[Variant], seed: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Case, ...]:
    """Ten layers for each kernel of a group, which gets no others from here on."""
    own = {f"v{number}/": variant for number, variant in enumerate(group)}
    chosen = tuple(preferred(variant, label) for label, variant in own.items())
    monkeypatch.setattr(variants, "all_variants", lambda: chosen)
    return tuple(
        replace(case, name=f"{label}{case.name}")
        for label, variant in own.items()
        for case in suited(variant, 10, seed)
    )


def test_counter_and_step_of_one_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighteen groups of pixels, steps of eighteen bytes: both once shared a register in asm."""
    axes = np.array((1, 2), np.int32)
    axes.flags.writeable = False
    rng = np.random.default_rng(0)
    operands = (activations("x", (1, 75, 1, 6), rng), Tensor("axes", INT32, (2,), None, axes))
    made = replace(output(rng, 0.036, "NONE"), shape=(1, 6))
    graph = one_op("MEAN", MeanAttrs(), operands, made)
    vectors = ((rng.integers(-128, 128, (1, 75, 1, 6)).astype(np.int8),),)
    variant = next(item for item in VARIANTS if item.name == "dsp/mean")
    monkeypatch.setattr(variants, "all_variants", lambda: (preferred(variant),))
    found = run_on_board(graph, vectors, tmp_path, board="nucleo_l4r5zi")
    assert_equal(graph, run_reference(graph, vectors), found)


def _run(
    cases: Sequence[Case],
    folder: Path,
    board: str,
    toolchain: str | None,
    optimize: str = "speed",
) -> None:
    whole = merge(list(cases), "random")
    found = run_on_board(
        whole.graph,
        whole.vectors,
        folder,
        board=board,
        toolchain=toolchain,
        optimize=optimize,
        singly=True,
    )
    assert_equal(whole.graph, run_reference(whole.graph, whole.vectors), found)


def _is_valid(variant: Variant, graph: Graph) -> bool:
    op = graph.ops[0]
    return variant.kind == op.kind and isinstance(lowered(variant.lower, op, graph), KernelCall)
