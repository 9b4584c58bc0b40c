"""The same model elsewhere, beside a report: on other boards, and executed by the other runtime.

What takes seconds to plan is kept in ``beside.json``; ``tinyml report`` makes it, and every page of
the same model, board and goal shows it from then on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tinyml import __version__
from tinyml.base.errors import TinymlError
from tinyml.base.files import write_atomic
from tinyml.plan.values import COPIED
from tinyml.report.check import mismatches
from tinyml.report.report import FILE_NAME as REPORT_FILE
from tinyml.report.report import Report, read_report
from tinyml.report.text import Table

FORMAT = 1
FILE_NAME = "beside.json"
TITLES = {"aot": "compiled C", "tflm": "TensorFlow Lite Micro"}
COPIES = "of it copies of weights (bytes)"
WORK = "instructions, predicted"
OTHER = {"aot": "tflm", "tflm": "aot"}


@dataclass(frozen=True, slots=True)
class Needs:
    """What a runtime needs for the model on the report's board, predicted."""

    runtime: str
    ram_bytes: int
    flash_bytes: int
    arena_bytes: int  # tensors and scratch
    copied_bytes: int  # of ram_bytes: weights that the start-up code copies there
    instructions: int  # of an inference; 0: not known
    fits: bool
    time_us: float | None = None
    error_percent: int | None = None
    refused: str = ""  # why there is nothing to say; all else is 0 then


@dataclass(frozen=True, slots=True)
class Beside:
    """What was planned for a report's model besides the report itself."""

    model: str  # sha256
    board: str
    optimize: str
    runtime: str
    tinyml: str  # version that planned
    columns: tuple[str, ...]  # of the table of boards
    rows: tuple[tuple[str, ...], ...]
    verdict: str
    left_out: tuple[str, ...]  # sentences: which boards are not in the table, and why
    other: Needs | None  # None: there is no other runtime to plan for

    def is_of(self, report: Report) -> bool:
        """Whether it says something of this report, by this version of tinyml."""
        mine = (report.model["sha256"], report.board["name"], report.optimize, report.runtime)
        told = (self.model, self.board, self.optimize, self.runtime)
        return told == mine and self.tinyml == __version__

    def boards_table(self) -> Table:
        """The table of boards; the report's own says so."""
        mark = f"{self.board} (this one)"
        rows = tuple((mark if row[0] == self.board else row[0], *row[1:]) for row in self.rows)
        runtime = TITLES.get(self.runtime, self.runtime)
        title = f"The same model on all boards ({runtime}, predicted)"
        return Table(title, self.columns, rows)


def read_beside(report: Report, directory: Path) -> Beside | None:
    """What is kept there, as far as it is of this report; None otherwise: it can be made again."""
    try:
        document = json.loads((directory / FILE_NAME).read_text(encoding="utf-8"))
        if document.pop("format") != FORMAT:
            return None
        other = document.pop("other")
        for name in ("columns", "left_out"):
            document[name] = tuple(document[name])
        document["rows"] = tuple(map(tuple, document["rows"]))
        found = Beside(**document, other=other and Needs(**other))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    is_whole = next(mismatches(found, Beside), None) is None
    return found if is_whole and found.is_of(report) else None


def write_beside(beside: Beside, directory: Path) -> None:
    """Keeps it there."""
    write_atomic(
        directory / FILE_NAME, json.dumps({"format": FORMAT, **asdict(beside)}, indent=1) + "\n"
    )


def other_reports(report: Report, directory: Path, kept: Sequence[Path]) -> Iterator[Report]:
    """Reports of the same model and board by the other runtime, of builds next to this one."""
    beside = sorted(directory.resolve().parent.glob(f"*/{REPORT_FILE}"))
    for path in (*beside, *reversed(kept)):
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError, TinymlError):
            held = json.loads(path.read_text(encoding="utf-8"))  # reading all of it takes its time
            is_same = held["model"]["sha256"] == report.model["sha256"]
            is_here = held["board"]["name"] == report.board["name"]
            if is_same and is_here and held["runtime"] != report.runtime:
                yield read_report(path)


def runtimes_table(report: Report, beside: Beside, found: Sequence[Report]) -> Table | None:
    """Both runtimes side by side; linked and timed where both were built and ran."""
    other = beside.other
    if other is None or other.refused:
        return None

    def worth(item: Report) -> tuple[bool, bool, bool]:
        return item.optimize == report.optimize, item.has_times, _is_measured(item)

    built = max(found, key=worth, default=None)
    ours = _figures(report)
    theirs = _planned(other) if built is None else _figures(built)
    goal = "" if built is None or built.optimize == report.optimize else f" for {built.optimize}"
    rows = []
    for name in ours:
        pair = ours[name], theirs.get(name)
        if any(pair):
            rows.append((name, *(_text(name, value) for value in pair), _times(*pair)))
    titles = _title(report.runtime), f"{_title(other.runtime)}{goal}"
    columns = ("what", *(f"{title}>" for title in titles), "times as much>")
    return Table("Both runtimes on this board", columns, tuple(rows))


def _planned(needs: Needs) -> dict[str, float | None]:
    """The same figures of a runtime that was only planned."""
    return {
        "RAM, predicted (bytes)": needs.ram_bytes,
        "flash, predicted (bytes)": needs.flash_bytes,
        "arena (bytes)": needs.arena_bytes,
        COPIES: needs.copied_bytes,
        WORK: needs.instructions or None,
        "time, predicted": needs.time_us,
    }


def _title(runtime: str) -> str:
    return TITLES.get(runtime, runtime)


def _is_measured(report: Report) -> bool:
    return report.run is not None and not report.run["is_estimate"]


def _figures(report: Report) -> dict[str, float | None]:
    """By name, in the order of the table; None where it is not known."""
    sums: dict[str, float | None] = {}
    for kind, title in (("ram", "RAM"), ("flash", "flash")):
        items = [item for item in report.memory if item.kind == kind]
        sums[f"{title}, predicted (bytes)"] = sum(item.predicted_bytes for item in items)
        copied = sum(item.uses.get(COPIED, 0) for item in items)
        if kind == "ram":
            sums[COPIES] = copied
        linked = [item.linked_bytes for item in items if item.linked_bytes is not None]
        sums[f"{title}, linked (bytes)"] = sum(linked) if len(linked) == len(items) else None
    times = {name: None for name in ("time, predicted", "time, simulated", "time, measured")}
    found: dict[str, float | None] = {
        **sums,
        "arena (bytes)": sum(report.arena.regions.values()),
        WORK: sum(layer.predicted_instructions for layer in report.layers) or None,
        **times,
    }
    if report.predicted is not None:
        found["time, predicted"] = report.predicted["time_us"]
    if report.run is not None and report.has_times:
        how = "measured" if _is_measured(report) else "simulated"
        found[f"time, {how}"] = report.run["time_us"]
    return found


def _text(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value / 1000:,.3f} ms" if name.startswith("time") else f"{value:,.0f}"


def _times(ours: float | None, theirs: float | None) -> str:
    return f"{theirs / ours:.2f}" if ours and theirs else ""
