"""Writes a corpus: python -m tests.corpus DIR --graphs 2000 --networks 400 --seed 1

Random graphs of up to eight operators, networks in the shape of public ones, both with weights
that are changed as training, pruning or malice would, and every row of tests/ops. The same seed
gives the same files.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from tests.corpus.networks import NETWORKS, network
from tests.corpus.spoil import spoilt
from tests.support.models.cases import case_paths, load_cases
from tests.support.models.graphs import grown
from tests.support.models.growing import Growing
from tests.support.models.random_lstm import random_float_lstm, random_lstm
from tests.support.models.random_parts import supported
from tinyml.ir.graph import Graph, check
from tinyml.model.support import check_shapes, check_supported
from tinyml.model.writer import write

MOST_OPS = 8
LSTM_EVERY = 50
BEYOND_EVERY = 10  # graphs among which are operators that TFLM does not have


class Seeded(Growing):
    """A graph that grows from numpy's random numbers alone."""

    def one_of(self, *items: object) -> object:
        return items[int(self.rng.integers(len(items)))]

    def between(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high, endpoint=True))


def random_graph(seed: int) -> Graph:
    """A random graph; every fiftieth is a recurrent layer."""
    rng = np.random.default_rng(seed)
    if seed % LSTM_EVERY == 0:
        if seed // LSTM_EVERY % 3 == 1:
            return supported(f"lstm{seed}", lambda: random_float_lstm(rng))
        is_wide = seed // LSTM_EVERY % 3 == 0
        return supported(f"lstm{seed}", lambda: random_lstm(rng, is_wide=is_wide))
    growing = Seeded(None, rng, is_beyond=seed % BEYOND_EVERY == 0)  # type: ignore[arg-type]
    graph = grown(growing, MOST_OPS, f"g{seed}").graph
    return spoilt(graph, rng) if seed % 2 else graph


def chain(seed: int) -> Graph:
    """A network with changed weights."""
    graph = network(seed, seed)
    check_supported(check(graph))
    check_shapes(graph)
    return spoilt(graph, np.random.default_rng(seed))


def rows() -> list[tuple[str, Graph]]:
    """Every row of tests/ops."""
    return [
        (f"{path.stem}-{case.name}", case.graph)
        for path in case_paths()
        for case in load_cases(path).cases
    ]


def models(graphs: int, networks: int, seed: int, *, with_rows: bool) -> list[tuple[str, Graph]]:
    """Names and graphs, in a stable order."""
    start = seed * 1_000_003
    made = [(f"graph-{n:05}", random_graph(start + n)) for n in range(graphs)]
    for n in range(networks):
        kind = NETWORKS[(start + n) % len(NETWORKS)].__name__
        made.append((f"network-{n:05}-{kind}", chain(start + n)))
    return [*made, *(rows() if with_rows else ())]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--graphs", default=2000, show_default=True)
@click.option("--networks", default=400, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--rows/--no-rows", default=True, show_default=True)
def main(folder: Path, graphs: int, networks: int, seed: int, rows: bool) -> None:
    """Writes the models as .tflite files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = models(graphs, networks, seed, with_rows=rows)
    for name, graph in made:
        (folder / f"{name}.tflite").write_bytes(write(replace(graph, name="model")))
    click.echo(f"{len(made)} models in {folder}")


if __name__ == "__main__":
    main()
