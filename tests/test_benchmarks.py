"""No figure of our own models got worse, and the page of figures is what is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import DIGITS, GOALS, measure_task
from benchmarks.compare import merged, read_baseline, regressions, write_baseline
from benchmarks.measure import PLAIN, measure_goals
from benchmarks.models import write_models
from benchmarks.page import PLOTS, board_page, boards_of, page, read_peers, with_table
from benchmarks.plots import plots
from tinyml.target.boards import load_board

DOCS = Path(__file__).parent.parent / "docs"
MODELS = ("digits", "large_kernels", "residuals", "many_channels")
NEEDS = {"mps3_an547": (pytest.mark.qemu,), "esp32s3": (pytest.mark.xtensa,)}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    paths = [DIGITS, *write_models(tmp_path_factory.mktemp("models"))]
    return {path.stem: path for path in paths}


def cases() -> Iterator[object]:
    """All models on the boards whose kernels differ most, two on the others."""
    for board in GOALS:
        marks = [pytest.mark.sim, *NEEDS.get(board, ())]
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


def test_page_is_current() -> None:
    """`python -m benchmarks --page` writes what is stored; nothing is measured."""
    stored, peers = read_baseline(), read_peers()
    assert (DOCS / "performance.md").read_text(encoding="utf-8") == page(stored, peers)
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert readme == with_table(readme, stored, peers)
    assert "| kws_ref_model | cortex-m4 | balanced |" in readme
    for board in boards_of(stored):
        text = (DOCS / PLOTS / f"{board}.md").read_text(encoding="utf-8")
        assert text == board_page(board, stored, peers)
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


def test_missing_compiler_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a core's programs are not installed, the others are measured."""
    monkeypatch.setenv("PATH", "")
    assert measure_task((DIGITS, "esp32s3", 1)) == []
    # The first that is called: which one depends on the objects that are there from a build before.
    said = capsys.readouterr().err
    assert re.search(r"digits on esp32s3: the program '(clang|llvm-mc)-22' is not there", said)


@pytest.mark.parametrize("board", ["nucleo_g0b1re", "esp32c3", "esp32s3"])
def test_families_beat_plain_c(board: str) -> None:
    """At least 1.5 times fewer instructions on every model that is stored.

    For every goal, but for one that is faster still: plain C has smaller weights, of which more fit
    in RAM, and on a board that waits for its flash that may count for more.
    """
    of_board = [item for item in read_baseline() if item.board == board]
    plain = {item.model: item.instructions for item in of_board if item.optimize == PLAIN}
    assert len(plain) >= 9
    for model, instructions in plain.items():
        goals = [item for item in of_board if item.model == model and item.optimize != PLAIN]
        better = [item for item in goals if item.instructions * 1.5 <= instructions]
        assert better, model
        for item in goals:
            is_faster = item.cycles < min(other.cycles for other in better)
            assert item in better or is_faster, item.key
