"""What the readers of data are told and what they give back."""

from __future__ import annotations

from dataclasses import dataclass, field

from tinyml.ir.graph import Array

LABEL_NAMES = ("labels", "label", "y", "targets", "target", "class")


@dataclass(frozen=True, slots=True)
class DataOptions:
    """How files become samples."""

    limit: int | None = None  # use only the first samples
    image_size: tuple[int, int] | None = None  # (width, height); None: the model's input
    image_fit: str = "stretch"  # or "crop" or "pad", when the proportions differ
    mean: tuple[float, ...] = ()  # of pixels (0..255) or columns: fed = (value - mean) / std
    std: tuple[float, ...] = ()
    features: str = ""  # "module:function" from (sound, rate) to an array
    labels: tuple[str, ...] = ()  # names of the classes in the output's order


@dataclass(frozen=True, slots=True)
class RawData:
    """Samples as they were found, before they are fitted to a model."""

    arrays: dict[str, Array]  # samples along the first axis; "" names the only array
    source: str  # file name, folder or "module:function"
    labels: Array | None = None  # one class per sample, or one array of the output's shape
    notes: tuple[str, ...] = field(default=())
    is_raw_layout: bool = True  # in the order of axes of the source model, not of the .tflite
