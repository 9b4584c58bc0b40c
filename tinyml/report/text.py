"""The report as tables for a terminal: titles, columns and rows, nothing printed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tinyml.base.words import counted
from tinyml.plan.explore import Alternative
from tinyml.plan.fit import LARGEST, Fit, Spilled
from tinyml.plan.values import kinds_text
from tinyml.report.check import Entries
from tinyml.report.predicted import ms_number, ms_text, predicted_record, predicted_text
from tinyml.report.report import Report


@dataclass(frozen=True, slots=True)
class Table:
    """A table; a column name that ends in ``>`` is aligned to the right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Sequence[object], ...]
    least_first: tuple[str, ...] = ()  # columns that a narrow terminal leaves out, in that order


def layer_table(report: Report) -> Table:
    """Per layer: shape, MACs and, after a run, cycles, time, share and cycles per MAC."""
    has_run = report.run is not None
    total = sum(layer.cycles or 0 for layer in report.layers) or 1
    rows: list[tuple[object, ...]] = []
    for layer in report.layers:
        row: tuple[object, ...] = (
            layer.index,
            kinds_text(layer.op.split("+")),
            _shape(layer.shape),
            layer.macs,
            layer.kernel.removeprefix("tml_").removesuffix("_s8") or "-",
        )
        if has_run:
            cycles = layer.cycles or 0
            row += (
                layer.instructions,
                cycles,
                f"{layer.time_us or 0:,.0f}",
                f"{100 * cycles / total:.1f}",
                f"{cycles / layer.macs:.2f}" if layer.macs else "",
            )
        else:
            row += (layer.predicted_instructions, layer.weights_bytes, layer.scratch_bytes)
        rows.append(row)
    columns: tuple[str, ...] = ("#>", "op", "output", "MACs>", "kernel")
    if has_run:
        columns += ("instr.>", "cycles>", "µs>", "%>", "cyc/MAC>")
    else:
        columns += ("predicted instr.>", "constants B>", "scratch B>")
    least_first = ("cyc/MAC", "scratch B", "kernel", "instr.", "#", "MACs", "output", "cycles")
    return Table(f"Layers{not_calibrated(report)}", columns, tuple(rows), least_first)


def not_calibrated(report: Report) -> str:
    """A warning to put behind a title, when random samples set the ranges of the model."""
    is_calibrated = report.model.get("calibrated", True)
    return "" if is_calibrated else " (NOT CALIBRATED: results mean nothing)"


def memory_table(report: Report) -> Table:
    """Per region: what is predicted for each purpose, what was linked, what the board offers."""
    rows: list[tuple[object, ...]] = []
    for memory in report.memory:
        uses = " + ".join(f"{name} {nbytes:,}" for name, nbytes in memory.uses.items() if nbytes)
        linked = memory.linked_bytes
        rows.append(
            (
                memory.region,
                uses or "-",
                memory.predicted_bytes,
                linked if linked is not None else "-",
                _deviation(memory.predicted_bytes, linked),
                memory.budget_bytes,
                f"{100 * (linked or memory.predicted_bytes) / memory.budget_bytes:.1f}",
            )
        )
    return Table(
        "Memory (bytes)",
        ("region", "predicted", "sum>", "linked>", "diff>", "budget>", "used %>"),
        tuple(rows),
        ("diff", "used %", "predicted", "sum"),
    )


def build_tables(report: Report) -> tuple[Table, ...]:
    """What ``tinyml build`` prints."""
    return (layer_table(report), memory_table(report))


def run_tables(report: Report) -> tuple[Table, ...]:
    """What ``tinyml simulate`` prints."""
    return (layer_table(report), memory_table(report))


def fit_table(verdict: Fit) -> Table:
    """The answer of ``tinyml check`` for one board."""
    rows = tuple(
        (
            item.region,
            " + ".join(f"{purpose} {nbytes:,}" for purpose, nbytes in item.uses if nbytes) or "-",
            item.needed_bytes,
            item.budget_bytes,
            f"{100 * item.needed_bytes / item.budget_bytes:.1f}",
            "ok" if item.is_ok else f"{item.needed_bytes - item.budget_bytes:,} too many",
        )
        for item in verdict.regions
    )
    return Table(
        f"{verdict.board}: {verdict.title}",
        ("region", "needs (bytes, predicted)", "sum>", "budget>", "used %>", "verdict"),
        rows,
        ("used %", "needs (bytes, predicted)", "verdict"),
    )


