"""Rewrites of a model that change no result: each a function ``Graph -> Graph``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tinyml.convert.fixups.affine import fold_affine
from tinyml.convert.fixups.arithmetic import as_products
from tinyml.convert.fixups.borders import without_lowest_borders
from tinyml.convert.fixups.clamps import lower_clamps, put_relu_first
from tinyml.convert.fixups.comparisons import as_comparisons
from tinyml.convert.fixups.constants import drop_unused_tensors, fold_constants
from tinyml.convert.fixups.decisions import as_known_decisions
from tinyml.convert.fixups.dense import as_fully_connected
from tinyml.convert.fixups.dilation import dilate_convolutions
from tinyml.convert.fixups.fake_quant import adopt_fake_quant
from tinyml.convert.fixups.fuse import fuse_activations, fuse_pads
from tinyml.convert.fixups.identities import drop_identities
from tinyml.convert.fixups.joins import split_concatenations
from tinyml.convert.fixups.kernelless import replace_kernelless
from tinyml.convert.fixups.masks import choose_instead_of_adding
from tinyml.convert.fixups.moves import as_matrices, as_plain_moves, gather_pixels
from tinyml.convert.fixups.reshapes import move_reshapes
from tinyml.convert.fixups.row_numbers import take_rows_from_the_front
from tinyml.convert.fixups.transposes import drop_orders_kept, join_transposes, merge_axes
from tinyml.convert.names import with_unique_names
from tinyml.ir.graph import Graph, check
from tinyml.passes.simplify import drop_dead

PASSES: tuple[tuple[Callable[[Graph], Graph], str], ...] = (
    (drop_dead, "without readers, removed"),
    (fold_constants, "computed from constants"),
    (adopt_fake_quant, "read as trained scales"),
    (fold_constants, "computed from constants"),
    (take_rows_from_the_front, "for numbers of rows below 0, left out"),
    (drop_dead, "without readers, removed"),
    (drop_identities, "without effect, removed"),
    (without_lowest_borders, "became the maximum's own"),
    (dilate_convolutions, "turned into dilated convolutions"),
    (as_matrices, "replaced by a product with ones"),
    (as_plain_moves, "replaced by operators that have integer kernels"),
    (replace_kernelless, "replaced by operators that have integer kernels"),
    (as_comparisons, "replaced by comparisons"),
    (choose_instead_of_adding, "of a mask became a choice"),
    (as_known_decisions, "replaced by operators that have integer kernels"),
    (join_transposes, "joined"),
    (drop_orders_kept, "that leave the order as it is"),
    (merge_axes, "replaced by ones of fewer axes"),
    (gather_pixels, "replaced by rows and columns by their numbers"),
    (put_relu_first, "turned into RELU"),
    (move_reshapes, "moved"),
    (fold_affine, "folded into the weights before"),
    (fuse_pads, "folded into a convolution"),
    (fuse_activations, "fused into the layer before"),
    (lower_clamps, "replaced by operators that have integer kernels"),
    (as_products, "replaced by products"),
    (split_concatenations, "replaced by concatenations of ten parts and fewer"),
    (as_fully_connected, "turned into FULLY_CONNECTED"),
    (drop_identities, "without effect, removed"),
    (drop_dead, "without readers, removed"),
)


def prepare(graph: Graph) -> tuple[Graph, tuple[str, ...]]:
    """The graph after all fix-ups, and a sentence for each that did something."""
    notes = []
    for fixup, words in PASSES:
        before = Counter(op.kind for op in graph.ops)
        graph = check(fixup(graph))
        gone = before - Counter(op.kind for op in graph.ops)
        if gone:
            listed = ", ".join(f"{count} {kind}" for kind, count in sorted(gone.items()))
            notes.append(f"{listed} {words}")
    return with_unique_names(drop_unused_tensors(graph)), tuple(notes)
