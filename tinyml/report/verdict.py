"""The conclusion of a report: fits or not, and the figures that say so, each beside its budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tinyml.base.words import counted
from tinyml.plan.fit import RegionFit
from tinyml.report.energy import energy_of
from tinyml.report.predicted import error_text, ms_number
from tinyml.report.report import Memory, Report

MOST = 100.0  # percent that a gauge can show


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the conclusion."""

    label: str
    text: str  # the number in words
    unit: str
    sub: str  # what it is held against, or comes from
    key: str  # by which programs find it on the page
    value: float
    percent: float | None = None  # of the budget; None: there is none


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Whether it fits, why not, and how long it takes."""

    tone: Literal["good", "close", "bad"]
    word: str
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...]


def conclusion_of(report: Report) -> Conclusion:
    """What a reader wants to know first."""
    tone, word, reasons = _fitting(report)
    return Conclusion(
        tone,
        word,
        (*reasons, _speed(report), *_trust(report)),
        (_time(report), *map(_memory, report.memory), *_further(report)),
    )


def used_bytes(memory: Memory) -> int:
    """As linked; before that, as predicted."""
    return memory.predicted_bytes if memory.linked_bytes is None else memory.linked_bytes


def is_close(memory: Memory) -> bool:
    """Whether only the linker can say if it fits: by less than the prediction may be off."""
    if memory.linked_bytes is not None:
        return False
    uses = tuple(memory.uses.items())
    return RegionFit(memory.region, memory.kind, memory.budget_bytes, uses).is_close


def _fitting(report: Report) -> tuple[Literal["good", "close", "bad"], str, tuple[str, ...]]:
    over = [item for item in report.memory if used_bytes(item) > item.budget_bytes]
    close = [item for item in report.memory if is_close(item)]
    error = f"{' and '.join(item.region for item in close)} within the error of the prediction"
    if all(item in close for item in over) and close:
        word = "May not fit:" if over else "Fits,"
        return "close", f"{word} {error}.", ("Linking it tells.",)
    if not over:
        return ("good", "Fits.", ()) if report.fits else ("bad", "Does not fit.", ())
    missing = (
        f"{item.region} is {used_bytes(item) - item.budget_bytes:,} bytes too small"
        for item in over
    )
    return "bad", "Does not fit.", (f"{', '.join(missing)}.",)


def _speed(report: Report) -> str:
    run, predicted = report.run, report.predicted
    if run is not None and report.has_times:
        mhz = f"at {run['clock_hz'] / 1e6:g} MHz"
        took = f"{_subject(report)} {ms_number(run['time_us'], 3)} ms"
        if not run["is_estimate"]:
            return f"{took} {mhz}, measured on {run['target']}."
        left_out = run.get("left_out", "interrupts")
        error = error_text(run.get("error_percent"))
        return f"{took} {error} {mhz} (estimate, without {left_out})."
    start = "" if run is None else f"It ran on {run['target']}, which counts no cycles. "
    if predicted is None:
        return f"{start}How long an inference takes is not known before it has run."
    if predicted["time_us"] is None:
        instructions = f"{predicted['instructions']:,} instructions"
        return f"{start}{_subject(report)} {instructions} (predicted; nothing has run)."
    took = f"{ms_number(predicted['time_us'], 2)} ms {error_text(predicted['error_percent'])}"
    return (
        f"{start}{_subject(report)} {took} at {predicted['clock_hz'] / 1e6:g} MHz (predicted, "
        f"without {predicted['left_out']}; no time has been measured)."
    )


def _subject(report: Report) -> str:
    models = len(report.model.get("models", ()))
    return (
        f"One inference of each of the {models} models takes" if models else "One inference takes"
    )


def _trust(report: Report) -> Iterator[str]:
    """What is known of the results."""
    run, tested = report.run, report.self_test
    if run is not None and "equal_to_reference" in run:
        equal, count = run["equal_to_reference"], run["samples"]
        of = f"all {count}" if equal == count else f"{equal} of {count}"
        plural = "" if count == 1 else "s"
        yield f"Outputs equal the integer reference, every element, on {of} sample{plural}."
    elif run is None and tested is not None:
        samples = counted(tested["samples"], "sample")
        if tested["target"] == "reference":
            yield f"The simplified graph equals the model as it was read on {samples}."
        else:
            where = tested["target"]
            yield f"The image ran on {where}: outputs equal the integer reference on {samples}."


def _time(report: Report) -> Figure:
    run, predicted = report.run, report.predicted
    if run is not None and report.has_times:
        done = run["total"]
        sub = f"{done['cycles']:,} cycles"
        sub += f", {done['instructions']:,} instructions" if done["instructions"] else ""
        how = "estimated" if run["is_estimate"] else "measured"
        unit = "ms" + (f" {error_text(run.get('error_percent'))}" if run["is_estimate"] else "")
        text = ms_number(run["time_us"], 3)
        return Figure(f"Time per inference, {how}", text, unit, sub, "time_us", run["time_us"])
    macs = f"{report.model['macs']:,} MACs"
    if predicted is not None and predicted["time_us"] is not None:
        text, unit = ms_number(predicted["time_us"], 2), error_text(predicted["error_percent"])
        sub = f"{predicted['instructions']:,} instructions, {macs}"
        label = "Time per inference, predicted"
        return Figure(label, text, f"ms {unit}", sub, "time_us", predicted["time_us"])
    count = sum(layer.predicted_instructions for layer in report.layers)
    if not count:
        return Figure("Work per inference", f"{report.model['macs']:,}", "MACs", "", "macs", 0)
    return Figure("Instructions, predicted", f"{count:,}", "", macs, "instructions", count)


def _memory(memory: Memory) -> Figure:
    used = used_bytes(memory)
    percent = 100 * used / memory.budget_bytes if memory.budget_bytes else MOST
    how = "predicted" if memory.linked_bytes is None else "linked"
    left = memory.budget_bytes - used
    rest = f"{left:,} free" if left >= 0 else f"{-left:,} too many"
    return Figure(
        f"{memory.region}, {how}",
        f"{used:,}",
        "B",
        f"of {memory.budget_bytes:,} B, {percent:.1f} %; {rest}",
        f"memory.{memory.region}",
        used,
        percent,
    )


def _further(report: Report) -> Iterator[Figure]:
    run = report.run or {}
    if run.get("stack_bytes") is not None:
        used = run["stack_bytes"]
        sub = f"of {report.board['stack_bytes']:,} B reserved"
        bound = report.stack_bound_bytes
        sub += f", {bound:,} B possible by the code" if bound is not None else ""
        yield Figure("Stack used at most", f"{used:,}", "B", sub, "stack_bytes", used)
    if run.get("boot_to_first_inference_us"):
        boot_us = run["boot_to_first_inference_us"]
        sub = f"first inference, caches cold: {ms_number(run['first_inference_us'], 3)} ms"
        yield Figure("Reset to first result", ms_number(boot_us, 3), "ms", sub, "boot_us", boot_us)
    energy = energy_of(report)
    if energy is not None:
        text = f"{energy.inference_uj:,.1f}"
        sub = f"time x {energy.active_mw:g} mW of the chip, not measured"
        label = "Energy per inference, ESTIMATE"
        yield Figure(label, text, "µJ", sub, "energy_uj", energy.inference_uj)
    if "accuracy" in run:
        sub = f"on {run['samples']:,} labelled samples"
        yield Figure("Accuracy", f"{run['accuracy']:.4f}", "", sub, "accuracy", run["accuracy"])
