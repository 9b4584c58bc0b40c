"""A convert.json, as ``tinyml convert`` writes it, of a model that nobody converted."""

from __future__ import annotations

from typing import Any

INTEGERS = [[7, 1, 0], [0, 5, 3], [0, 0, 0]]
FLOAT = [[8, 0, 0], [0, 7, 1], [0, 0, 0]]


def layer(name: str, own_db: float) -> dict[str, Any]:
    """A layer of ``quality``."""
    figures = {"low": -1.5, "high": 2.25, "clipped_share": 0.0125, "sqnr_db": own_db - 5}
    return {"name": name, "kind": "ADD", "bits": 8, "own_db": own_db, **figures}


def conversion(file: str, sha256: str, *, labels: tuple[str, ...] = ("yes", "no")) -> Any:
    """The document; 16 samples of three classes, the last of which has none."""
    score = {
        **{"metric": "accuracy", "in_float": 15 / 16, "in_integers": 12 / 16, "drop": 3 / 16},
        **{"samples": 16, "doubt": "", "is_higher_better": True},
        "confusion_in_float": FLOAT,
        "confusion_in_integers": INTEGERS,
    }
    return {
        "format": 1,
        "model": {
            **{"file": file, "sha256": sha256, "source": "net.keras", "source_format": "Keras"},
            "producer": "keras 3",
        },
        "import": {"db": 118.4},
        "settings": {"quantization": "int8", "io": "int8", "keep_int16": [], "equalize": True},
        "calibrated": True,
        "calibration": {"source": "c.npz", "samples": 100, "warnings": ["few samples"]},
        "labels": list(labels),
        "quality": {
            "score": score,
            "output_sqnr_db": 31.25,
            "evaluator": "integer reference",
            "layers": [layer("first", 44.0), layer("second", 12.5)],
            "worst_layers": ["second", "first"],
            "suggestions": [{"text": "keep 'second' at 16 bits", "option": "--keep-int16 second"}],
        },
    }
