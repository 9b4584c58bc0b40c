"""The conversion as a whole: import, calibrate, quantise, measure; then write what came out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tinyml import __version__
from tinyml.base.errors import ModelError, TinymlError
from tinyml.convert import calibration
from tinyml.convert.data.read import HOW_TO_MAKE, read_data
from tinyml.convert.data.values import DataOptions, RawData
from tinyml.convert.early import (
    check_function,
    check_given,
    check_shapes,
    sample_shapes,
    shaped,
)
from tinyml.convert.environment import peak_bytes
from tinyml.convert.importers.torch_files import check_weights
from tinyml.convert.importers.values import Importer, ImportOptions, Source
from tinyml.convert.metadata import check_contract, stripped, with_metadata
from tinyml.convert.sources import importer_of, source_of
from tinyml.convert.values import (
    CalibrationSet,
    ConvertReport,
    Evaluation,
    FloatModel,
    Proof,
    QuantizedModel,
    QuantizeSettings,
    Transpose,
)
from tinyml.ir.graph import Array
from tinyml.ir.metadata import Metadata
from tinyml.passes.rewrite import moves
from tinyml.target.board import Board

if TYPE_CHECKING:
    from tinyml.convert.quality import Quality
    from tinyml.convert.sweep import Trial

Progress = Callable[[str, int, int], None]  # what, done, of how many
RANDOM = "random"


def quiet(_what: str, _done: int, _total: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """Everything that a user can ask for."""

    settings: QuantizeSettings = field(default_factory=QuantizeSettings)
    imports: ImportOptions = field(default_factory=ImportOptions)
    data: DataOptions = field(default_factory=DataOptions)
    calibration: str = ""  # a path, "module:function" or "random"
    evaluation: str = ""
    min_score: float | None = None  # least accuracy (or AUC; most RMSE) of the result
    max_drop: float | None = None  # most that it may lose
    is_sweep: bool = False  # try every suggestion
    is_stripped: bool = False  # neither metadata nor names but those of inputs and outputs
    allows_different: bool = False  # from what the source's own framework computes
    board: Board | None = None  # where the result is to run; also for the costs of the sweep
    runtime: str | None = None  # that is to run it; None: the board's own, or the first that can


@dataclass(frozen=True, slots=True)
class Converted:
    """A converted model and what is known of it."""

    report: ConvertReport
    quality: Quality | None  # None for float32
    trials: tuple[Trial, ...] = ()


def convert(model: str, options: ConvertOptions, progress: Progress = quiet) -> Converted:
    """From a float model of any known format to the .tflite for firmware.

    Raises ModelError, TinymlError or ToolError; nothing is written.
    """
    begun = time.monotonic()
    source = source_of(model)
    with importer_of(source).kept() as importer:
        original, data, proof = _imported(source, importer, options, progress)
    converted = _quantised(original, *data, options, progress)
    seconds = time.monotonic() - begun
    report = replace(converted.report, proof=proof, seconds=seconds, peak_bytes=peak_bytes())
    return replace(converted, report=report)


def _imported(
    source: Source, importer: Importer, options: ConvertOptions, progress: Progress
) -> tuple[FloatModel, tuple[CalibrationSet | None, Evaluation | None], Proof]:
    """The float model, the data for it, and how near it is to its source."""
    from tinyml.convert.proof import Imported, prove
    from tinyml.convert.states import with_states

    imports, raw = _before_import(source, importer, options)
    progress(f"importing with {importer.name}", 0, 1)
    original = importer.to_float_tflite(source, imports)
    progress(f"importing with {importer.name}", 1, 1)
    check_given(original, options.imports.input_shapes)
    check_contract(original, options.data.labels, options.data.mean)
    is_float = options.settings.quantization == "float32"
    samples = None if is_float else _calibration(original, options, raw)
    evaluation = _evaluation(original, options)
    made = Imported(original, importer, source, imports)
    fed = samples or calibration.random_calibration(original.inputs)
    progress(f"comparing with {importer.name}", 0, 1)
    proof = prove(
        made, with_states(original, fed.samples), allows_different=options.allows_different
    )
    progress(f"comparing with {importer.name}", 1, 1)
    return original, (samples, evaluation), proof


def _before_import(
    source: Source, importer: Importer, options: ConvertOptions
) -> tuple[ImportOptions, RawData | None]:
    """How to import, and data that say it; raises for all that is wrong whatever the model is."""
    check_function(source)
    check_weights(source, options.imports.weights)
    importer.require(options.imports)
    if not options.calibration and options.settings.quantization != "float32":
        raise TinymlError(
            "an integer model needs calibration data, to learn the range of every value",
            hint=f"--calibration: {HOW_TO_MAKE}",
        )
    _require_measure(options)
    calibration_data = "" if options.calibration == RANDOM else options.calibration
    shapes = sample_shapes((calibration_data, options.evaluation), options.data)
    imports = replace(options.imports, sample_shapes=shapes)
    raw = None
    if importer.name == "PyTorch" and not options.imports.input_shapes:
        raw = _early(source.path.suffix, options)
    imports = shaped(imports, raw)
    check_shapes(source, imports)
    return imports, raw


def _early(suffix: str, options: ConvertOptions) -> RawData | None:
    """Calibration data read before the model, which does not know the shape of its inputs."""
    if suffix == ".pt2" or options.calibration in ("", RANDOM):
        return None
    return read_data(options.calibration, options.data)


def _calibration(
    original: FloatModel, options: ConvertOptions, raw: RawData | None
) -> CalibrationSet:
    if options.calibration == RANDOM:
        return calibration.random_calibration(original.inputs)
    # Classes do not matter here, nor whether they have names.
    data = replace(options.data, labels=())
    held = raw or read_data(options.calibration, data, original.inputs)
    return calibration.calibration_set(held, original.inputs, options.data)


def _evaluation(original: FloatModel, options: ConvertOptions) -> Evaluation | None:
    if not options.evaluation:
        return None
    raw = read_data(options.evaluation, options.data, original.inputs)
    return calibration.evaluation_set(raw, (original.inputs, original.outputs), options.data)


def _quantised(
    original: FloatModel,
    samples: CalibrationSet | None,
    evaluation: Evaluation | None,
    options: ConvertOptions,
    progress: Progress,
) -> Converted:
    from tinyml.convert.quality import measure
    from tinyml.convert.quantize import quantize
    from tinyml.convert.states import as_variables, with_states
    from tinyml.convert.sweep import sweep

    fed = with_states(original, samples.samples if samples is not None else ())
    if evaluation is not None:
        evaluation = replace(evaluation, samples=with_states(original, evaluation.samples))
    settings = replace(
        options.settings,
        is_calibrated=samples is None or not samples.is_random,
        states=original.states,
    )
    try:
        result = quantize(original.data, list(_counted(fed, progress)), settings)
    except ModelError as error:
        error.where = original.file_name  # not the float model in between
        raise
    data = as_variables(result.data, original.states)
    result = replace(result, notes=(*result.notes, *_on_target(data, options)))
    quality = None
    trials: tuple[Trial, ...] = ()
    if samples is not None:
        quality = measure((original.data, result), settings, fed, evaluation, progress)
        if options.is_sweep:
            measured = (fed, evaluation or Evaluation(tuple(fed)))
            trials = sweep(original.data, quality, measured, (settings, options.board), progress)
    options = replace(options, settings=settings)
    report = _reported(original, samples, options, replace(result, data=data), quality)
    return Converted(report, quality, trials)


def _reported(
    original: FloatModel,
    samples: CalibrationSet | None,
    options: ConvertOptions,
    result: QuantizedModel,
    quality: Quality | None,
) -> ConvertReport:
    metadata = _metadata(original, samples, options)
    finish = stripped if options.is_stripped else with_metadata
    return ConvertReport(
        replace(original, transposes=_left(original.transposes, result.data)),
        options.settings,
        samples,
        replace(result, data=finish(result.data, metadata)),
        metadata,
        quality.to_json() if quality is not None else {},
    )


def _on_target(data: bytes, options: ConvertOptions) -> tuple[str, ...]:
    """Sentences on where the result runs; raises ModelError where that is nowhere."""
    from tinyml.convert.runtimes import Wanted, on_target

    wanted = Wanted(options.board, options.runtime)
    return on_target(data, wanted, is_float=options.settings.quantization == "float32")


def _left(transposes: tuple[Transpose, ...], data: bytes) -> tuple[Transpose, ...]:
    """The transpositions that the fix-ups have not removed."""
    from tinyml.convert import flatfile

    graph = flatfile.read("model.tflite", data)
    names = {graph.tensors[op.outputs[0]].name for op in graph.ops if moves(op, "transpose")}
    return tuple(item for item in transposes if item.name in names)


def _metadata(
    original: FloatModel, samples: CalibrationSet | None, options: ConvertOptions
) -> Metadata:
    return Metadata(
        options.data.labels,
        options.data.mean,
        options.data.std,
        f"tinyml {__version__} from {original.file_name} ({original.producer})",
        samples.sha256 if samples is not None else "",
        samples is None or not samples.is_random,
    )


def for_target(
    options: ConvertOptions, board: Board | None, runtime: str | None = None
) -> ConvertOptions:
    """The same options, with the board and the runtime on which the result is to run."""
    return replace(options, board=board, runtime=runtime)


def default_output(model: str) -> Path:
    """Where the result goes when the user does not say: here, under the model's name.

    Raises TinymlError when that is the model itself.
    """
    source = source_of(model)
    path = Path(f"{source.path.stem}.tflite")
    if path.resolve() == source.path.resolve():
        path = Path(f"{source.path.stem}_int8.tflite")
    return path


def require_score(converted: Converted, options: ConvertOptions) -> None:
    """Returns when the result is as good as the user demands.

    Raises MismatchError when it is not, TinymlError when nothing was measured.
    """
    from tinyml.convert.quality import require as require_quality

    if options.min_score is None and options.max_drop is None:
        return
    _require_measure(options)
    assert converted.quality is not None
    require_quality(converted.quality, options.min_score, options.max_drop)


def _require_measure(options: ConvertOptions) -> None:
    """Raises TinymlError where a score is demanded and nothing will be measured."""
    if options.min_score is None and options.max_drop is None:
        return
    if options.settings.quantization == "float32":
        raise TinymlError(
            "--min-accuracy and --max-drop judge integers, and the result is in floats",
            hint="leave them out, or take another --quantization",
        )
    if not options.evaluation:
        raise TinymlError(
            "--min-accuracy and --max-drop need something to measure",
            hint="--evaluate test.npz with an array 'labels'",
        )


def _counted(samples: Sequence[Sequence[Array]], progress: Progress) -> Iterator[Sequence[Array]]:
    for number, sample in enumerate(samples, 1):
        yield sample
        progress("calibrating", number, len(samples))
