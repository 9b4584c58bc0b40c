"""A conversion as JSON: what convert.json holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tinyml.convert.conversion import Converted
from tinyml.convert.values import ModelInput, QuantizeSettings

if TYPE_CHECKING:
    from tinyml.convert.sweep import Trial


def to_json(converted: Converted, file_name: str) -> dict[str, Any]:
    """What convert.json holds."""
    report = converted.report
    model, samples = report.model, report.calibration
    return {
        "format": 1,
        "model": {
            "file": file_name,
            "bytes": len(report.result.data),
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


def _settings_json(settings: QuantizeSettings) -> dict[str, Any]:
    return {
        "quantization": settings.quantization,
        "io": settings.io,
        "keep_int16": list(settings.keep_int16),
        "equalize": settings.equalize,
        "correct_bias": settings.correct_bias,
        "ranges": settings.ranges,
    }


def _tensor_json(item: ModelInput) -> dict[str, Any]:
    return {
        "name": item.name,
        "shape": list(item.shape),
        "dtype": item.dtype,
        "source_shape": list(item.source_shape),
    }


def _trial_json(trial: Trial) -> dict[str, Any]:
    return {
        "option": trial.option,
        "score": trial.score,
        "drop": trial.drop,
        "bytes": trial.nbytes,
        "ram_bytes": trial.costs.ram_bytes,
        "flash_bytes": trial.costs.flash_bytes,
        "macs": trial.costs.macs,
    }
