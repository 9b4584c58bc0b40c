"""What a firmware's application printed of one sample."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Printed:
    """One line of the application and what it should say."""

    text: str
    expected: str  # by the integer reference
    label: int | None  # of the sample, where there are labels
    agrees: bool | None  # None: the text is not the one that tinyml's template prints
