"""What an application printed, as a table, a record and a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyml.base.words import counted
from tinyml.report.report import Report
from tinyml.report.text import Table
from tinyml.values.printed import Printed


def table(board: str, printed: Sequence[Printed]) -> Table:
    """One row per line that came, beside what the reference says."""
    return Table(
        f"Application on {board}",
        ("#>", "printed", "reference", "label>"),
        tuple(
            (number, item.text, item.expected, "-" if item.label is None else item.label)
            for number, item in enumerate(printed)
        ),
        ("label", "reference"),
    )


def record(item: Printed) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "printed": item.text,
        "reference": item.expected,
        "label": item.label,
        "agrees": item.agrees,
    }


def verdict(report: Report, printed: Sequence[Printed]) -> str:
    """Whether what was printed is what the model says."""
    judged = [item for item in printed if item.agrees is not None]
    what = f"{report.model['file']} on {report.board['name']}; the application ran on "
    models = len(report.model.get("models", ())) or 1  # a line of each per sample
    what += counted(len(printed) // models, "compiled-in sample")
    if not judged:
        return f"{what}; its text is its own and was not compared"
    labelled = [item for item in judged if item.label is not None and "class" in item.expected]
    right = sum(item.expected.startswith(f"class {item.label},") for item in labelled)
    labels = f", {right} of {len(labelled)} labels right" if labelled else ""
    return f"{what}: every line is what the reference says{labels}"
