"""A plan with all that it was made of and for."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.model.file import ModelFile
from tinyml.plan.fit import Fit
from tinyml.plan.values import Plan
from tinyml.values.target import Target


@dataclass(frozen=True, slots=True)
class Planned:
    """What is handed from the planner to those who write, build, run and report."""

    target: Target
    plan: Plan
    verdict: Fit  # of the plan, on the target's board
    abi: int  # of the kernels that go with it
    model: ModelFile | None = None  # None: the graph came from no file
    fingerprint: str = ""  # of the project that was made of it; "": none was yet
    is_announced: bool = False  # whether the firmware's agent says the fingerprint
