"""A network cut into blocks that can be drawn one by one: where few values go from one to the next.

What a layer reads is given by ``Layer.inputs``: layers before it, or inputs of the model, -1 for
the first.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from tinyml.report.report import Layer

WANTED = 6  # layers after which a block ends where the size of the images changes
MOST = 12  # layers of a block
UNCUT = 16  # layers that stay together where more than one value would cross a cut


def blocks_of(layers: Sequence[Layer]) -> tuple[range, ...]:
    """Ranges of layers, in order and complete."""
    if len(layers) <= MOST:
        return (range(len(layers)),) if layers else ()
    blocks: list[range] = []
    for part in _parts(layers):
        last = blocks[-1] if blocks else None
        if last is not None and _belongs(layers, last, part):
            blocks[-1] = range(last.start, part.stop)
        else:
            blocks.append(part)
    return tuple(blocks)


def _belongs(layers: Sequence[Layer], block: range, part: range) -> bool:
    """Whether a part still goes into the block before it."""
    if part.stop - block.start > MOST:
        return False
    if len(block) < WANTED:
        return True
    return _size(layers[block.stop - 1]) == _size(layers[part.stop - 1])


def _size(layer: Layer) -> tuple[int, ...]:
    """Rows and columns; for what is no image everything but the last axis."""
    return layer.shape[1:-1]


def _parts(layers: Sequence[Layer]) -> list[range]:
    """The finest cuts that one value crosses; longer parts are cut all the same."""
    cuts = [0, *clean_cuts(layers), len(layers)]
    parts: list[range] = []
    for start, stop in itertools.pairwise(cuts):
        pieces = -(-(stop - start) // MOST) if stop - start > UNCUT else 1
        edges = [start + (stop - start) * piece // pieces for piece in range(pieces + 1)]
        parts += [range(a, b) for a, b in itertools.pairwise(edges)]
    return parts


def clean_cuts(layers: Sequence[Layer]) -> list[int]:
    """Layers before which only the result of the layer right before them is alive."""
    last_use: dict[int, int] = {}
    for layer in layers:
        for source in layer.inputs or ():
            last_use[source] = layer.index
    cuts, reach = [], max((used for source, used in last_use.items() if source < 0), default=0)
    for index in range(1, len(layers)):
        if reach < index:
            cuts.append(index)
        reach = max(reach, last_use.get(index - 1, 0))
    return cuts
