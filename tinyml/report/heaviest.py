"""The layers that take most of the time, where a terminal has no room for all."""

from __future__ import annotations

from dataclasses import replace

from tinyml.report.report import Layer, Report
from tinyml.report.text import Table

FEW_LAYERS = 10  # of which a terminal shows all
HEAVIEST = 5  # of more
MUCH_SLOWER = 3  # times, which a goal other than speed should not cost without a word


def heaviest(report: Report, table: Table) -> Table:
    """A table that begins with layers by index, with the heaviest of them if there are many.

    By cycles where the firmware ran, else by predicted instructions; other rows stay.
    """
    weights = {layer.index: _weight(layer) for layer in report.layers}
    if len(weights) <= FEW_LAYERS:
        return table
    chosen = sorted(weights, key=lambda index: weights[index], reverse=True)[:HEAVIEST]
    share = 100 * sum(weights[index] for index in chosen) / (sum(weights.values()) or 1)
    what = "cycles" if report.run is not None else "predicted instructions"
    title = (
        f"{table.title}: the {HEAVIEST} heaviest of {len(weights)}, "
        f"{share:.0f} % of the {what} (--layers shows all)"
    )
    rows = tuple(row for row in table.rows if row[0] in chosen or row[0] not in weights)
    return replace(table, title=title, rows=rows)


def _weight(layer: Layer) -> int:
    if layer.spread is not None:
        return layer.spread.median
    return layer.predicted_instructions if layer.cycles is None else layer.cycles


def slower_lines(report: Report) -> tuple[str, ...]:
    """That the goal's kernels take much longer than others that were there; else nothing."""
    chosen = sum(layer.predicted_instructions for layer in report.layers)
    fastest = sum(
        min(layer.predicted_instructions, *(count for _, count in layer.alternatives))
        if layer.alternatives
        else layer.predicted_instructions
        for layer in report.layers
    )
    if chosen <= MUCH_SLOWER * fastest:
        return ()
    return (
        f"optimized for {report.optimize}: other kernels would take some {chosen / fastest:.0f} "
        f"times fewer instructions ({fastest:,} instead of {chosen:,}, predicted), more flash and "
        "perhaps RAM; --optimize balanced or speed takes them where they fit",
    )
