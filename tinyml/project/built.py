"""What was built: the value that simulation, measurement and flashing take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinyml.base.errors import MismatchError, ToolMissing
from tinyml.plan.fit import Fit
from tinyml.plan.planned import Planned
from tinyml.plan.values import Plan
from tinyml.report.report import Report
from tinyml.target.board import Board
from tinyml.values.image import Image


@dataclass(frozen=True, slots=True)
class Built:
    """A build directory and what was made there."""

    directory: Path
    planned: Planned
    image: Image | None  # None: a library, or not built
    report: Report
    files: tuple[Path, ...]  # what a user will look for, most wanted first
    missing: ToolMissing | None = None  # why it was not built: the toolchain is not there
    before: Report | None = None  # of what was built there until now
    notes: tuple[str, ...] = ()  # what may be a surprise and no report knows

    @property
    def plan(self) -> Plan:
        """What the firmware computes, and where."""
        return self.planned.plan

    @property
    def verdict(self) -> Fit:
        """Whether it fits."""
        return self.planned.verdict

    @property
    def board(self) -> Board:
        """The board as the build saw it."""
        return self.planned.target.board

    def linked(self) -> Image:
        """The image; raises ToolMissing or MismatchError when nothing was linked."""
        if self.missing is not None:
            raise self.missing
        if self.image is None:
            raise MismatchError(
                "this build has no image to run", hint="build without --library or --project-only"
            )
        return self.image
