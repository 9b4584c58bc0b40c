"""What a conversion leaves: the model, and <model>.convert.json beside it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tinyml.base.files import write_atomic
from tinyml.convert.conversion import Converted
from tinyml.convert.values import ModelInput, QuantizeSettings
from tinyml.model.file import conversion_path

if TYPE_CHECKING:
    from tinyml.convert.sweep import Trial


def write_conversion(converted: Converted, output: Path) -> tuple[Path, Path]:
    """Writes the model, and its report beside it; each at once or not at all."""
    write_atomic(output, converted.report.result.data)
    return output, write_document(converted, output)


def write_document(converted: Converted, model: Path) -> Path:
    """Writes the report beside the model, under the model's name; returns its path."""
    path = conversion_path(model)
    write_atomic(path, text_of(converted, model.name))
    return path


def text_of(converted: Converted, file_name: str) -> str:
    """The report as the text of a file."""
    return json.dumps(to_json(converted, file_name), indent=1) + "\n"


def to_json(converted: Converted, file_name: str) -> dict[str, object]:
    """What convert.json holds."""
    report = converted.report
    model, samples = report.model, report.calibration
    return {
        "format": 1,
        "model": {
            "file": file_name,
            "bytes": len(report.result.data),
            "sha256": hashlib.sha256(report.result.data).hexdigest(),
            "source": model.file_name,
            "source_format": model.source_format,
            "producer": model.producer,
            "inputs": [_tensor_json(item) for item in model.inputs],
            "outputs": [_tensor_json(item) for item in model.outputs],
            "transposes": [
                {"name": item.name, "shape": list(item.shape), "elements": item.elements}
                for item in model.transposes
            ],
            "trained": model.is_trained,
            "notes": [*model.notes, *report.result.notes],
        },
        "import": None if report.proof is None else asdict(report.proof),
        "settings": _settings_json(report.settings),
        "calibrated": report.settings.is_calibrated,
        "calibration": None
        if samples is None
        else {
            "source": samples.source,
            "samples": len(samples.samples),
            "sha256": samples.sha256,
            "warnings": list(samples.warnings),
        },
        "labels": list(report.metadata.labels),
        "normalization": {"mean": list(report.metadata.mean), "std": list(report.metadata.std)},
        "quality": report.quality,
        "sweep": [_trial_json(trial) for trial in converted.trials],
        "seconds": round(report.seconds, 2),
        "peak_bytes": report.peak_bytes,
    }


def _settings_json(settings: QuantizeSettings) -> dict[str, object]:
    return {
        "quantization": settings.quantization,
        "io": settings.io,
        "keep_int16": list(settings.keep_int16),
        "equalize": settings.equalize,
        "correct_bias": settings.correct_bias,
        "ranges": settings.ranges,
    }


def _tensor_json(item: ModelInput) -> dict[str, object]:
    return {
        "name": item.name,
        "shape": list(item.shape),
        "dtype": item.dtype.name,
        "source_shape": list(item.source_shape),
    }


def _trial_json(trial: Trial) -> dict[str, object]:
    return {
        "option": trial.option,
        "score": trial.score,
        "drop": trial.drop,
        "bytes": trial.nbytes,
        "ram_bytes": trial.costs.ram_bytes,
        "flash_bytes": trial.costs.flash_bytes,
        "macs": trial.costs.macs,
    }
