"""Builds that were made before, opened from their directories."""

from __future__ import annotations

from pathlib import Path

from tinyml.measure.flash import build_dir, find_build
from tinyml.project.built import Built
from tinyml.project.saved import load_planned
from tinyml.report.report import read_report
from tinyml.target.board import Board


def open_build(path: Path | str | None = None, board: Board | None = None) -> Built:
    """A build directory as ``tinyml build`` left it; see flash.find_build for what ``path`` may be.

    Nothing is planned again. Raises BuildError when something of it is missing or of another build.
    """
    path = Path(path) if path is not None else None
    image, _ = find_build(path, board)
    directory = build_dir(path, board)
    document = read_report(directory)
    planned = load_planned(directory, image)
    return Built(directory, planned, image, document, (image.elf,))
