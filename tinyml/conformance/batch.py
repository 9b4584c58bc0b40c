"""Some models through all targets: read, planned, built, run, held against the reference."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tinyml.base.errors import DoesNotFit, ModelError, TinymlError
from tinyml.base.files import write_atomic
from tinyml.conformance import tflm
from tinyml.conformance.cases import golden_outputs, read_case
from tinyml.conformance.merge import parted
from tinyml.conformance.shrink import smallest
from tinyml.conformance.targets import TFLM, Way, outputs_on
from tinyml.conformance.values import FAILED, GOLDEN, READ, Case, Result, Status, Vector
from tinyml.evaluate.verification import equal_elements
from tinyml.ir.graph import Array
from tinyml.model.arithmetic import float_ops
from tinyml.model.writer import write


@dataclass(frozen=True, slots=True)
class Settings:
    """What is asked of every model."""

    folder: Path  # where the models are
    targets: tuple[str, ...]
    work: Path  # for builds, results and shrunk models
    samples: int = 5  # inputs of each model
    batch: int = 1  # models in one program
    optimize: str = "balanced"
    is_shrinking: bool = True


def check_batch(paths: Sequence[Path], settings: Settings, work: Path) -> tuple[Result, ...]:
    """The results of some models on all targets; ``work`` is this process's own folder."""
    results: list[Result] = []
    cases: list[Case] = []
    for path in paths:
        try:
            case = read_case(path, settings.samples)
            golden = golden_outputs(case)
        except Exception as error:
            results.append(_ended(path, settings, READ, error))
            continue
        cases.append(case)
        if golden:
            results.append(_compared(case, settings, GOLDEN, golden))
    for target in settings.targets:
        if target == TFLM:
            results += _against_tflm(cases, settings, work / TFLM)
        else:
            way = Way(target, settings.optimize, is_shared=settings.batch > 1)
            results += _on_target(cases, way, settings, work / target)
    return tuple(results)


def _against_tflm(cases: Sequence[Case], settings: Settings, work: Path) -> list[Result]:
    results = []
    for case, found in zip(cases, tflm.outputs_of(cases, work), strict=True):
        if isinstance(found, TinymlError):
            results.append(_ended(case.path, settings, TFLM, found))
            continue
        result = _compared(case, settings, TFLM, found)
        results.append(_shrunk(case, result, settings, None, work) if result.is_failed else result)
    return results


def _on_target(cases: Sequence[Case], way: Way, settings: Settings, work: Path) -> list[Result]:
    """All cases in one program; where that fails, one half and then the other."""
    if not cases:
        return []
    try:
        outputs = outputs_on(way, cases, work)
    except Exception as error:
        if len(cases) > 1:
            middle = len(cases) // 2
            halves = (cases[:middle], cases[middle:])
            return [r for half in halves for r in _on_target(half, way, settings, work)]
        ended = _ended(cases[0].path, settings, way.target, error)
        return [_shrunk(cases[0], ended, settings, way, work) if ended.is_failed else ended]
    results = []
    for case, found in zip(cases, parted(cases, outputs), strict=True):
        result = _compared(case, settings, way.target, found)
        results.append(_shrunk(case, result, settings, way, work) if result.is_failed else result)
    return results


def _compared(case: Case, settings: Settings, target: str, found: Sequence[Vector]) -> Result:
    """Every element of every output against the reference."""
    elements, status, detail = 0, "equal", ""
    may_be_close = target in (TFLM, GOLDEN) and bool(float_ops(case.graph))
    for number, (row, wanted) in enumerate(zip(found, case.expected, strict=False)):
        for index, value, right in zip(case.graph.outputs, row, wanted, strict=True):
            wrong = np.flatnonzero(~equal_elements(value, right))
            elements += right.size
            if wrong.size and may_be_close and is_close(value, right):
                status = "close" if status == "equal" else status
            elif wrong.size and status in ("equal", "close"):
                first = int(wrong[0])
                status = "wrong"
                detail = (
                    f"input {number}, output '{case.graph.tensors[index].name}': {wrong.size} of "
                    f"{right.size} elements; element {first} is {np.ravel(value)[first]}, the "
                    f"reference has {np.ravel(right)[first]}"
                )
    return Result(*_names(case.path, settings), target, status, elements, detail)  # type: ignore[arg-type]


def is_close(found: Array, right: Array) -> bool:
    """Whether outputs differ no more than other orders of sums and other C libraries do.

    A hundred thousandth of the largest value; integers behind a rounding may be one off.
    """
    a, b = found.astype(np.float64), right.astype(np.float64)
    if right.dtype.kind != "f":
        return bool(np.abs(a - b).max(initial=0.0) <= 1.0)
    is_same = (a == b) | (np.isnan(a) & np.isnan(b))
    largest = np.abs(b[np.isfinite(b)]).max(initial=0.0)
    return bool((is_same | (np.abs(a - b) <= 1e-5 * largest)).all())


def _ended(path: Path, settings: Settings, target: str, error: Exception) -> Result:
    status: Status = "error"
    detail = str(error)
    if isinstance(error, DoesNotFit):
        status = "does not fit"
    elif isinstance(error, ModelError):
        status = "refused"
    elif not isinstance(error, TinymlError):
        detail = "".join(traceback.format_exception(error)[-3:])
    return Result(*_names(path, settings), target, status, 0, detail)


def _names(path: Path, settings: Settings) -> tuple[str, str]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return str(path.relative_to(settings.folder)), digest


def _shrunk(case: Case, result: Result, settings: Settings, way: Way | None, work: Path) -> Result:
    """The result with the path of the smallest part of the model that fails as well."""
    if not settings.is_shrinking:
        return result
    quick = replace(settings, is_shrinking=False)

    parts = work.parent / "parts"
    parts.mkdir(parents=True, exist_ok=True)

    def fails(part: Case) -> bool:
        alone = replace(part, path=parts / "part.tflite")
        write_atomic(alone.path, write(alone.graph))
        inner = replace(quick, folder=parts)
        if way is None:
            return any(r.status in FAILED for r in _against_tflm([alone], inner, work))
        return any(r.status in FAILED for r in _on_target([alone], way, inner, work))

    found = smallest(case, fails)
    stem = Path(result.model).stem
    path = settings.work / "smallest" / f"{stem}-{result.target}.tflite"
    write_atomic(path, write(found.graph))
    return replace(
        result,
        detail=f"{result.detail}\nsmallest part that fails, of {len(found.graph.ops)} operators: "
        f"{path}",
    )
