"""Classes of labelled samples: which are taken for which, and what that is worth for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.report.text import Table

MOST_OPEN = 16  # classes whose matrix the page shows at once


@dataclass(frozen=True, slots=True)
class Matrix:
    """A confusion matrix, ready to be shown."""

    title: str
    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]  # [label][answer]

    @property
    def is_small(self) -> bool:
        """Whether it is shown without being asked for."""
        return len(self.counts) <= MOST_OPEN

    def share(self, label: int, answer: int) -> float:
        """Of the samples of a label, 0 to 1."""
        total = sum(self.counts[label])
        return self.counts[label][answer] / total if total else 0.0


def matrix_of(title: str, counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Matrix | None:
    """The matrix with a name for every class; None when there are no counts.

    Raises ValueError when the counts are no square of numbers.
    """
    if not counts:
        return None
    rows = tuple(tuple(int(count) for count in row) for row in counts)
    if any(len(row) != len(rows) or min(row) < 0 for row in rows):
        raise ValueError("a confusion matrix is not square")
    names = tuple(
        labels[index] if index < len(labels) else str(index) for index in range(len(rows))
    )
    return Matrix(title, names, rows)


def precision(counts: Sequence[Sequence[int]], index: int) -> float | None:
    """Of what was taken for a class, how much is of it; None when nothing was."""
    taken = sum(row[index] for row in counts)
    return counts[index][index] / taken if taken else None


def recall(counts: Sequence[Sequence[int]], index: int) -> float | None:
    """Of a class, how much was taken for it; None without samples."""
    there = sum(counts[index])
    return counts[index][index] / there if there else None


def f1(counts: Sequence[Sequence[int]], index: int) -> float | None:
    """The harmonic mean of both."""
    both = precision(counts, index), recall(counts, index)
    if both[0] is None or both[1] is None:
        return None
    return 2 * both[0] * both[1] / sum(both) if sum(both) else 0.0  # type: ignore[arg-type]


def class_table(matrix: Matrix, original: Matrix | None = None) -> Table:
    """A row per class; beside it the recall of the ``original``, the float model, where known."""
    columns: tuple[str, ...] = ("class", "samples>", "right>", "precision>", "recall>", "F1>")
    rows = []
    for index, name in enumerate(matrix.names):
        row: tuple[object, ...] = (
            name,
            sum(matrix.counts[index]),
            matrix.counts[index][index],
            *(_score(find(matrix.counts, index)) for find in (precision, recall, f1)),
        )
        if original is not None:
            row += (_score(recall(original.counts, index)) if index < len(original.names) else "",)
        rows.append(row)
    if original is not None:
        columns += ("recall in float>",)
    return Table(f"Scores per class: {matrix.title}", columns, tuple(rows))


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
