"""Follows the first suggestion of the report on both networks and prints what it brought.

python make.py && python compare.py [folder]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from tinyml.base import console
from tinyml.convert.conversion import Converted, ConvertOptions, convert
from tinyml.convert.values import QuantizeSettings

HERE = Path(__file__).parent


def row(model: Path) -> tuple[str, ...]:
    """Float and integer accuracy, the layer named, the first suggestion, what it gives."""
    folder = model.parent
    plain = ConvertOptions(settings=QuantizeSettings(quantization="float32"))
    in_float = folder / f"{model.stem}_float.tflite"  # once through TensorFlow is enough
    in_float.write_bytes(convert(str(model), plain).report.result.data)
    options = ConvertOptions(
        calibration=str(folder / "calib.npz"), evaluation=str(folder / "test.npz")
    )
    first = convert(str(in_float), options)
    assert first.quality is not None
    layer = first.quality.worst(1)[0]
    suggestion = first.quality.suggestions[0]
    assert suggestion.settings is not None
    second = convert(str(in_float), replace(options, settings=suggestion.settings))
    score = first.quality.score
    return (
        model.name,
        f"{score.in_float:.4f}",
        f"{score.in_integers:.4f}",
        layer.name,
        suggestion.option,
        f"{_accuracy(second):.4f}",
    )


def _accuracy(converted: Converted) -> float:
    assert converted.quality is not None
    return converted.quality.score.in_integers


def main(folder: Path = HERE) -> None:
    """Prints the table."""
    names = ("outlier.keras", "hard_swish.keras")
    columns = ("model", "float>", "int8>", "named layer", "first suggestion", "with it>")
    console.table("", columns, [row(folder / name) for name in names])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
