"""Flash and stack of each kernel as a table, and as a difference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.sizes.__main__ import changes, main


def program(digest: str, **functions: tuple[int, int]) -> dict[str, object]:
    return {"digest": digest, "functions": {name: list(item) for name, item in functions.items()}}


def test_what_has_changed() -> None:
    before = {"m4/plain/add/shared": program("a", run_add_s8=(400, 32), gone=(8, 0), same=(4, 4))}
    after = {"m4/plain/add/shared": program("b", run_add_s8=(412, 32), made=(6, 16), same=(4, 4))}
    assert list(changes(before, after))[-3:] == [
        "| m4/plain/add/shared | gone | 8 to 0 (-8) | 0 |",
        "| m4/plain/add/shared | made | 0 to 6 (+6) | 0 to 16 (+16) |",
        "| m4/plain/add/shared | run_add_s8 | 400 to 412 (+12) | 32 |",
    ]


def test_other_code_of_the_same_size_is_told() -> None:
    before = {"a": program("1", f=(4, 4)), "b": program("1", f=(4, 4))}
    after = {"a": program("2", f=(4, 4)), "b": program("1", f=(4, 4)), "c": program("1")}
    assert list(changes(before, after)) == ["1 of 2 programs have the same code, to the byte."]


def test_a_kernel_is_measured(tmp_path: Path) -> None:
    kept = tmp_path / "sizes.json"
    done = CliRunner().invoke(main, ["--op", "abs", "--save", str(kept)])
    assert done.exit_code == 0, done.output
    shared = json.loads(kept.read_text())["programs"]["cortex-m4/plain/abs/shared"]["functions"]
    code, stack = shared["run_lookup_s8"]
    assert 8 <= code <= 100
    assert 0 <= stack <= 64
    again = CliRunner().invoke(main, ["--op", "abs", "--against", str(kept)])
    assert again.output == "12 of 12 programs have the same code, to the byte.\n"


@pytest.mark.parametrize("text", ["{}", '{"format": 2}'])
def test_figures_of_another_format(text: str, tmp_path: Path) -> None:
    kept = tmp_path / "sizes.json"
    kept.write_text(text)
    done = CliRunner().invoke(main, ["--op", "abs", "--against", str(kept)])
    assert done.exit_code == 2
    assert "make it anew with --save" in done.output