def explore_table(board: str, alternatives: Sequence[Alternative]) -> Table:
    """The answer of ``tinyml check --explore`` for one board; a star marks what nothing beats."""
    rows = tuple(
        (
            ", ".join(item.goals) or "(tighter board)",
            item.arena_bytes,
            item.ram_bytes,
            item.instructions,
            item.cycles,
            item.flash_bytes,
            "fits" if item.fits else "too large",
            "*" if item.is_best else "",
        )
        for item in alternatives
    )
    columns = (
        *("--optimize", "arena>", "RAM>", "instructions>", "cycles>", "flash>"),
        *("verdict", "best"),
    )
    least_first = ("arena", "instructions", "RAM", "best", "flash", "verdict")
    return Table(f"{board}: what it could cost (bytes, predicted)", columns, rows, least_first)


def fit_sentences(verdict: Fit) -> tuple[str, ...]:
    """Where the peak is, what is largest, what would help."""
    tensors = ", ".join(f"'{name}' {nbytes:,}" for name, nbytes in verdict.tensors)
    weights = ", ".join(f"'{name}' {nbytes:,}" for name, nbytes in verdict.weights)
    sentences = [f"RAM peaks at {verdict.peak}; alive there: {tensors}"]
    if weights:
        sentences.append(f"largest constants: {weights}")
    first = verdict.regions[0].region
    sentences += [f"{_spilled(item)}: no room left in {first}" for item in verdict.spilled]
    if verdict.estimate is not None:
        predicted = predicted_record(verdict.estimate) or {}
        sentences.append(f"an inference takes {predicted_text(predicted)}")
    if verdict.copied is not None:
        sentences.append(copied_text(asdict(verdict.copied)))
    if verdict.shared is not None:
        sentences.append(shared_text(asdict(verdict.shared)))
    if verdict.stall_cycles:
        cycles = f"{verdict.stall_cycles:,} cycles"
        sentences.append(f"waiting for slow memory costs some {cycles} per inference (estimate)")
    if verdict.note:
        sentences.append(f"budgets: {verdict.note}")
    sentences += [f"what would help: {advice}" for advice in verdict.advice]
    return tuple(sentences)


def _spilled(item: Spilled) -> str:
    named = [f"'{name}' {nbytes:,}" for name, nbytes in item.tensors[:LARGEST]]
    rest = len(item.tensors) - len(named)
    named += [f"{rest} more"] if rest else []
    named += [counted(item.scratches, "scratch buffer")] if item.scratches else []
    return f"{item.region} holds {', '.join(named)} ({item.nbytes:,} bytes, least work per byte)"


def fit_verdict(verdict: Fit) -> str:
    """The conclusion in one line."""
    close = [item.region for item in verdict.regions if item.is_close]
    error = f"{' and '.join(close)} within the error of the prediction"
    if verdict.is_ok:
        return f"fits, {error}: 'tinyml build' links it and knows" if close else "fits"
    if verdict.is_close:
        return f"MAY NOT FIT, {error}: 'tinyml build' links it and knows"
    short = [
        f"{item.region} is {item.needed_bytes - item.budget_bytes:,} bytes too small"
        for item in verdict.regions
        if not item.is_ok
    ]
    return "DOES NOT FIT: " + ", ".join(short)


def summary(report: Report) -> str:
    """One sentence: how fast, how large, does it fit."""
    models = len(report.model.get("models", ()))
    together = f" ({models} models, all of them together)" if models else ""
    parts = [f"{report.model['file']}{together} on {report.board['name']}"]
    run = report.run
    if run is None and report.predicted is not None:
        parts.append(predicted_text(report.predicted))
    if run and run["total"]["cycles"] and run["target"] != "host":
        parts.append(_time_text(run))
        if run.get("stack_bytes") is not None:
            parts.append(f"stack {run['stack_bytes']:,} bytes at most")
    if run and "accuracy" in run:
        doubt = doubted(run.get("accuracy_doubt", ""))
        parts.append(
            f"accuracy {run['accuracy']:.4f} on {counted(run['samples'], 'sample')}{doubt}"
        )
    if run and "equal_to_reference" in run:
        doubt = doubted(run.get("outputs_doubt", ""))
        count = counted(run["equal_to_reference"], "sample")
        parts.append(f"outputs equal to the reference on all {count}{doubt}")
    elif run:
        parts.append("outputs not compared: an operator or type has no integer reference")
    parts.append("fits" if report.fits else "DOES NOT FIT")
    return "; ".join(parts)


