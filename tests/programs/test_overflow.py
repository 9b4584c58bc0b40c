"""A firmware that only the linker finds too large."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyml import api
from tinyml.base.errors import BuildError, DoesNotFit
from tinyml.project.overflow import overflow_of

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "examples" / "digits" / "digits.tflite"


def settings(tmp_path: Path, flash: str) -> api.Settings:
    limits = api.Limits(flash_budget=flash)
    return api.Settings(directory=tmp_path / "build", self_test=False, limits=limits)


def test_a_linker_that_overflows_ends_in_the_budgets_words(tmp_path: Path) -> None:
    """Its raw text was shown: section names, and nothing of what to do next."""
    board = api.load_board("nucleo_l4r5zi")
    largest = api.check(MODEL, board).regions[-1].needed_bytes
    small = api.build(MODEL, board, settings(tmp_path / "small", str(largest - 64)))
    flash = small.report.memory[-1]
    assert flash.linked_bytes is not None
    assert flash.linked_bytes - 64 >= flash.predicted_bytes
    predicted, offered = flash.predicted_bytes, flash.linked_bytes - 64
    tight = settings(tmp_path, str(offered))
    with pytest.raises(DoesNotFit) as caught:
        api.build(MODEL, board, tight)
    assert f"nucleo_l4r5zi offers {offered:,}: " in caught.value.message
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
    verdict = api.check(MODEL, api.load_board("nucleo_l4r5zi"))
    found = overflow_of(BuildError(text), verdict)
    assert found is not None
    assert ": 1,234 too many, says the linker" in found.message
    assert overflow_of(BuildError("undefined symbol: nonsense"), verdict) is None
