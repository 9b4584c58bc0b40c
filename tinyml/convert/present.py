"""A conversion as tables and sentences for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from tinyml.base.words import counted
from tinyml.convert.conversion import Converted
from tinyml.convert.quality import Quality
from tinyml.convert.values import EQUAL_DB, ModelInput, Proof
from tinyml.report.text import Table, doubted

_WORST = 5  # layers that are shown


def tables(converted: Converted) -> Iterator[Table]:
    """Inputs and outputs, the layers that hurt most, and what the sweep found."""
    report = converted.report
    model = report.model
    rows = [_tensor_row("input", item) for item in model.inputs]
    rows += [_tensor_row("output", item) for item in model.outputs]
    yield Table("", ("", "name", "shape", "in the source"), tuple(rows))
    if converted.quality is not None:
        yield Table(
            "Layers that harm the output most",
            ("layer", "op", "bits>", "from>", "to>", "clipped %>", "SQNR dB>", "alone dB>"),
            tuple(
                (
                    layer.name,
                    layer.kind,
                    layer.bits,
                    f"{layer.low:.3g}",
                    f"{layer.high:.3g}",
                    f"{100 * layer.clipped_share:.2f}",
                    f"{layer.sqnr_db:.1f}",
                    f"{layer.own_db:.1f}",
                )
                for layer in converted.quality.worst(_WORST)
            ),
            ("from", "to", "bits", "clipped %", "op"),
        )
    if converted.trials:
        yield _trials(converted)


def _trials(converted: Converted) -> Table:
    metric = converted.quality.score.metric if converted.quality is not None else "score"
    return Table(
        "Tried, best first",
        ("option", f"{metric}>", "drop>", "RAM B>", "flash B>", "MACs>"),
        tuple(
            (
                trial.option or "(as it is)",
                f"{trial.score:.4f}",
                f"{trial.drop:+.4f}",
                trial.costs.ram_bytes,
                trial.costs.flash_bytes,
                trial.costs.macs,
            )
            for trial in converted.trials
        ),
        ("MACs", "flash B", "RAM B"),
    )


def _tensor_row(what: str, item: ModelInput) -> tuple[object, ...]:
    other = "" if item.permutation is None else _shape(item.source_shape)
    return what, item.name, _shape(item.shape), other


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape) or "scalar"


def sentences(converted: Converted) -> Iterator[str]:
    """What was done and what to know, a line each."""
    report = converted.report
    model = report.model
    yield f"{model.file_name}: {model.source_format} ({model.producer})"
    if not model.is_trained:
        yield (
            "warning: UNTRAINED: neither --weights nor the file itself loads weights; those that "
            "the network was initialised with are converted"
        )
    for note in (*model.notes, *report.result.notes):
        yield f"note: {note}"
    for item in model.transposes:
        yield (
            f"warning: transposition '{item.name}' to {_shape(item.shape)} remains: "
            f"{item.elements:,} elements are moved per inference"
        )
    if report.proof is not None:
        yield from _of_proof(report.proof)
    if report.calibration is not None:
        count = len(report.calibration.samples)
        yield f"calibration: {counted(count, 'sample')} of {report.calibration.source}"
        for warning in report.calibration.warnings:
            yield f"warning: {warning}"
    if converted.quality is not None:
        yield from lost_sentences(converted.quality)
        yield f"integers evaluated by: {converted.quality.evaluator}"
        for number, suggestion in enumerate(converted.quality.suggestions, 1):
            option = f" ({suggestion.option})" if suggestion.option else ""
            yield f"to try {number}: {suggestion.text}{option}"
    peak = f", at most {report.peak_bytes / 1e6:,.0f} MB of memory" if report.peak_bytes else ""
    yield f"took {report.seconds:.1f} s{peak}"


def lost_sentences(quality: Quality) -> Iterator[str]:
    """Which layers are no better than zeros, and whether the output is; nothing when none is."""
    names = quality.lost()
    if names:
        rest = f" and {len(names) - _WORST} more" if len(names) > _WORST else ""
        listed = ", ".join(f"'{name}'" for name in names[:_WORST])
        yield (
            "warning: a signal-to-noise ratio of 0 dB or less: zeros would be as good as the "
            f"output of {listed}{rest}"
        )
    if quality.output_sqnr_db <= 0:
        yield (
            f"warning: the output has a signal-to-noise ratio of {quality.output_sqnr_db:.1f} dB: "
            "zeros would be as good"
        )


def _of_proof(proof: Proof) -> Iterator[str]:
    """The imported model beside the one in its framework."""
    if proof.db is None:
        yield f"warning: the import was not compared with {proof.framework}: {proof.output}"
        return
    yield (
        f"float model compared with {proof.framework}: {proof.db:.1f} dB on {proof.samples} "
        f"sample{'' if proof.samples == 1 else 's'}"
    )
    if proof.db < EQUAL_DB:
        first = f"; the first layer that differs is '{proof.first}'" if proof.first else ""
        yield (
            f"warning: output '{proof.output}' of the import is only {proof.db:.1f} dB from "
            f"{proof.framework}; {EQUAL_DB:g} dB and more are usual{first}"
        )


def of_build(converted: Converted | None, file_name: str) -> Iterator[str]:
    """The lines on a conversion above the report of a build; none when nothing was converted."""
    if converted is not None:
        yield from sentences(converted)
        yield verdict(converted, file_name)


def verdict(converted: Converted, file_name: str) -> str:
    """The result in one line."""
    report = converted.report
    kind = report.settings.quantization
    parts = [f"{file_name}: {kind}, {len(report.result.data):,} bytes"]
    if not report.settings.is_calibrated:
        parts.append("NOT CALIBRATED: for experiments on size and speed only")
    if not report.model.is_trained:
        parts.append("UNTRAINED: no weights were loaded, results mean nothing")
    if converted.quality is not None:
        score = converted.quality.score
        parts.append(
            f"{score.metric} {score.in_integers:.4f}, in float {score.in_float:.4f}, "
            f"on {score.samples} samples{doubted(score.doubt)}"
        )
    return "; ".join(parts)


def is_meant(converted: Converted) -> bool:
    """Whether the result's scores mean something."""
    report, quality = converted.report, converted.quality
    has_doubt = quality is not None and bool(quality.score.doubt)
    return report.settings.is_calibrated and report.model.is_trained and not has_doubt
