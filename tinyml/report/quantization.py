"""What quantisation cost, as convert.json says it: for the page, from the text of that file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from tinyml.report.check import Entries
from tinyml.report.classes import Matrix, class_table, matrix_of
from tinyml.report.text import Table

WORST = 5  # layers shown
_LAYERS = ("layer", "op", "bits>", "alone dB>", "in the model dB>", "range", "clipped %>")


@dataclass(frozen=True, slots=True)
class Quantization:
    """A conversion, ready to be shown."""

    facts: tuple[tuple[str, str], ...]
    score: Table | None = None  # None: nothing was quantised
    doubt: str = ""  # why the score says little
    matrices: tuple[Matrix, ...] = ()  # of the integer model, then of the float model
    classes: Table | None = None
    worst: Table | None = None
    advice: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def quantization_of(text: str, sha256: str) -> Quantization | None:
    """What convert.json holds of a model; None when it is of another one.

    Raises ValueError when it is not what ``tinyml convert`` writes.
    """
    try:
        document = json.loads(text)
        if document["format"] != 1:
            raise ValueError(f"format {document['format']}, this version reads 1")
        if document["model"].get("sha256") != sha256:
            return None
        return _shown(document, document["quality"])
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _shown(document: Entries, quality: Entries) -> Quantization:
    calibration = document["calibration"] or {}
    facts, warnings = tuple(_facts(document)), tuple(map(str, calibration.get("warnings", ())))
    if not quality:
        return Quantization(facts, warnings=warnings)
    score, labels = quality["score"], document["labels"]
    pair = (
        matrix_of(f"{what} model", score.get(f"confusion_in_{key}", ()), labels)
        for what, key in (("integer", "integers"), ("float", "float"))
    )
    matrices = tuple(item for item in pair if item is not None)
    return Quantization(
        facts,
        score=_score(score, quality),
        doubt=str(score["doubt"]),
        matrices=matrices,
        classes=class_table(*matrices[:2]) if matrices else None,
        worst=_worst(quality),
        advice=tuple(
            f"{item['text']} ({item['option']})" if item["option"] else str(item["text"])
            for item in quality["suggestions"]
        ),
        warnings=warnings,
    )


def _facts(document: Entries) -> Iterator[tuple[str, str]]:
    model, settings = document["model"], document["settings"]
    yield "source", f"{model['source']} ({model['source_format']})"
    if model.get("producer"):
        yield "made by", str(model["producer"])
    yield "quantisation", f"{settings['quantization']}, inputs and outputs {settings['io']}"
    chosen = [name for name in ("equalize", "correct_bias") if settings.get(name)]
    if settings["keep_int16"]:
        chosen.append(f"16 bits for {', '.join(settings['keep_int16'])}")
    if chosen:
        yield "options", ", ".join(chosen).replace("_", " ")
    calibration = document["calibration"]
    if not document["calibrated"]:
        yield "calibration", "NONE: random samples, results mean nothing"
    elif calibration:
        yield "calibration", f"{calibration['samples']:,} samples of {calibration['source']}"
    if document["import"]:
        yield "import", f"equal to the source's own framework to {document['import']['db']:.0f} dB"


def _score(score: Entries, quality: Entries) -> Table:
    row = (
        str(score["metric"]),
        f"{score['in_float']:.4f}",
        f"{score['in_integers']:.4f}",
        f"{score['drop']:+.4f}",
        int(score["samples"]),
        f"{quality['output_sqnr_db']:.1f}",
        str(quality["evaluator"]),
    )
    columns = ("metric", "float>", "integers>", "lost>", "samples>", "output SQNR dB>", "computed")
    return Table("Float and integer model", columns, (row,))


def _worst(quality: Entries) -> Table:
    """The layers that harm the output most when they alone are quantised, worst first."""
    layers = {layer["name"]: layer for layer in quality["layers"]}
    chosen = [layers[name] for name in quality["worst_layers"] if name in layers][:WORST]
    rows = tuple(
        (
            layer["name"],
            layer["kind"],
            layer["bits"],
            f"{layer['own_db']:.1f}",
            f"{layer['sqnr_db']:.1f}",
            f"{layer['low']:.3g} .. {layer['high']:.3g}",
            f"{100 * layer['clipped_share']:.2f}",
        )
        for layer in chosen
    )
    return Table("Layers that harm most", _LAYERS, rows)
