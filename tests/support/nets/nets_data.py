"""Data on which the test networks are trained: digits, and waves of three shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

Split = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
TRAINED = 1400  # of 1797 digits; the rest is for evaluation


def digits() -> tuple[Split, Split]:
    """Training and test images [samples, 8, 8] in 0..1 with their classes."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = (found.images / 16).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], found.target[order]
    return (images[:TRAINED], labels[:TRAINED]), (images[TRAINED:], labels[TRAINED:])


def waves() -> tuple[Split, Split]:
    """Sine, square and saw tooth of random pitch and phase, [samples, 64, 1], with noise."""
    generator = np.random.default_rng(1)
    count = 1200
    labels = generator.integers(0, 3, count)
    pitch, start = generator.uniform(2, 5, count), generator.uniform(0, 1, count)
    phase = (pitch[:, None] * np.arange(64)[None] / 64 + start[:, None]) % 1.0
    shapes = np.stack([np.sin(2 * np.pi * phase), np.sign(phase - 0.5), 2 * phase - 1])
    held = shapes[labels, np.arange(count)] + generator.normal(0, 0.1, (count, 64))
    data = held.astype(np.float32)[..., None]
    return (data[:900], labels[:900]), (data[900:], labels[900:])
