"""Why a score says little: a sentence where the data or the model would give it to anything.

A score of 1.0000 is no praise when the output never changes, or when always giving the same answer
would score as much. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from tinyml.ir.graph import Array

SAME = "the output is the same for all samples"


def are_same(outputs: Sequence[Array]) -> bool:
    """Whether every one of several samples gave the same output."""
    first = outputs[0] if len(outputs) > 1 else None
    return first is not None and all(np.array_equal(first, item) for item in outputs[1:])


def class_doubt(said: Sequence[int], labels: Sequence[int]) -> str:
    """Why the share of right classes says little; "" when it does not."""
    if not labels or len(said) != len(labels):
        return ""
    if len(labels) == 1:
        return "there is one sample only"
    (common, count), *others = Counter(labels).most_common()
    if not others:
        return f"every label is class {common}"
    right = sum(answer == label for answer, label in zip(said, labels, strict=True))
    if right <= count:
        share = count / len(labels)
        return f"no better than to say class {common} whatever comes in, which gives {share:.4f}"
    return ""


def answer_doubt(said: Sequence[int]) -> str:
    """Why it says little that two models decide alike; "" when it does not."""
    if len(said) == 1:
        return "there is one sample only"
    return f"every sample is class {said[0]}" if len(set(said)) == 1 else ""


def error_doubt(made: Array, goal: Array) -> str:
    """Why an error from the ``goal`` values says little; both have a row per sample."""
    if len(goal) == 1:
        return "there is one sample only"
    if np.sum((made - goal) ** 2) >= np.sum((goal - goal.mean(axis=0)) ** 2):
        return "no better than to say the mean of the targets whatever comes in"
    return ""
