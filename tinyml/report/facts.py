"""What a run says about itself, as words for the end of the page."""

from __future__ import annotations

from tinyml.report import device
from tinyml.report.report import Report

_LABELS = {  # of what a run says about itself; other keys are shown with spaces
    "target": "ran on",
    "sha256": "model in the firmware",
    "clock_hz": "clock",
    "runs": "timed inferences",
    "equal_to_reference": "samples equal to the reference",
    "measured_time_us": "time by the firmware's own clock",
    "timing_model": "cycle model",
    "arena_bytes": "arena reported by the firmware",
    "stack_bytes": "stack used at most",
    "stack_reserved_bytes": "stack reserved",
    "is_alignment_checked": "alignment of every access checked",
}
_SHOWN_ELSEWHERE = {
    "total",
    "time_us",
    "spread",
    "is_estimate",
    "model",
    "error_percent",
    "left_out",
    "confusion",
}
_SHOWN_BY_DEVICE = {  # in device.facts
    *("arena_bytes", "stack_bytes", "stack_reserved_bytes", "fresh_runs", "runs", "baud"),
    *("measured_time_us", "boot_us", "first_inference_us", "boot_to_first_inference_us"),
    *("clock_drift_ppm", "clock_uncertainty_ppm", "is_clock_plausible", "predicted"),
    *("energy_estimate_uj", "power_mw", "power_source"),
}


def facts_of(report: Report) -> tuple[tuple[str, str], ...]:
    """(label, value) of what no other part of the page shows."""
    if report.run is None:
        return ()
    elsewhere = _SHOWN_ELSEWHERE | (_SHOWN_BY_DEVICE if device.is_measured(report) else set())
    return tuple(
        (_LABELS.get(key, key.replace("_", " ")), _fact(key, value))
        for key, value in report.run.items()
        if key not in elsewhere and value is not None and not isinstance(value, dict)
    )


def _fact(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_us") and isinstance(value, int | float):
        return f"{value / 1000:,.3f} ms"
    if key.endswith("_hz") and isinstance(value, int):
        return f"{value / 1e6:g} MHz"
    if key.endswith("_bytes") and isinstance(value, int):
        return f"{value:,} B"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
