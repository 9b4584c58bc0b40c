"""A firmware that only the linker finds too large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tinyml import api
from tinyml.base.errors import BuildError, DoesNotFit
from tinyml.project import pipeline
from tinyml.project.build import build as build_project
from tinyml.project.overflow import overflow_of
from tinyml.values.image import Image
from tinyml.values.project import Project

ROOT = Path(__file__).parents[2]
BOARD = "nucleo_l4r5zi"
MODEL = ROOT / "examples" / "digits" / "digits.tflite"


def settings(tmp_path: Path, flash: str) -> api.Settings:
    limits = api.Limits(flash_budget=flash)
    return api.Settings(directory=tmp_path / "build", self_test=False, limits=limits)


def too_tight(tmp_path: Path) -> tuple[api.Settings, int, int]:
    """Settings whose flash holds what is predicted, but not what is linked; both in bytes."""
    board = api.load_board(BOARD)
    # A little less than the fastest kernels take: those of this plan cost more than was predicted.
    least = api.check(MODEL, board).regions[-1].needed_bytes - 64
    free = settings(tmp_path / "free", str(least))
    flash = api.build(MODEL, board, free).report.memory[-1]
    assert flash.linked_bytes is not None
    assert flash.linked_bytes - 64 >= flash.predicted_bytes
    offered = flash.linked_bytes - 64
    return settings(tmp_path, str(offered)), flash.predicted_bytes, offered


def test_what_a_linker_finds_too_large_gives_way_to_a_smaller_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A budget between prediction and linker was refused, a smaller one was not."""
    linked: list[int] = []

    def first_too_large(project: Project, *rest: Any, **more: Any) -> Image:
        image = build_project(project, *rest, **more)
        linked.append(image.flash_bytes)
        if len(linked) == 1:
            raise BuildError("ld: region `flash' overflowed by 500 bytes")
        return image

    monkeypatch.setattr(pipeline, "build_project", first_too_large)
    board = api.load_board(BOARD)
    built = api.build(MODEL, board, settings(tmp_path, "64K"))
    (note,) = built.notes
    assert note.startswith("the plan that came first was too large when linked")
    assert linked[1] <= linked[0] - 500
    flash = built.report.memory[-1]
    assert flash.linked_bytes == linked[1]
    assert flash.budget_bytes == 65_536  # the board's, not what the plan was made for
    assert built.report.fits


def test_a_linker_that_overflows_ends_in_the_budgets_words(tmp_path: Path) -> None:
    """Its raw text was shown: section names, and nothing of what to do next."""
    tight, predicted, offered = too_tight(tmp_path)
    with pytest.raises(DoesNotFit) as caught:
        api.build(MODEL, api.load_board(BOARD), tight)
    assert f"{BOARD} offers {offered:,}: " in caught.value.message
    assert f"says the linker ({predicted:,} were predicted)" in caught.value.message
    assert caught.value.hint
    assert not (tmp_path / "build" / "firmware.elf").exists()


@pytest.mark.parametrize(
    "text",
    [
        "ld.lld: error: section '.text' will not fit in region 'flash': overflowed by 5 bytes\n"
        "ld.lld: error: section '.rodata' will not fit in region 'flash': overflowed by 1234 bytes",
        "ld: region `flash' overflowed by 1234 bytes",
    ],
)
def test_both_linkers_are_understood(text: str) -> None:
    verdict = api.check(MODEL, api.load_board(BOARD))
    found = overflow_of(BuildError(text), verdict)
    assert found is not None
    assert ": 1,234 too many, says the linker" in found.message
    assert overflow_of(BuildError("undefined symbol: nonsense"), verdict) is None