def _time_text(run: Entries) -> str:
    where = f"per inference at {run['clock_hz'] / 1e6:g} MHz"
    cycles = f"{run['total']['cycles']:,} cycles"
    if not run["is_estimate"]:
        return f"{run['time_us'] / 1000:,.3f} ms {where} (measured, {cycles})"
    took = ms_text(run["time_us"], run.get("error_percent"))
    without = f", without {run['left_out']}" if "left_out" in run else ""
    return f"{took} {where} (estimated, {cycles}{without})"


def copied_text(copied: Entries) -> str:
    """What the constants in RAM are good for."""
    layers = counted(copied["layers"], "layer")
    return (
        f"{copied['nbytes']:,} bytes of weights ({layers}) are copied to "
        f"{copied['region']} at start: some {copied['saved_cycles']:,} cycles less of waiting for "
        "flash per inference (--optimize ram leaves them in flash)"
    )


def copied_lines(report: Report) -> tuple[str, ...]:
    """The same of a build; nothing where all constants stay in flash."""
    return (copied_text(report.copied),) if report.copied is not None else ()


def shared_text(shared: Entries) -> str:
    """What a second core is good for."""
    handover = f"{shared['handover_cycles']:,} cycles of hand-over"
    if not shared["layers"]:
        return (
            f"no layer runs on two cores: {shared['can_be']} of {shared['of_layers']} can be cut "
            "in two, not those row by row, loops and DSP kernels; of these none has two rows and "
            f"gains enough beside {handover}, or goal and budget chose others; "
            "--optimize speed looks at nothing but time"
        )
    return (
        f"{len(shared['layers'])} of {shared['of_layers']} layers run on two cores: some "
        f"{ms_number(shared['saved_us'], 2)} ms less per inference than they take on one "
        f"(predicted; {handover} each, waiting for flash and PSRAM is not halved)"
    )


def shared_lines(report: Report) -> tuple[str, ...]:
    """The same of a build, or what the times of a run are made from."""
    ran = (report.run or {}).get("two_cores")
    if ran is not None:
        return (
            f"two cores: the halves of {len(ran['layers'])} layers ran one after the other; times "
            f"are those of the longer half and {ran['handover_cycles']:,} cycles of hand-over, "
            "instructions those of both",
        )
    return (shared_text(report.two_cores),) if report.two_cores is not None else ()


def stack_lines(report: Report) -> tuple[str, ...]:
    """How deep the stack may get by the code; nothing where the code does not tell."""
    bound, reserved = report.stack_bound_bytes, report.board["stack_bytes"]
    if bound is None or report.run is not None:
        return ()
    return (
        f"stack: {bound:,} bytes at most, by the code; {reserved:,} are reserved, for interrupts "
        "and your application as well",
    )


def self_test_lines(report: Report) -> tuple[str, ...]:
    """What the build itself tested; nothing once a run on samples says more."""
    tested = report.self_test
    if tested is None or report.run is not None:
        return ()
    count = counted(tested["samples"], "sample")
    if tested["target"] == "reference":
        return (
            "self-test: no image ran; the simplified graph equals the model as it was read on "
            f"{count}",
        )
    return (f"self-test on {tested['target']}: outputs equal to the reference on {count}",)


def doubted(doubt: str) -> str:
    """What to put behind a score that says little; "" behind one that does not."""
    return f" (SAYS LITTLE: {doubt})" if doubt else ""


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _deviation(predicted: int, linked: int | None) -> str:
    if not linked:
        return "-"
    return f"{100 * (predicted - linked) / linked:+.1f} %"
