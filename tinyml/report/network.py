"""The network as pictures: boxes and edges of each block in pixels, for the page to draw as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tinyml.plan.fit import short_name
from tinyml.plan.values import kinds_text
from tinyml.report.blocks import blocks_of
from tinyml.report.charts import used_at
from tinyml.report.families import FAMILIES, family_of
from tinyml.report.layered import Cell, Grid, grid_of
from tinyml.report.report import Layer, Report

BOX_WIDTH, BOX_HEIGHT = 214, 54
PILL_WIDTH, PILL_HEIGHT = 118, 18
LANE_WIDTH, GAP_X, GAP_Y = 8, 8, 16
CHARACTERS = 33  # of a line in a box
BOLD, PLAIN = 7.5, 5.8  # pixels of a character, at most
LONG = 48  # layers from which blocks are closed until they are asked for


@dataclass(frozen=True, slots=True)
class Box:
    """A layer; or, without index, what comes from or goes to another block."""

    x: int
    y: int
    width: int
    height: int
    lines: tuple[tuple[str, str], ...]  # (left, right) from top to bottom
    index: int | None = None
    colour: int = 0
    share: float = 0.0  # percent of the heaviest layer's work


@dataclass(frozen=True, slots=True)
class Block:
    """Some layers in a row, with the picture of them."""

    title: str
    sub: str
    share: float  # percent of all work
    width: int
    height: int
    boxes: tuple[Box, ...]
    edges: tuple[str, ...]  # paths of SVG


@dataclass(frozen=True, slots=True)
class Network:
    """All blocks, and the families of operators that are in them."""

    blocks: tuple[Block, ...]
    families: tuple[tuple[int, str], ...]  # (colour, name)
    is_long: bool


def network_of(report: Report, done: Sequence[int]) -> Network | None:
    """The pictures; ``done`` is the work of each layer. None for a report that knows no edges."""
    layers = report.layers
    if not layers or any(layer.inputs is None for layer in layers):
        return None
    ends = _Ends(report)
    blocks = tuple(_block(ends, block, done) for block in blocks_of(layers))
    there = sorted({family_of(layer.op) for layer in layers})
    return Network(blocks, tuple((k, FAMILIES[k]) for k in there), len(layers) > LONG)


class _Ends:
    """Who reads a layer's result, and what things are called at the edge of a block."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.readers: dict[int, list[int]] = {}
        for layer in report.layers:
            for source in dict.fromkeys(layer.inputs or ()):
                self.readers.setdefault(source, []).append(layer.index)

    def from_text(self, source: int) -> str:
        """What a block reads."""
        if source >= 0:
            return f"from {source}"
        tensors = self.report.model.get("inputs", ())
        place = -1 - source
        return str(tensors[place].get("name", "input")) if place < len(tensors) else "input"

    def goes_to(self, index: int, block: range) -> str:
        """Where a result of a block goes besides the block itself; "" for nowhere."""
        readers = self.readers.get(index, [])
        outside = [str(reader) for reader in readers if reader not in block]
        if readers:
            return f"to {', '.join(outside)}" if outside else ""
        several = len(self.report.model.get("outputs", ())) > 1
        return short_name(self.report.layers[index].name) if several else "output"


def _block(ends: _Ends, block: range, done: Sequence[int]) -> Block:
    layers = ends.report.layers[block.start : block.stop]
    boxes: list[str] = []
    reads: dict[str, tuple[str, ...]] = {}
    for layer in layers:
        sources = tuple(dict.fromkeys(layer.inputs or ()))
        names = {source: _key(ends, source, block) for source in sources}
        boxes += [name for s, name in names.items() if s not in block and name not in boxes]
        boxes.append(str(layer.index))
        reads[str(layer.index)] = tuple(names.values())
    for layer in layers:
        text = ends.goes_to(layer.index, block)
        if text:
            boxes.append(f"{text}|{layer.index}")
            reads[boxes[-1]] = (str(layer.index),)
    grid = grid_of(boxes, reads)
    drawn = _Drawn(grid)
    total, most = sum(done) or 1, max(done, default=0) or 1
    work = sum(done[index] for index in block)
    return Block(
        title=f"{block.start} to {block.stop - 1}" if len(block) > 1 else str(block.start),
        sub=_about(layers),
        share=100 * work / total,
        width=drawn.width,
        height=drawn.height,
        boxes=tuple(
            sorted(
                (_box(ends.report, drawn, cell, done, 100 / most) for cell in grid.boxes),
                key=lambda box: -1 if box.index is None else box.index,
            )
        ),
        edges=tuple(drawn.path(edge) for edge in grid.edges),
    )


