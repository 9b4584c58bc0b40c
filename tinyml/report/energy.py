"""Energy of an inference, and how long a battery lasts: a time, by the power of a running core."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.report.report import Report
from tinyml.report.text import Table

UJ_PER_MWH = 3.6e6


@dataclass(frozen=True, slots=True)
class Energy:
    """ESTIMATES: nothing of it was measured but, perhaps, the time."""

    inference_uj: float
    time_us: float  # of an inference: measured, simulated or predicted, as time_from says
    time_from: str
    active_mw: float  # of the chip while the core runs
    source: str  # where that figure comes from

    @property
    def per_mwh(self) -> float:
        """How many inferences a milliwatt-hour is good for, back to back."""
        return UJ_PER_MWH / self.inference_uj


def energy_of(report: Report) -> Energy | None:
    """None where the board's file knows no power of the chip, or nothing is known of the time."""
    power, source = report.board.get("power_mw"), report.board.get("power_source", "")
    time_us, where = _time(report)
    run = report.run or {}
    if power is None and "power_mw" in run:  # written before the board's part had it
        power, source = run["power_mw"], run.get("power_source", "")
    if not power or not time_us:
        return None
    inference_uj = run.get("energy_estimate_uj") or time_us * power / 1000
    return Energy(inference_uj, time_us, where, power, source)


def _time(report: Report) -> tuple[float | None, str]:
    if report.run is not None and report.has_times:
        how = "simulated" if report.run["is_estimate"] else "measured"
        return report.run["time_us"], how
    if report.predicted is None:
        return None, ""
    return report.predicted["time_us"], "predicted"


_CELLS = (("CR2032, 3 V x 225 mAh", 675), ("Li-Po, 3.7 V x 1,000 mAh", 3700))
_LONG_HOURS = 10 * 365 * 24  # no cell lasts longer, whatever takes from it
_RATES = (("back to back", float("inf")), ("one a second", 3600), ("one a minute", 60))


def battery_table(energy: Energy) -> Table:
    """How long cells last at some rates, when all else takes nothing."""
    rows = tuple(
        (name, *(_days(battery_hours(energy, mwh, rate, 0.0)) for _, mwh in _CELLS))
        for name, rate in _RATES
    )
    columns = ("inferences alone", *(f"{name}>" for name, _ in _CELLS))
    return Table("How long a battery lasts (ESTIMATE)", columns, rows)


def _days(hours: float) -> str:
    if hours > _LONG_HOURS:
        return "over 10 years"
    return f"{hours / 24:,.0f} days" if hours >= 240 else f"{hours:,.1f} h"


def battery_hours(energy: Energy, mwh: float, per_hour: float, sleep_mw: float) -> float:
    """How long ``mwh`` last at so many inferences an hour, with ``sleep_mw`` between them.

    The inferences of an hour take no more than all of it: beyond that they are back to back.
    """
    busy = min(1.0, per_hour * energy.time_us / 3.6e9)
    return mwh / (busy * energy.active_mw + (1 - busy) * sleep_mw)
