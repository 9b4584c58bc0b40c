"""A block of layers on a grid: each below what it reads, long edges in columns of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cell:
    """A place on the grid: of a box, or one that an edge passes on its way."""

    row: int
    column: int
    box: str = ""  # "": an edge passes


@dataclass(frozen=True, slots=True)
class Grid:
    """Every box, and each edge as the cells that it goes through, both ends included."""

    boxes: tuple[Cell, ...]
    edges: tuple[tuple[Cell, ...], ...]


@dataclass(slots=True)
class _Trail:
    """An edge, as far as it has been led."""

    target: str
    cells: list[Cell] = field(default_factory=list)


def grid_of(boxes: Sequence[str], reads: Mapping[str, Sequence[str]]) -> Grid:
    """Places ``boxes``, each of which comes after what it ``reads``, row by row from the top.

    An edge keeps its column from row to row, and a box stands below the first thing that it reads
    where there is room: so chains are straight, and what bypasses them runs beside them.
    """
    rows = _rows(boxes, reads)
    readers: dict[str, list[str]] = {box: [] for box in boxes}
    for box in boxes:
        for source in dict.fromkeys(reads.get(box, ())):
            readers[source].append(box)
    placed: list[Cell] = []
    done: list[_Trail] = []
    trails: list[_Trail] = []
    for row in range(max(rows.values(), default=-1) + 1):
        here = [box for box in boxes if rows[box] == row]
        arrived = [trail for trail in trails if trail.target in here]
        trails = [trail for trail in trails if trail.target not in here]
        cells = _row(row, here, arrived, trails)
        for trail in arrived:
            trail.cells.append(next(cell for cell in cells if cell.box == trail.target))
        done += arrived
        placed += cells
        for cell in cells:
            trails += [_Trail(reader, [cell]) for reader in readers[cell.box]]
    return Grid(tuple(placed), tuple(tuple(trail.cells) for trail in done))


def _rows(boxes: Sequence[str], reads: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The row of each box: one more than the lowest of those that it reads."""
    rows: dict[str, int] = {}
    for box in boxes:
        rows[box] = 1 + max((rows[source] for source in reads.get(box, ())), default=-1)
    for box in boxes:  # what reads nothing stands right above its first reader
        below = [rows[reader] for reader in boxes if box in reads.get(reader, ())]
        if below and not reads.get(box):
            rows[box] = min(below) - 1
    return rows


def _row(
    row: int, here: Sequence[str], arrived: Sequence[_Trail], passing: Sequence[_Trail]
) -> list[Cell]:
    """The cells of the boxes of a row; trails that pass are led through it."""
    taken: set[int] = set()

    def free(wanted: int) -> int:
        column = next(c for c in _from(wanted) if c not in taken)
        taken.add(column)
        return column

    fresh = [trail for trail in passing if trail.cells[-1].box]
    for trail in passing:
        if not trail.cells[-1].box:
            trail.cells.append(Cell(row, free(trail.cells[-1].column)))
    cells = []
    for box in here:
        above = [trail.cells[-1] for trail in arrived if trail.target == box]
        first = min(above, key=lambda cell: (not cell.box, cell.column), default=None)
        cells.append(Cell(row, free(first.column if first else 0), box))
    for trail in fresh:
        trail.cells.append(Cell(row, free(trail.cells[-1].column)))
    return cells


def _from(column: int) -> Iterator[int]:
    while True:
        yield column
        column += 1
