"""What lies beside a report in its build directory, and stands on its page as well."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinyml.model.file import conversion_path
from tinyml.report.beside import Beside, other_reports, read_beside, runtimes_table
from tinyml.report.history import NONE_KEPT, History, history_of, kept_files
from tinyml.report.live import Live, read_live
from tinyml.report.quantization import Quantization, quantization_of
from tinyml.report.report import Report
from tinyml.report.text import Table


@dataclass(frozen=True, slots=True)
class Around:
    """All that a page shows besides its report; nothing of it is needed."""

    quantization: Quantization | None = None
    history: History = NONE_KEPT
    beside: Beside | None = None
    runtimes: Table | None = None  # compiled C and TensorFlow Lite Micro
    live: Live | None = None
    notes: tuple[str, ...] = ()  # what lies there and cannot be read, and what to do


ALONE = Around()


def around_of(report: Report, directory: Path) -> Around:
    """What is known there of the same build; a damaged file is a note, never an error."""
    notes: list[str] = []
    quantization = _quantization(report, directory, notes)
    beside = read_beside(report, directory)
    runtimes = None
    if beside is not None:
        built = tuple(other_reports(report, directory, kept_files(directory)))
        runtimes = runtimes_table(report, beside, built)
    history = history_of(report, directory)
    live = read_live(report, directory)
    return Around(quantization, history, beside, runtimes, live, tuple(notes))


def _quantization(report: Report, directory: Path, notes: list[str]) -> Quantization | None:
    path = conversion_path(directory / report.model["file"])
    try:
        return quantization_of(path.read_text(encoding="utf-8"), report.model["sha256"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        notes.append(f"{path.name} cannot be read ({error}): 'tinyml convert' writes it again")
    return None
