"""What a plan is made for, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """What a plan is made for."""

    optimize: str = "balanced"
    agent: bool = True  # the firmware will hold the serial agent
    offline_plan: bool = (
        True  # an interpreter gets our memory plan with the model, if it has better
    )
