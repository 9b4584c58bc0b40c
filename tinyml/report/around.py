"""What lies beside a report in its build directory, and stands on its page as well."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinyml.model.file import conversion_path
from tinyml.report.quantization import Quantization, quantization_of
from tinyml.report.report import Report


@dataclass(frozen=True, slots=True)
class Around:
    """All that a page shows besides its report; nothing of it is needed."""

    quantization: Quantization | None = None
    notes: tuple[str, ...] = ()  # what lies there and cannot be read, and what to do


ALONE = Around()


def around_of(report: Report, directory: Path) -> Around:
    """What is known there of the same build; a damaged file is a note, never an error."""
    notes: list[str] = []
    found = _quantization(report, directory, notes)
    return Around(found, tuple(notes))


def _quantization(report: Report, directory: Path, notes: list[str]) -> Quantization | None:
    path = conversion_path(directory / report.model["file"])
    try:
        return quantization_of(path.read_text(encoding="utf-8"), report.model["sha256"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        notes.append(f"{path.name} cannot be read ({error}): 'tinyml convert' writes it again")
    return None