def _key(ends: _Ends, source: int, block: range) -> str:
    return str(source) if source in block else ends.from_text(source) + f"|{source}"


def _about(layers: Sequence[Layer]) -> str:
    """What a block is made of: the scope that all names share, and the last shape."""
    scopes = {layer.name.split(";")[0].rpartition("/")[0] for layer in layers}
    scope = short_name(scopes.pop()) if len(scopes) == 1 else ""
    shape = _shape(layers[-1].shape)
    return f"{scope}, {shape}" if scope else shape


def _shape(shape: Sequence[int]) -> str:
    """Without a batch of one."""
    kept = shape[1:] if len(shape) > 1 and shape[0] == 1 else shape
    return "\N{MULTIPLICATION SIGN}".join(map(str, kept))


def ram_bytes(report: Report, index: int) -> int:
    """Bytes of all arenas that are in use at a layer."""
    regions: Mapping[str, int] = report.arena.regions
    return sum(
        used_at([item for item in report.arena.placed if item.region == region], index)
        for region in regions
    )


def _box(report: Report, drawn: _Drawn, cell: Cell, done: Sequence[int], scale: float) -> Box:
    x, y, width, height = drawn.rectangle(cell)
    if "|" in cell.box:
        return Box(x, y, width, height, ((_cut(cell.box.rpartition("|")[0], 18), ""),))
    layer = report.layers[int(cell.box)]
    work = done[layer.index]
    took = f"{100 * work / (sum(done) or 1):.1f} %"
    if layer.time_us is not None and report.has_times:
        took = f"{layer.time_us / 1000:,.3f} ms"
    op = f"{layer.index} {kinds_text(layer.op.split('+'))}"
    room = int((BOX_WIDTH - 23 - PLAIN * len(took)) / BOLD)
    lines = (
        (_cut(op, room), took),
        (_cut(short_name(layer.name), CHARACTERS), ""),
        (_shape(layer.shape), f"{ram_bytes(report, layer.index):,} B"),
    )
    colour = family_of(layer.op)
    return Box(x, y, width, height, lines, layer.index, colour, work * scale)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


class _Drawn:
    """A grid in pixels: columns are as wide as what stands in them, rows as high."""

    def __init__(self, grid: Grid) -> None:
        passing = [cell for edge in grid.edges for cell in edge if not cell.box]
        self.cells = (*grid.boxes, *passing)
        self.columns, self.width = self._starts("column", 0, GAP_X)
        self.rows, self.height = self._starts("row", 1, GAP_Y)

    def _starts(self, axis: str, side: int, gap: int) -> tuple[dict[int, tuple[int, int]], int]:
        """(start, size) of each row or column, and where the last one ends."""
        sizes: dict[int, int] = {}
        for cell in self.cells:
            place = getattr(cell, axis)
            sizes[place] = max(sizes.get(place, 0), _size(cell)[side])
        starts, at = {}, 1
        for place in range(max(sizes, default=-1) + 1):
            size = sizes.get(place, 0)
            starts[place] = (at, size)
            at += size + gap
        return starts, at - gap + 1

    def rectangle(self, cell: Cell) -> tuple[int, int, int, int]:
        """x, y, width, height, in the middle of its column and row."""
        (x, wide), (y, high) = self.columns[cell.column], self.rows[cell.row]
        width, height = _size(cell)
        return x + (wide - width) // 2, y + (high - height) // 2, width, height

    def path(self, edge: Sequence[Cell]) -> str:
        """From the bottom of the first cell to the top of the last one."""
        points: list[tuple[float, int]] = []
        for number, cell in enumerate(edge):
            x, y, width, height = self.rectangle(cell)
            top, high = self.rows[cell.row]
            middle = x + width / 2
            is_box = bool(cell.box)
            points += [] if number == 0 else [(middle, y if is_box else top)]
            points += (
                [] if number == len(edge) - 1 else [(middle, y + height if is_box else top + high)]
            )
        parts = [f"M{points[0][0]:g} {points[0][1]}"]
        for (x0, y0), (x1, y1) in pairwise(points):
            half = (y0 + y1) / 2
            bend = f"C{x0:g} {half:g} {x1:g} {half:g} {x1:g} {y1}"
            parts.append(f"V{y1}" if x0 == x1 else bend)
        return "".join(parts)


def _size(cell: Cell) -> tuple[int, int]:
    if not cell.box:
        return LANE_WIDTH, 0
    return (PILL_WIDTH, PILL_HEIGHT) if "|" in cell.box else (BOX_WIDTH, BOX_HEIGHT)
