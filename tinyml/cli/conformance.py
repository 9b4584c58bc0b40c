"""The command that holds a folder of models against the reference."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tinyml.base import console
from tinyml.base.errors import InternalError, MismatchError
from tinyml.cli import options
from tinyml.cli.help import examples


@examples(
    "tinyml conformance models/ --on host --on nucleo_l4r5zi",
)
@click.command(short_help="Hold a folder of models against the reference.")
@click.argument(
    "folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@click.option(
    "--on",
    "targets",
    multiple=True,
    help="host, tflm (the tflite_micro wheel) or a board; may be repeated. host by default.",
)
@click.option("--samples", type=click.IntRange(1), default=5, help="Inputs of each model.")
@click.option(
    "--batch",
    type=click.IntRange(1),
    default=1,
    help="Models in one program: quicker for small ones; all layers then share their kernels.",
)
@options.OPTIMIZE
@click.option("--jobs", type=click.IntRange(1), default=None, help="Models at a time.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where builds, results and shrunk models go; build/conformance/DIR by default.",
)
@click.option("--no-shrink", is_flag=True, help="Do not look for the smallest part that fails.")
@options.JSON
def conformance(
    folder: Path,
    targets: tuple[str, ...],
    samples: int,
    batch: int,
    optimize: str,
    jobs: int | None,
    output: Path | None,
    no_shrink: bool,
    as_json: bool,
) -> int:
    """Hold every model below DIR against the integer reference, on this machine and on boards.

    A model is read, planned, built and run; every element of its outputs must equal the reference
    of the model as it was read, and what lies beside it as golden data. Exits with 5 when an
    element differs, with 70 when something else fails. An interrupted run goes on where it was.
    """
    from tinyml.conformance import table as tables
    from tinyml.conformance.batch import Settings
    from tinyml.conformance.run import conform

    work = output or Path("build") / "conformance" / (folder.resolve().name or "models")
    settings = Settings(folder, targets or ("host",), work, samples, batch, optimize, not no_shrink)
    with console.progress_bar() as progress:
        found = conform(settings, jobs=jobs or os.cpu_count() or 1, show=progress)
    if as_json:
        console.document(found.to_json())
    else:
        for table in tables.tables(found):
            console.table(table.title, table.columns, table.rows)
        console.verdict(found.is_ok, tables.verdict(found))
    if found.is_ok:
        return 0
    is_wrong = any(result.status == "wrong" for result in found.results)
    return (MismatchError if is_wrong else InternalError).exit_code
