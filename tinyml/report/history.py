"""Earlier states of a build directory: reports that another build or run has taken the place of.

Each is kept as ``history/0001.json``, the very report.json that it was, so that a rebuild never
erases what was measured, and ``tinyml compare last`` can hold the two against one another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from tinyml.base.errors import TinymlError
from tinyml.base.files import write_atomic
from tinyml.report.check import Entries
from tinyml.report.report import FILE_NAME as REPORT_FILE
from tinyml.report.report import Report, read_report
from tinyml.report.text import Table

FOLDER = "history"
MOST = 50  # files; what was measured on a board is kept beyond that
SHOWN = 20  # on the page, newest first
_COLUMNS = (
    *("#>", "written (UTC)", "build", "optimized for", "ran on", "ms>", "cycles>"),
    *("RAM>", "flash>", "accuracy>", "tinyml"),
)


@dataclass(frozen=True, slots=True)
class History:
    """What the page shows of it."""

    table: Table | None = None  # newest first, with the state of now; None: there is no other
    more: int = 0  # earlier ones that the table leaves out
    measured: str = ""  # of this very build, where the report of now has no measurement


NONE_KEPT = History()


def keep(directory: Path, new: Report) -> None:
    """Puts the report that is there into the history, before ``new`` takes its place.

    Not what says the same, or less of the same build.
    """
    path = directory / REPORT_FILE
    old = _read(path)
    if "fingerprint" not in old:
        return  # there is none, or nobody can read it
    is_less = old.get("run") is None and old["fingerprint"] in ("", new.fingerprint)
    if is_less or path.read_text(encoding="utf-8") == new.to_text():
        return
    files = kept_files(directory)
    number = int(files[-1].stem) + 1 if files else 1
    target = directory / FOLDER / f"{number:04}.json"
    target.parent.mkdir(exist_ok=True)
    write_atomic(target, path.read_text(encoding="utf-8"))
    written = path.stat()
    os.utime(target, ns=(written.st_atime_ns, written.st_mtime_ns))
    _prune(files)


def kept_files(directory: Path) -> list[Path]:
    """Files of the history, oldest first."""
    return sorted(path for path in (directory / FOLDER).glob("*.json") if path.stem.isdecimal())


def last_report(directory: Path) -> Report:
    """The report before the one of now; raises TinymlError when none is kept."""
    files = kept_files(directory)
    if not files:
        raise TinymlError(
            f"no earlier state of {directory} is kept",
            hint="one is kept when a build changes, or runs, in a directory that had been built",
        )
    try:
        return read_report(files[-1])
    except TinymlError as error:
        hint = "delete that file: the state before it is the last one then"
        raise TinymlError(error.message, hint=hint, where=error.where) from error


def report_there(directory: Path) -> Report | None:
    """The report of what was built there, before a build takes its place; None for none."""
    with suppress(TinymlError):
        return read_report(directory)
    return None


def replaced_lines(old: Report | None, now: Report) -> tuple[str, ...]:
    """What took the place of something else.

    Another model of the same file name, or, for a run, an image that was built with other options.
    """
    if old is None:
        return ()
    if old.model["sha256"] != now.model["sha256"]:
        return (f"this takes the place of a build of another model, {old.model['file']}",)
    if now.run is not None and old.run is None and old.fingerprint != now.fingerprint:
        return (f"the image was built anew; the one before was made by: {old.command}",)
    return ()


def history_of(report: Report, directory: Path) -> History:
    """The table of earlier states; files that are damaged have a row that says so."""
    files = kept_files(directory)
    if not files:
        return NONE_KEPT
    shown = files[::-1][:SHOWN]
    held = [(path, _read(path)) for path in shown]
    rows = [_row("now", "", report.to_json())]
    rows += [_row(path.stem, _written(path), document) for path, document in held]
    table = Table("Earlier states of this build directory", _COLUMNS, tuple(rows))
    return History(table, len(files) - len(shown), _measured(report, held))


def _read(path: Path) -> Entries:
    """The plain document; {} when it cannot be read."""
    with suppress(OSError, ValueError, RecursionError):
        document = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(document, dict):
            return document
    return {}


def _row(name: str, written: str, document: Entries) -> tuple[object, ...]:
    try:
        return (name, written, *_cells(document))
    except (KeyError, TypeError, ValueError, AttributeError):
        return (name, written, "damaged", *[""] * (len(_COLUMNS) - 3))


def _cells(document: Entries) -> Iterator[object]:
    run = document["run"]
    yield document["fingerprint"]
    yield document["optimize"]
    yield _where(run)
    cycles = run["total"]["cycles"] if run else 0
    yield f"{float(run['time_us']) / 1000:,.3f}" if cycles else ""
    yield f"{cycles:,}" if cycles else ""
    for kind in ("ram", "flash"):
        items = [item for item in document["memory"] if item["kind"] == kind]
        linked = [item["linked_bytes"] for item in items]
        yield "" if None in linked else f"{sum(linked):,}"
    yield f"{run['accuracy']:.4f}" if run and "accuracy" in run else ""
    yield document["tinyml"]


def _where(run: Entries | None) -> str:
    if run is None:
        return "not run"
    return f"{run['target']} ({'simulated' if run['is_estimate'] else 'measured'})"


def _measured(report: Report, held: Sequence[tuple[Path, Entries]]) -> str:
    """The newest measurement of the build of now, unless the report has one itself."""
    if report.run is not None and not report.run["is_estimate"]:
        return ""
    for path, document in held:
        run = document.get("run")
        if not isinstance(run, dict) or run.get("is_estimate") is not False:
            continue
        if document.get("fingerprint") != report.fingerprint:
            continue
        with suppress(KeyError, TypeError, ValueError):
            took = f"{float(run['time_us']) / 1000:,.3f} ms"
            kept = f"{FOLDER}/{path.name}"
            return f"This build was measured before: {took} on {run['target']} ({kept})."
    return ""


def _written(path: Path) -> str:
    moment = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    return f"{moment:%Y-%m-%d %H:%M}"


def _prune(files: Sequence[Path]) -> None:
    """Removes the oldest that were not measured on a board, when there are many."""
    for path in files[: max(0, len(files) + 1 - MOST)]:
        run = _read(path).get("run")
        if not (isinstance(run, dict) and run.get("is_estimate") is False):
            path.unlink()
