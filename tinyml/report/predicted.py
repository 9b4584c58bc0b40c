"""Times in words, with their error: predicted ones, and simulated ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tinyml.plan.estimate import Estimate

SHORT_US = 50


def predicted_record(found: Estimate | None) -> dict[str, object] | None:
    """What was predicted of an inference as plain data."""
    return None if found is None else {**asdict(found), "time_us": found.time_us}


def predicted_text(predicted: Mapping[str, Any]) -> str:
    """What was predicted of an inference: "123,586 instructions, 1.5 ms ± 19 % at 120 MHz …"."""
    text = f"{predicted['instructions']:,} instructions"
    if predicted["time_us"] is None:
        return f"{text} (predicted)"
    took = ms_text(predicted["time_us"], predicted["error_percent"], digits=2)
    mhz = predicted["clock_hz"] / 1e6
    return f"{text}, {took} at {mhz:g} MHz (predicted; without {predicted['left_out']})"


def ms_text(time_us: float, error_percent: int | None, digits: int = 3) -> str:
    """A time that is an estimate: "1.782 ms ± 10 %"."""
    return f"{ms_number(time_us, digits)} ms {error_text(error_percent)}"


def ms_number(time_us: float, digits: int) -> str:
    """Milliseconds; a short time has more digits, so that it is not 0."""
    return f"{time_us / 1000:,.{max(digits, 5) if time_us < SHORT_US else digits}f}"


def error_text(error_percent: int | None) -> str:
    """How far an estimated time may be off."""
    return "(error not known)" if error_percent is None else f"± {error_percent} %"
