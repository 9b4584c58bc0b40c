"""No figure of our own models got worse, and the page of figures is what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import DIGITS, GOALS
from benchmarks.compare import merged, read_baseline, regressions, write_baseline
from benchmarks.measure import measure_goals
from benchmarks.models import write_models
from benchmarks.page import PLOTS, page, read_peers
from benchmarks.plots import plots
from benchmarks.riscv import count
from tinyml.board import load_board

DOCS = Path(__file__).parent.parent / "docs"
MODELS = ("digits", "large_kernels", "residuals", "many_channels")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    paths = [DIGITS, *write_models(tmp_path_factory.mktemp("models"))]
    return {path.stem: path for path in paths}


def cases() -> Iterator[object]:
    """All models on the boards whose kernels differ most, two on the others."""
    for board in GOALS:
        marks = [pytest.mark.sim, *([pytest.mark.qemu] if board == "mps3_an547" else [])]
        chosen = MODELS if board in ("nucleo_l4r5zi", "nucleo_g0b1re") else MODELS[:2]
        for model in chosen:
            yield pytest.param(board, model, marks=marks, id=f"{model}-{board}")


@pytest.mark.parametrize(("board", "model"), list(cases()))
def test_no_regression(board: str, model: str, models: dict[str, Path]) -> None:
    """As `python -m benchmarks --own --check`; a change for the better wants `make bench`."""
    found = list(measure_goals(models[model], load_board(board), 1, ("balanced",)))
    stored = read_baseline()
    assert {item.key for item in found} <= {item.key for item in stored}
    assert [str(item) for item in regressions(found, stored)] == []


@pytest.mark.sim
def test_riscv_is_exact_and_fast() -> None:
    """The digits on an emulated rv32imc core; `count` compares the outputs."""
    found = count(DIGITS)
    assert found.picked * 1.4 < found.plain


def test_page_is_current() -> None:
    """`python -m benchmarks --page` writes what is stored; nothing is measured."""
    stored, peers = read_baseline(), read_peers()
    assert (DOCS / "performance.md").read_text(encoding="utf-8") == page(stored, peers)
    for name, _, svg in plots(stored, peers):
        assert (DOCS / PLOTS / f"{name}.svg").read_text(encoding="utf-8") == svg


def test_regressions_are_named() -> None:
    item = read_baseline()[0]
    worse = replace(item, flash_bytes=item.flash_bytes * 2, instructions=item.instructions + 1)
    (found,) = regressions([worse], [item])
    expected = (
        f"{item.key}: flash_bytes {item.flash_bytes:,} -> {2 * item.flash_bytes:,} (+100.0 %)"
    )
    assert str(found) == expected
    assert regressions([replace(worse, model="new")], [item]) == []


def test_measurements_survive_the_file(tmp_path: Path) -> None:
    stored = read_baseline()
    write_baseline(stored, tmp_path / "baseline.json")
    assert read_baseline(tmp_path / "baseline.json") == stored
    assert merged(stored[:2], [replace(stored[0], instructions=1)])[0].instructions == 1
