"""The models of a program that holds several, each with its part of the layers and the time."""

from __future__ import annotations

from collections.abc import Sequence

from tinyml.ir.parts import models_of, parts_of_ops
from tinyml.plan.values import Plan
from tinyml.report.report import Layer, Report
from tinyml.report.text import Table


def model_records(plan: Plan) -> list[dict[str, object]]:
    """Name, file and layers of each model; none where there is one."""
    if not plan.graph.parts:
        return []
    owners = parts_of_ops(plan.graph)
    numbers = [owners[step.ops[0]] for step in plan.steps]
    return [
        {
            "name": model.name,
            "file": model.source.file_name,
            "layers": [index for index, owner in enumerate(numbers) if owner == number],
        }
        for number, model in enumerate(models_of(plan.graph))
    ]


def models_tables(report: Report) -> tuple[Table, ...]:
    """A row for each model; no table where there is one."""
    parts = report.model.get("models") or ()
    if not parts:
        return ()
    has_times = report.has_times
    works = [_layers(report, part["layers"]) for part in parts]
    total = sum(map(_work, report.layers)) or 1
    rows = []
    for part, layers in zip(parts, works, strict=True):
        work = sum(map(_work, layers))
        row: tuple[object, ...] = (part["name"], part["file"], len(layers))
        row += (sum(layer.macs for layer in layers), work)
        if has_times:
            row += (f"{sum(layer.time_us or 0 for layer in layers) / 1000:,.3f}",)
        rows.append((*row, f"{100 * work / total:.1f}"))
    work_name = ("cycles>", "ms>") if has_times else ("predicted instr.>",)
    columns = ("model", "file", "layers>", "MACs>", *work_name, "%>")
    return (Table("Models", columns, tuple(rows), ("file", "MACs", "layers", "%")),)


def _layers(report: Report, indices: Sequence[int]) -> list[Layer]:
    return [layer for layer in report.layers if layer.index in indices]


def _work(layer: Layer) -> int:
    return layer.predicted_instructions if layer.cycles is None else layer.cycles
