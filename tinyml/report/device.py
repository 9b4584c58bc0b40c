"""Tables of what was measured or verified on a board."""

from __future__ import annotations

from collections.abc import Sequence

from tinyml.plan.values import kinds_text
from tinyml.report.check import Entries
from tinyml.report.report import Report
from tinyml.report.text import Table


def profile_tables(report: Report) -> tuple[Table, ...]:
    """What ``tinyml profile`` prints."""
    assert report.run is not None
    return (layer_times(report), facts(report))


def is_measured(report: Report) -> bool:
    """Whether the run is one that ``tinyml profile`` measured over a port."""
    return bool(report.run and "fresh_runs" in report.run)


def layer_times(report: Report) -> Table:
    """Per layer and in total: how long it took, how that varied, what was predicted."""
    run = report.run or {}
    predicted = run.get("predicted", {})
    guesses: Sequence[int | None] = predicted.get("layers", [None] * len(report.layers))
    total = run["total"]["cycles"]
    rows: list[tuple[object, ...]] = []
    for layer, guess in zip(report.layers, guesses, strict=True):
        spread = layer.spread
        assert spread is not None
        rows.append(
            (
                layer.index,
                kinds_text(layer.op.split("+")),
                layer.kernel.removeprefix("tml_").removesuffix("_s8") or "-",
                *(spread.min, spread.median, spread.p95, spread.max),
                _us(spread.median, run["clock_hz"]),
                f"{100 * spread.median / total:.1f}" if total else "",
                guess,
                _ratio(spread.median, guess),
            )
        )
    rows.append(_total_row(run))
    columns = ("#>", "op", "kernel", "min>", "median>", "p95>", "max>", "µs>", "%>")
    where = f"{report.board['name']} ({run['target']})"
    return Table(
        f"Cycles of {run.get('runs', 'all')} inferences on {where}",
        (*columns, "predicted>", "ratio>"),
        tuple(rows),
        ("p95", "min", "max", "kernel", "ratio", "predicted", "#", "%"),
    )


def _total_row(run: Entries) -> tuple[object, ...]:
    whole, guess = run["spread"], run.get("predicted", {}).get("total")
    return (
        *("", "total", ""),
        *(whole["min"], whole["median"], whole["p95"], whole["max"]),
        _us(whole["median"], run["clock_hz"]),
        "100.0" if run["total"]["cycles"] else "",
        guess,
        _ratio(whole["median"], guess),
    )


def facts(report: Report) -> Table:
    """Memory, boot, clock, energy: a line each, as far as they are known."""
    run = report.run or {}
    rows: list[tuple[object, ...]] = [
        ("arena", f"{run['arena_bytes']:,} bytes"),
        ("stack used at most", _stack(run)),
        ("heap", "none: the firmware does not allocate"),
        ("reset to ready", _ms(run.get("boot_us"))),
        ("first inference, caches cold", _ms(run.get("first_inference_us"))),
        ("reset to first result", _ms(run.get("boot_to_first_inference_us"))),
        ("inference by the device's clock", _ms(run.get("measured_time_us"))),
        ("device clock against this computer's", _drift(run)),
        ("runs with an input sent anew", f"{run['fresh_runs']:,} of {run['runs']:,}"),
        ("predicted by", run["predicted"]["source"]),
    ]
    if "baud" in run:
        rows.append(("serial line", f"{run['baud']:,} baud"))
    if "energy_estimate_uj" in run:
        rows.append(
            (
                "energy of an inference (ESTIMATE)",
                f"{run['energy_estimate_uj']:,} µJ: measured time x {run['power_mw']:g} mW "
                f"({run['power_source']})",
            )
        )
    return Table("On the board", ("what", "value"), tuple(row for row in rows if row[1]))


def confusion_table(confusion: Sequence[Sequence[int]]) -> Table:
    """Samples by label (rows) and by what the board said (columns)."""
    return Table(
        "Confusion (rows: label, columns: output of the board)",
        ("label>", *(f"{index}>" for index in range(len(confusion)))),
        tuple((index, *row) for index, row in enumerate(confusion)),
    )


def _us(cycles: int, clock_hz: int) -> str:
    return f"{cycles * 1e6 / clock_hz:,.1f}"


def _ratio(measured: int, predicted: int | None) -> str:
    return f"{measured / predicted:.2f}" if predicted and measured else ""


def _ms(time_us: float | None) -> str:
    return f"{time_us / 1000:,.3f} ms" if time_us else ""


def _stack(run: Entries) -> str:
    if run["stack_bytes"] is None:
        return ""
    return f"{run['stack_bytes']:,} of {run['stack_reserved_bytes']:,} bytes"


def _drift(run: Entries) -> str:
    if "clock_drift_ppm" not in run:
        return "it stands still: this target counts no cycles"
    text = f"{run['clock_drift_ppm']:+,.0f} ppm (± {run['clock_uncertainty_ppm']:,.0f})"
    if not run["is_clock_plausible"]:
        return f"{text}: an emulator, or clock_hz is wrong; do not trust the times"
    return text
