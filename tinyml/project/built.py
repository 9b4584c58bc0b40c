"""How to build, and what was built: the values that api and simulation pass on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinyml.base.errors import MismatchError, ToolMissing
from tinyml.plan.fit import Fit
from tinyml.plan.values import Plan
from tinyml.report.report import Report
from tinyml.values.goal import Goal
from tinyml.values.image import Image


@dataclass(frozen=True, slots=True)
class Settings:
    """How to build; the defaults work."""

    optimize: str = "balanced"
    toolchain: str | None = None  # None: the board's own choice
    directory: Path | None = None  # None: build/<model>-<board>
    agent: bool = True
    benchmark: bool = False  # an agent that speaks the protocol of MLPerf Tiny and nothing else
    model_id: str | None = None  # what the agent calls the model; None: its name
    template: str | None = None  # None: the board's own choice
    container: bool = False  # a vendor's tools run in the vendor's container
    project_only: bool = False  # the project is written and not built
    project: Path | None = None  # where the project is written; None: project/ in the directory
    runtime: str | None = None  # None: the board's own choice
    offline_plan: bool = True  # an interpreter gets our memory plan with the model
    self_test: bool = True  # the image that was linked runs before it counts as built

    @property
    def goal(self) -> Goal:
        """What the plan is made for."""
        return Goal(self.optimize, self.agent, self.offline_plan)


@dataclass(frozen=True, slots=True)
class Built:
    """A build directory and what was made there."""

    directory: Path
    plan: Plan
    verdict: Fit
    image: Image | None  # None: a library, or not built
    report: Report
    files: tuple[Path, ...]  # what a user will look for, most wanted first
    missing: ToolMissing | None = None  # why it was not built: the toolchain is not there

    def linked(self) -> Image:
        """The image; raises ToolMissing or MismatchError when nothing was linked."""
        if self.missing is not None:
            raise self.missing
        if self.image is None:
            raise MismatchError(
                "this build has no image to run", hint="build without --library or --project-only"
            )
        return self.image
