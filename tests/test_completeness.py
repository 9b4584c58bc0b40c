"""Every operator has its four places, and its rows cover what goes wrong first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import FOLDER, Case, CaseFile, case_paths, load_cases
from tests.support.running.executors import run_reference
from tinyml.base import resources
from tinyml.ir.dtype import INT8, UINT8, dtype_of
from tinyml.ir.graph import Tensor
from tinyml.ir.kernel import KernelCall
from tinyml.ops import all_ops, plain_call
from tinyml.passes.expand import expand_ops

KINDS = sorted(all_ops())
# Families, and shared parts.
FAMILIES = ("control", "dsp", "esp_nn", "mve", "pie", "portable", "stream", "types", "walks")
LIMITS = {INT8: (-128, 127), UINT8: (0, 255)}


@cache
def rows(kind: str) -> CaseFile:
    path = FOLDER / f"{kind.lower()}.toml"
    assert path.exists(), f"{kind} has no rows: write {path}"
    return load_cases(path)


def calls(kind: str) -> Iterator[KernelCall | None]:
    for case in rows(kind).cases:
        graph = expand_ops(case.graph)
        for op in graph.ops:
            yield plain_call(op, graph)


def has_odd_channels(case: Case) -> bool:
    return any(t.shape and t.shape[-1] > 1 and t.shape[-1] % 2 == 1 for t in inputs_of(case))


def has_one_by_one(case: Case) -> bool:
    return any(len(t.shape) > 1 and prod(t.shape[:-1]) == 1 for t in inputs_of(case))


def inputs_of(case: Case) -> tuple[Tensor, ...]:
    return tuple(case.graph.tensors[i] for i in case.graph.inputs)


def extreme_zero_points(case: Case) -> set[str]:
    found = set()
    for i in (*case.graph.inputs, *case.graph.outputs):
        tensor = case.graph.tensors[i]
        if tensor.quant is not None and tensor.dtype in LIMITS:
            limits = dict(zip(LIMITS[tensor.dtype], ("lowest", "highest"), strict=True))
            found |= {limits[point] for point in tensor.quant.zero_points if point in limits}
    return found


def limits_reached(case: Case) -> set[str]:
    found = set()
    for vector in run_reference(case.graph, case.vectors):
        for value in vector:
            low, high = LIMITS.get(dtype_of(value.dtype), (-np.inf, np.inf))
            found |= {"lowest"} if value.min() == low else set()
            found |= {"highest"} if value.max() == high else set()
    return found


def covers_zero_points(cases: tuple[Case, ...]) -> bool:
    return {limit for case in cases for limit in extreme_zero_points(case)} == {"lowest", "highest"}


def covers_saturation(cases: tuple[Case, ...]) -> bool:
    return {limit for case in cases for limit in limits_reached(case)} == {"lowest", "highest"}


PROPERTIES: dict[str, Callable[[tuple[Case, ...]], bool]] = {
    "odd_channels": lambda cases: any(has_odd_channels(case) for case in cases),
    "one_by_one": lambda cases: any(has_one_by_one(case) for case in cases),
    "zero_point_extremes": covers_zero_points,
    "saturation": covers_saturation,
    "largest_shift": lambda cases: any(c.name.startswith("largest_shift") for c in cases),
}


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_of_their_op(kind: str) -> None:
    assert rows(kind).op == kind


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_rows_cover(kind: str, name: str) -> None:
    file = rows(kind)
    unknown = set(file.not_applicable) - set(PROPERTIES)
    assert not unknown, f"{kind}: {sorted(unknown)} are no properties"
    is_covered = PROPERTIES[name](file.cases)
    if name in file.not_applicable:
        assert not is_covered, f"{kind}: {name} is covered after all, delete not_applicable"
    else:
        assert is_covered, f"{kind}: no case for {name}"


@pytest.mark.parametrize("kind", KINDS)
def test_kernel_exists(kind: str) -> None:
    firmware = resources.path("firmware")
    for call in calls(kind):
        if call is not None:
            text = (firmware / call.header).read_text(encoding="utf-8")
            assert f"void {call.function}(" in text, f"{call.function} is not in {call.header}"
            beside = (firmware / call.header).parent.glob("*.h")
            params = f" {call.params.type};"
            assert any(params in path.read_text(encoding="utf-8") for path in beside), params


def kernel_files(folder: Path) -> Iterator[Path]:
    """The headers of plain kernels: those in folders of operators that hold no shared parts."""
    for path in folder.glob("*/*.h"):
        is_family = path.parent.name in FAMILIES
        is_shared = path.stem in ("params", "body", "cell")
        if not is_family and not is_shared:
            yield path


def test_no_kernel_is_forgotten() -> None:
    """Every plain kernel file is reached by a case, every file of rows belongs to an op."""
    folder = resources.path("firmware") / "kernels"
    used = {call.header for kind in KINDS for call in calls(kind) if call is not None}
    found = {path.relative_to(folder.parent).as_posix() for path in kernel_files(folder)}
    assert found == used
    assert {path.stem.upper() for path in case_paths()} == set(KINDS)


def test_ops_are_documented() -> None:
    """docs/ops.md is generated by ``tinyml ops --markdown``."""
    page = resources.path("firmware").parent / "docs" / "ops.md"
    text = page.read_text(encoding="utf-8")
    missing = [kind for kind in KINDS if kind not in text]
    assert not missing, f"run 'make docs': {page.name} lacks {missing}"
