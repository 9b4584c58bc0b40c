"""The model that ``tinyml build`` compiles: as it is, or what a conversion makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tinyml.base.errors import TinymlError
from tinyml.convert.conversion import (
    Converted,
    ConvertOptions,
    Progress,
    convert,
    quiet,
    require_score,
)
from tinyml.convert.document import text_of
from tinyml.convert.importers.tflite import refuse_quantised
from tinyml.convert.sources import is_int8_tflite, source_of
from tinyml.convert.values import QuantizeSettings
from tinyml.model.file import ModelFile, model_file, read_model
from tinyml.model.together import together


def model_for_build(
    model: str, options: ConvertOptions, progress: Progress = quiet
) -> tuple[ModelFile, Converted | None]:
    """The model to build: a .tflite as it is, or what becomes of any other.

    A .tflite in float32 is quantised where options ask for it.

    Raises what ``convert`` raises, MismatchError when the result is not as good as demanded, and
    TinymlError for options of a conversion of a model that is in integers already.
    """
    source = source_of(model)
    asked = asked_of(options)
    is_kept = source.path.suffix == ".tflite" and not asked
    is_done = is_int8_tflite(source)
    if is_done and asked:
        refuse_quantised(source.path, asked)
    if source.path.is_file() and (is_kept or is_done):
        return read_model(source.path), None
    converted = convert(model, options, progress)
    require_score(converted, options)
    name = f"{source.path.stem}.tflite"
    made = model_file(name, converted.report.result.data)
    return replace(made, conversion=text_of(converted, name)), converted


def models_for_build(
    models: Sequence[str], options: ConvertOptions, progress: Progress = quiet
) -> tuple[ModelFile, Converted | None]:
    """model_for_build() of one model; several become one file, and none of them is converted."""
    if len(models) == 1:
        return model_for_build(models[0], options, progress)
    asked = asked_of(options)
    if asked:
        raise TinymlError(
            f"{asked[0]} is for one model, and there are {len(models)}",
            hint="convert each of them first: tinyml convert MODEL",
        )
    return together([read_model(Path(model)) for model in models]), None


def asked_of(options: ConvertOptions) -> tuple[str, ...]:
    """The options, as on the command line, that only a conversion can honour and a user gave."""
    own, data = options.settings, options.data
    given = {
        "--calibration": options.calibration,
        "--evaluate": options.evaluation,
        "--quantization": own.quantization != QuantizeSettings().quantization,
        "--io": own.io != QuantizeSettings().io,
        "--keep-int16": own.keep_int16,
        "--labels": data.labels,
        "--normalize": data.mean,
        "--weights": options.imports.weights,
        "--input-shape": options.imports.input_shapes,
        "--min-accuracy": options.min_score is not None,
        "--max-drop": options.max_drop is not None,
    }
    return tuple(name for name, value in given.items() if value)
