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
