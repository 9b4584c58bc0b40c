"""What a call of a kernel takes besides its operands."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.ir.kernel import Overlap


@dataclass(frozen=True, slots=True)
class Needs:
    """Memory and time of a call, which the planner weighs."""

    scratch_bytes: int
    overlap: Overlap  # of the output with the input
    instructions: int
