"""Every table that a command prints, at every width: a number is whole or it is not there."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.support.nets.float_graphs import FloatBuilder
from tests.support.values.reports import small_report
from tinyml.cli import cli
from tinyml.cli.show import show_table
from tinyml.convert import flatfile
from tinyml.report import device

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
WIDTHS = (40, 60, 80, 100, 120, 200)
RULE = "─"
STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?")
COMMANDS = {
    "boards": ("boards",),
    "ops": ("ops",),
    "inspect": ("inspect", str(DIGITS)),
    "check": ("check", str(DIGITS), "--board", "esp32s3", "--board", "nucleo_h743zi2"),
    "explore": ("check", str(DIGITS), "--board", "nucleo_l4r5zi", "--explore"),
    "build": ("build", str(DIGITS), "--board", "nucleo_l4r5zi", "--project-only"),
    "simulate": ("simulate", str(DIGITS), "--board", "nucleo_l4r5zi"),
    "compare": ("compare", "build/digits-nucleo_l4r5zi", "build/digits-nucleo_l4r5zi"),
    "doctor": ("doctor", "--board", "nucleo_l4r5zi"),
}
if importlib.util.find_spec("ai_edge_litert"):
    COMMANDS["convert"] = (
        "convert",
        "float.tflite",
        "-o",
        "m.tflite",
        "--calibration",
        "calib.npz",
    )
NEEDS_A_BUILD = ("compare",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path, before = tmp_path_factory.mktemp("tables"), Path.cwd()
    os.chdir(path)
    b = FloatBuilder(3)
    given = b.value("given", (1, 5))
    made = b.dense("dense", given, b.rng.normal(0, 1, (3, 5)))
    Path("float.tflite").write_bytes(flatfile.write(b.graph((given,), (made,))))
    np.savez("calib.npz", b.rng.uniform(-1, 1, (120, 5)).astype(np.float32))
    yield path
    os.chdir(before)


@cache
def run(name: str, width: int | None) -> str:
    """What a command prints, into a file or on a terminal of that width, in the folder of tests."""
    if name in NEEDS_A_BUILD and not Path("build").exists():
        run("build", None)
    names = {"COLUMNS": str(width), "FORCE_COLOR": "1"} if width else {}
    done = CliRunner().invoke(cli, COMMANDS[name], env=names)
    assert done.exit_code in (0, 3), done.output  # doctor: a tool may be missing
    return STYLE.sub("", done.stdout)


def tables(text: str) -> list[list[str]]:
    """The lines of each table: its header, the rule, the rows."""
    blocks = [block.splitlines() for block in re.split(r"\n\s*\n", text)]
    return [block for block in blocks if any(RULE in line for line in block)]


def numbers(lines: list[str]) -> set[str]:
    words = (word.strip("()") for line in lines for word in line.split())
    return {word for word in words if NUMBER.fullmatch(word)}


def check(shown: Callable[[int | None], str], width: int) -> None:
    full, narrow = tables(shown(None)), tables(shown(width))
    assert len(full) == len(narrow)
    for whole, lines in zip(full, narrow, strict=True):
        assert numbers(lines) <= numbers(whole)
        assert max(map(len, lines)) <= width


@pytest.mark.sim
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", COMMANDS)
def test_no_number_is_cut(name: str, width: int, folder: Path) -> None:
    """28 was printed for 281 µs, in a terminal of 80 columns."""
    check(lambda columns: run(name, columns), width)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_number_of_a_board_is_cut(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """``profile`` and ``verify`` print wider tables, which need a board to come about."""
    held = (device.layer_times(small_report(spread=True)), _confusion())

    def shown(columns: int | None) -> str:
        monkeypatch.setenv("COLUMNS", str(columns or 0))
        monkeypatch.setenv("FORCE_COLOR", "1" if columns else "")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            for table in held:
                show_table(table)
        return STYLE.sub("", printed.getvalue())

    check(shown, width)


def _confusion() -> device.Table:
    return device.confusion_table([[1000 + 12 * i + k for k in range(12)] for i in range(12)])


def test_what_is_left_out_is_said(folder: Path) -> None:
    text = run("inspect", 40)
    assert "left out: #, name, output, 2 more" in text.splitlines()
    assert "left out" not in run("inspect", 200)


@pytest.mark.parametrize("name", ["boards", "inspect", "check", "explore"])
def test_a_file_holds_every_column_and_no_padding(name: str, folder: Path) -> None:
    """Lines in a file ended in dozens of blanks."""
    text = run(name, None)
    assert "left out" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_a_terminal_of_80_columns(tmp_path: Path) -> None:
    """The same through a terminal that says its own width."""
    pty = pytest.importorskip("pty")
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    names = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "FORCE_COLOR")}
    command = [sys.executable, "-m", "tinyml", "boards"]
    child = subprocess.Popen(command, stdout=theirs, env=names | {"TERM": "xterm"})
    os.close(theirs)
    held = b""
    with contextlib.suppress(OSError):  # at the end of what the child has said
        while data := os.read(ours, 65536):
            held += data
    os.close(ours)
    assert child.wait() == 0
    lines = STYLE.sub("", held.decode()).splitlines()
    assert max(map(len, lines)) <= 80
    assert "3,776" in " ".join(lines)
