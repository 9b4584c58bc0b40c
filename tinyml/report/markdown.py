"""Reports and comparisons as Markdown, for pull requests: names of a model are text, no markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tinyml.plan.values import kinds_text
from tinyml.report.around import Around
from tinyml.report.compare import Comparison, tables, verdict
from tinyml.report.report import Report
from tinyml.report.text import Table
from tinyml.report.view import TOP, view_of

# What has a meaning in Markdown or HTML, or would call somebody (@) or another issue (#).
_MARKS = {ord(mark): f"&#{ord(mark)};" for mark in "&<>|`*[]@#~\\"}


def escaped(value: object) -> str:
    """One line of plain text."""
    return " ".join(str(value).split()).translate(_MARKS)


def table_lines(table: Table) -> Iterator[str]:
    """A table, numbers with separators and to the right; nothing for one without rows."""
    if not table.rows:
        return
    yield f"| {' | '.join(escaped(name.removesuffix('>')) for name in table.columns)} |"
    marks = ("--:" if name.endswith(">") else "---" for name in table.columns)
    yield f"| {' | '.join(marks)} |"
    for row in table.rows:
        yield f"| {' | '.join(escaped(_cell(cell)) for cell in row)} |"


def report_text(report: Report, around: Around) -> str:
    """The verdict, each figure beside its budget, quantisation, and the heaviest layers."""
    view = view_of(report)
    found = view.conclusion
    model, board = escaped(report.model["file"]), escaped(report.board["name"])
    sentences = " ".join(map(escaped, found.sentences))
    lines = [f"### {model} on {board}", "", f"**{escaped(found.word)}** {sentences}", ""]
    rows = tuple((f.label, f"{f.text} {f.unit}".strip(), f.sub) for f in found.figures)
    lines += table_lines(Table("", ("figure", "value>", "of, from"), rows))
    lines += [f"\n{escaped(text)}" for text in (*report.problems, *around.notes)]
    if around.quantization is not None and around.quantization.score is not None:
        lines += ["", *table_lines(around.quantization.score)]
    heavy = sorted(view.layers, key=lambda item: (-item.work, item.layer.index))[:TOP]
    layers = tuple(
        (item.layer.index, item.op, item.name, item.kernel, item.work, f"{item.share:.1f}")
        for item in heavy
        if item.work
    )
    columns = ("layer>", "op", "name", "kernel", f"{view.work}>", "%>")
    lines += _folded(f"The {len(layers)} heaviest layers", Table("", columns, layers))
    return "\n".join([*lines, "", _origin(report), ""])


def comparison_text(found: Comparison, limit_percent: float | None) -> str:
    """The conclusion, the totals, and the layers that differ."""
    totals, layers = tables(found)
    changed = Table(layers.title, layers.columns, tuple(_changed(found, layers)))
    lines = [
        f"### {verdict_title(found, limit_percent)}",
        "",
        f"A: {escaped(found.before)}<br>",
        f"B: {escaped(found.after)}",
        "",
        *(f"{escaped(note)}\n" for note in found.notes),
        *table_lines(totals),
        *_folded(f"{len(changed.rows)} of {len(layers.rows)} layers differ", changed),
    ]
    return "\n".join([*lines, ""])


def verdict_title(found: Comparison, limit_percent: float | None) -> str:
    """What got worse; without a limit only what this is."""
    return "tinyml compare" if limit_percent is None else escaped(verdict(found, limit_percent))


def _changed(found: Comparison, layers: Table) -> Iterator[tuple[object, ...]]:
    """The rows of layers whose kernel or work is another one, and of those without a partner."""
    for pair, row in zip(found.layers, layers.rows, strict=True):
        alike = pair.before is not None and pair.after is not None
        if not alike or row[-3] != row[-2] or " > " in str(row[4]):
            yield tuple(row)


def _folded(title: str, table: Table) -> Iterable[str]:
    if not table.rows:
        return ()
    inner = "\n".join(table_lines(table))
    return ("", f"<details><summary>{escaped(title)}</summary>", "", inner, "", "</details>")


def _origin(report: Report) -> str:
    tools = ", ".join(f"{name} {version}" for name, version in report.tools.items())
    kinds = len({kinds_text(layer.op.split("+")) for layer in report.layers})
    about = f"{len(report.layers)} layers of {kinds} kinds, build {report.fingerprint or '-'}"
    return f"<sub>{escaped(about)}; {escaped(tools)}</sub>"


def _cell(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
