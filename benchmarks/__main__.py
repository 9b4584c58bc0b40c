"""``python -m benchmarks``: measure, print, compare with the baseline, write the tables."""

from __future__ import annotations

import json
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import click

from benchmarks import tables
from benchmarks.compare import regressions, write_baseline
from benchmarks.measure import Measurement, measure
from benchmarks.models import write_models
from tinyml.board import load_board
from tinyml.errors import TinymlError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
ROOT = HERE.parent
DEFAULT_BOARDS = ("nucleo_l4r5zi", "nucleo_h743zi2", "nucleo_u575zi_q", "nucleo_g0b1re")
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"


@click.command()
@click.option(
    "--models",
    type=click.Path(path_type=Path, file_okay=False),
    default=ROOT.parent / "shared" / "models",
    help="Folder with .tflite files to measure besides our own.",
)
@click.option("--board", "boards", multiple=True, default=DEFAULT_BOARDS)
@click.option("--samples", default=2, help="Random inputs per model whose outputs are verified.")
@click.option(
    "--optimize",
    "goals",
    multiple=True,
    default=("balanced", "speed"),
    type=click.Choice(["balanced", "speed", "ram", "size"]),
)
@click.option("--layers", is_flag=True, help="Print the layers of each model too.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here."
)
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the tables here.")
@click.option("--check", is_flag=True, help="Fail on a regression against baseline.json.")
@click.option("--update", is_flag=True, help="Store the figures as the new baseline.")
def main(
    models: Path,
    boards: tuple[str, ...],
    samples: int,
    goals: tuple[str, ...],
    layers: bool,
    json_path: Path | None,
    markdown: Path | None,
    check: bool,
    update: bool,
) -> None:
    """Measures every model on every board and prints the figures beside the recorded peers."""
    peers = tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))
    found = measure_all(models, boards, samples, goals)
    page = render(found, peers, layers)
    click.echo(page)
    if json_path:
        json_path.write_text(json.dumps([item.to_json() for item in found], indent=1) + "\n")
    if markdown:
        markdown.write_text((HERE / "preface.md").read_text() + page, encoding="utf-8")
    if update:
        write_baseline(found, HERE / "baseline.json")
    if check:
        worse = regressions(found, HERE / "baseline.json")
        for item in worse:
            click.echo(f"regression: {item}", err=True)
        sys.exit(1 if worse else 0)


def measure_all(
    models: Path, boards: tuple[str, ...], samples: int, goals: tuple[str, ...]
) -> list[Measurement]:
    """All models on all boards that they fit; what does not fit or fails is said on stderr."""
    found = []
    with tempfile.TemporaryDirectory(prefix="tinyml-models-") as folder:
        paths = [DIGITS, *write_models(Path(folder))]
        paths += sorted(models.glob("*.tflite")) if models.is_dir() else []
        for path in paths:
            for name, goal in product(boards, goals):
                click.echo(f"{path.stem} on {name} for {goal} …", err=True)
                try:
                    found.append(measure(path, load_board(name), samples, goal))
                except TinymlError as error:
                    click.echo(f"  {error}", err=True)
    return found


def render(found: list[Measurement], peers: dict[str, Any], with_layers: bool) -> str:
    """The page docs/performance.md is made of."""
    parts = [
        "## All models\n\n",
        "Executed instructions of one inference on the emulated core, exact; in brackets the "
        "figure recorded for TFLM + CMSIS-NN.\n\n",
        tables.overview(found, peers),
        "\n## Milliseconds on the NUCLEO-L4R5ZI\n\nOurs are estimates of the timing model; the "
        "others were measured on the board and published.\n\n",
        tables.milliseconds(found, peers),
    ]
    if with_layers:
        for item in found:
            parts.append(f"\n## {item.model} on {item.board}\n\n{tables.layers(item)}")
    return "".join(parts)


if __name__ == "__main__":
    main()
