"""Layers of models on our kernels for the ESP32-S3, on plain C, and on ESP-NN's, in one run.

``ESP_NN_DIR=folder python -m benchmarks.esp_nn [MODEL.tflite ...] [--write]``

First the library's own tests, on the emulated core: they say whether the emulator computes what the
library's authors had from the chip, and how far our cycles are from their ticks.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.esp_nn.layers import BOARD, Row, measured
from benchmarks.esp_nn.library import EspNn
from benchmarks.esp_nn.own_tests import run_tests
from benchmarks.esp_nn.own_tests import table as ticks
from tinyml.base.errors import ToolError
from tinyml.target.boards import load_board

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance" / "esp_nn.md"
MODELS = ROOT.parent / "shared" / "models"
PREFACE = """# ESP32-S3: beside ESP-NN

Executed instructions on the emulated core, in one run with the same inputs: each layer alone, on
our kernels, on plain C, and on those of ESP-NN {version}, its C for any chip and what it has for
this one. All outputs equal the reference. What TensorFlow Lite Micro needs around the kernels is
not counted, nor what our plans save by streaming. The library's assembler is translated as the GNU
assembler would; all C is compiled by LLVM. "-": ESP-NN has no such kernel, or the layer is one that
`tinyml/variants/esp_nn_issues.toml` keeps from it; the sum has plain C there.

Written by `ESP_NN_DIR=folder python -m benchmarks.esp_nn MODEL.tflite ... --write`.
"""
TESTS = """{equal} cases of the library's tests pass on the emulated core: what is written for the
chip equals its C for any chip. Ticks that its README publishes, beside our cycles:
"""


def table(rows: Sequence[Row]) -> str:
    """The layers, and what all of them take."""
    lines = [
        "| layer | MACs | plain C | ESP-NN, any chip | ESP-NN | ours | fewer by | ours per MAC |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        times = f" ({row.count} times)" if row.count > 1 else ""
        ratio = f"{row.ratio:.2f} x" if row.ratio else "-"
        per_mac = f"{row.ours / row.macs:.2f}" if row.macs else "-"
        counts = (_number(row.plain), _number(row.portable), _number(row.vector), row.ours)
        lines.append(
            f"| {row.title}{times} | {row.macs:,} | {counts[0]} | {counts[1]} | {counts[2]} "
            f"| {counts[3]:,} | {ratio} | {per_mac} |"
        )
    ours = sum(row.count * row.ours for row in rows)
    theirs = sum(row.count * (row.vector or row.plain) for row in rows)
    lines.append(f"| all | | | | {theirs:,} | {ours:,} | {theirs / ours:.2f} x | |")
    return "\n".join(lines) + "\n"


def _number(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


@click.command()
@click.argument("models", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--write", is_flag=True, help=f"Store the page as {PAGE.name}.")
def main(models: tuple[Path, ...], write: bool) -> None:
    """Prints a table per model."""
    source = os.environ.get("ESP_NN_DIR")
    if source is None:
        raise click.ClickException(
            "ESP_NN_DIR is not set\n"
            "hint: git clone https://github.com/espressif/esp-nn and give its folder"
        )
    library = EspNn(Path(source))
    try:
        version = library.version()
    except ToolError as error:
        raise click.ClickException(str(error)) from error
    lines = [f"{PREFACE.format(version=version)}\n", tests(library)]
    for path in models or sorted(MODELS.glob("*.tflite")):
        lines.append(f"## {path.stem}\n\n{table(measured(path, library.folder))}")
        click.echo(lines[-1])
    if write:
        PAGE.write_text("\n".join(lines), encoding="utf-8")


def tests(library: EspNn) -> str:
    """What the library's own tests say."""
    with tempfile.TemporaryDirectory(prefix="tinyml-bench-") as folder:
        found = run_tests(library, load_board(BOARD).chip, Path(folder))
    equal = f"{found.passed} of {found.passed + found.failed}"
    text = f"## Its own tests\n\n{TESTS.format(equal=equal)}\n{ticks(found)}"
    click.echo(text)
    return text


if __name__ == "__main__":
    main()
