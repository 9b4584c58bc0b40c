"""Layers of models on our kernels for the ESP32-S3, on plain C, and on ESP-NN's, in one run.

``ESP_NN_DIR=folder python -m benchmarks.esp_nn [MODEL.tflite ...] [--write]``
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.esp_nn.layers import Row, measured
from benchmarks.esp_nn.library import EspNn
from tinyml.base.errors import ToolError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance" / "esp_nn.md"
MODELS = ROOT.parent / "shared" / "models"


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
        raise ToolError(
            "ESP_NN_DIR is not set",
            hint="git clone https://github.com/espressif/esp-nn and give its folder",
        )
    folder = Path(source)
    lines = [f"ESP-NN {EspNn(folder).version()}\n"]
    for path in models or sorted(MODELS.glob("*.tflite")):
        lines.append(f"## {path.stem}\n\n{table(measured(path, folder))}")
        click.echo(lines[-1])


if __name__ == "__main__":
    main()
