"""``python -m benchmarks``: measure, print, compare with the baseline, write page and plots."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click

from benchmarks.compare import BASELINE, merged, read_baseline, regressions, write_baseline
from benchmarks.measure import Measurement, measure_goals
from benchmarks.models import write_models
from benchmarks.page import read_peers, render, write_page
from benchmarks.tables import layers as layer_table
from tinyml.base.errors import TinymlError
from tinyml.target.boards import load_board

ROOT = Path(__file__).parent.parent
GOALS = {  # of each board; "plain" is what the kernels of families are set against
    "nucleo_l4r5zi": ("balanced", "speed"),
    "nucleo_h743zi2": ("balanced",),
    "nucleo_u575zi_q": ("balanced",),
    "nucleo_g0b1re": ("balanced", "plain"),
    "mps3_an547": ("balanced",),  # on QEMU
    "esp32c3": ("balanced", "speed", "plain"),  # the model alone: bare.py
    "esp32s3": ("balanced", "speed", "plain"),
}
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@click.command()
@click.option(
    "--models",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT.parent / "shared" / "models",
    help="Folder with .tflite files to measure besides our own.",
)
@click.option("--own", is_flag=True, help="Measure our own models alone.")
@click.option("--board", "boards", multiple=True, default=tuple(GOALS), help="One of several.")
@click.option("--samples", default=2, help="Random inputs per model whose outputs are verified.")
@click.option("--layers", is_flag=True, help="Print the layers of each model too.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here."
)
@click.option("--check", is_flag=True, help="Fail on a regression against baseline.json.")
@click.option("--update", is_flag=True, help="Store the figures; write page and plots from them.")
@click.option("--page", is_flag=True, help="Write page and plots from what is stored.")
def main(
    models: Path,
    own: bool,
    boards: tuple[str, ...],
    samples: int,
    layers: bool,
    json_path: Path | None,
    check: bool,
    update: bool,
    page: bool,
) -> None:
    """Measures every model on every board and prints the figures beside the recorded peers."""
    found = [] if page else measure_all(None if own else models, boards, samples)
    click.echo(render(found or read_baseline(), read_peers()))
    for item in found if layers else ():
        click.echo(f"\n## {item.key}\n\n{layer_table(item)}")
    if json_path:
        json_path.write_text(json.dumps([item.to_json() for item in found], indent=1) + "\n")
    worse = regressions(found, read_baseline()) if check else []
    for regression in worse:
        click.echo(f"regression: {regression}", err=True)
    if update or page:
        stored = merged(read_baseline(), found)
        write_baseline(stored)
        write_page(stored, ROOT / "docs")
        click.echo(
            f"wrote {BASELINE.relative_to(ROOT)}, docs/performance.md and its plots", err=True
        )
    sys.exit(1 if worse else 0)


def measure_all(models: Path | None, boards: Sequence[str], samples: int) -> list[Measurement]:
    """All models on all boards that they fit; what does not fit or fails is said on stderr."""
    with tempfile.TemporaryDirectory(prefix="tinyml-models-") as folder:
        paths = [DIGITS, *write_models(Path(folder))]
        paths += sorted(models.glob("*.tflite")) if models is not None else []
        tasks = [(path, board, samples) for path in paths for board in boards]
        with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
            results = pool.map(measure_task, tasks)
            return [item for found in results for item in found]


def measure_task(task: tuple[Path, str, int]) -> list[Measurement]:
    """One model on one board, in a process of its own."""
    path, name, samples = task
    click.echo(f"{path.stem} on {name} …", err=True)
    try:
        goals = GOALS.get(name, ("balanced", "speed"))
        return list(measure_goals(path, load_board(name), samples, goals))
    except TinymlError as error:
        click.echo(f"  {path.stem} on {name}: {error}", err=True)
        return []


if __name__ == "__main__":
    main()
