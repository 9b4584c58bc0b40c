"""What running an image gave, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tinyml.ir.graph import Array


@dataclass(frozen=True, slots=True)
class LayerTime:
    """Measured work of one layer, per inference."""

    cycles: int
    instructions: int | None = None  # exact, from an emulator only


@dataclass(frozen=True, slots=True)
class Halves:
    """What each of two cores takes of a layer, run one after the other."""

    layer: int
    first: LayerTime
    second: LayerTime

    def at_once(self, handover_cycles: int) -> LayerTime:
        """What the layer takes when both run at once: the longer half, and the hand-over.

        Instructions are those of both.
        """
        longer = max(self.first.cycles, self.second.cycles)
        done = (self.first.instructions or 0) + (self.second.instructions or 0)
        return LayerTime(longer + handover_cycles, done)


@dataclass(frozen=True, slots=True)
class Run:
    """What running an image gave."""

    board: str
    target: str  # "unicorn", "qemu", "serial /dev/ttyACM0"
    is_estimate: bool  # cycles come from a timing model, not from silicon
    clock_hz: int
    outputs: tuple[tuple[Array, ...], ...]  # per input sample, the raw output arrays
    layers: tuple[LayerTime, ...]
    total: LayerTime
    stack_bytes: int | None  # high-water
    log: str = ""
    details: dict[str, Any] = field(default_factory=dict)
