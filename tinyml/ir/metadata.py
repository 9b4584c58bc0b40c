"""What a model says about itself beside its graph."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metadata:
    """Labels, normalisation and origin of a model; empty where nothing is known."""

    labels: tuple[str, ...] = ()  # one per class, in the order of the output's elements
    mean: tuple[float, ...] = ()  # per channel or one: fed value = (raw value - mean) / std
    std: tuple[float, ...] = ()
    producer: str = ""  # "tinyml 0.1.0 from model.keras (keras 3.15.1)"
    calibration_sha256: str = ""
    is_calibrated: bool = True  # False: ranges come from random samples, results mean nothing
