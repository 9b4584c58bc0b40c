"""Which columns of a table are shown at a width, and how wide each is: a number is never cut.

Words may be folded, numbers may not. Where even that is too wide, whole columns are left out, those
that a table calls least important first. Pure: nothing is printed here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

COLUMN_GAP = 3  # characters between two columns
EDGES = 2  # characters around a table
FOLDED_WIDTH = 10  # that a column of words keeps at least
MOST_NUMBER = 24  # characters; what is longer is a name, though it begins with a digit
UNBROKEN = frozenset(
    {"board", "kernels", "op", "operator", "output", "region", "tool", "verdict"}
)  # columns

_NUMBER = re.compile(r"[-+±(\[*]*\d")


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that are shown, by number, their widths in characters, and what is left out."""

    kept: tuple[int, ...]
    widths: tuple[int, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Need:
    least: int  # characters, with words folded
    whole: int  # characters, with nothing folded


def lay_out(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None,
    least_first: Sequence[str] = (),
) -> Layout:
    """The layout of a table within ``width`` characters; None keeps every column, words folded.

    A column whose name ends in ``>`` holds numbers. ``least_first`` names the columns that go
    first when there are too many; then go the last ones. The first column always stays.
    """
    needs = [_need(name, [row[i] for row in rows]) for i, name in enumerate(columns)]
    kept = list(range(len(columns)))
    gone = _departures(columns, least_first) if width is not None else []
    while width is not None and gone and _total([needs[i].least for i in kept]) > width:
        kept.remove(gone.pop(0))
    left_out = tuple(name_of(columns[i]) for i in range(len(columns)) if i not in kept)
    widths = [needs[i].least for i in kept]
    if width is not None:
        widths = _spread([needs[i] for i in kept], width)
    return Layout(tuple(kept), tuple(widths), left_out)


def least_width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """The characters that a table needs for all of its columns, with words folded."""
    layout = lay_out(columns, rows, None)
    return _total(layout.widths)


def left_out_text(names: Sequence[str], width: int) -> str:
    """What a reader is told about columns that are missing, in one line; "" when none are."""
    if not names:
        return ""
    texts = [
        f"left out: {', '.join((*names[:named], *([f'{rest} more'] if rest else [])))}"
        for named in range(len(names), -1, -1)
        for rest in [len(names) - named]
    ]
    return next((text for text in texts if len(text) <= width), texts[-1])


def name_of(column: str) -> str:
    """The name of a column without its mark."""
    return column.removesuffix(">")


def _departures(columns: Sequence[str], least_first: Sequence[str]) -> list[int]:
    names = [name_of(column) for column in columns]
    first = [names.index(name) for name in least_first if name in names]
    return [*first, *(i for i in range(len(columns) - 1, 0, -1) if i not in first)]


def _need(column: str, cells: Sequence[str]) -> _Need:
    from rich.cells import cell_len

    whole = max(cell_len(text) for text in (name_of(column), *cells))
    if column.endswith(">"):
        return _Need(whole, whole)
    words = [word for text in cells for word in text.split()]
    kept = words if column in UNBROKEN else [word for word in words if _is_number(word)]
    least = max(min(whole, FOLDED_WIDTH), *(cell_len(word) for word in (*kept, "")))
    return _Need(max(least, *map(cell_len, (*name_of(column).split(), ""))), whole)


def _is_number(word: str) -> bool:
    return len(word) <= MOST_NUMBER and _NUMBER.match(word) is not None


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + COLUMN_GAP * (len(widths) - 1) + EDGES


def _spread(needs: Sequence[_Need], width: int) -> list[int]:
    """Widths from the least ones up; room goes to the narrowest of those that are folded."""
    widths = [need.least for need in needs]
    if _total(widths) > width and len(widths) == 1:
        return [max(1, width - EDGES)]
    for _ in range(width - _total(widths)):
        narrow = [i for i, need in enumerate(needs) if widths[i] < need.whole]
        if not narrow:
            break
        widths[min(narrow, key=lambda i: widths[i])] += 1
    return widths
