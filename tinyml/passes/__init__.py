"""Graph → simpler graph that computes exactly the same, element for element."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tinyml.ir.graph import Graph, check
from tinyml.passes.drop_channels import drop_channels
from tinyml.passes.expand import expand_ops
from tinyml.passes.fuse import fuse_activation, fuse_pad
from tinyml.passes.last_step import keep_last_step
from tinyml.passes.simplify import drop_dead, drop_identities, fold_constants

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    fold_constants,  # ops on constants only become constants
    expand_ops,  # SPLIT and other ops without kernels become those that stand for them
    drop_identities,  # ops that pass their input on unchanged disappear
    fuse_pad,  # PAD into the convolution behind it
    fuse_activation,  # RELU and RELU6 into the op before them
    keep_last_step,  # an LSTM of which a slice takes the last step keeps that one alone
    drop_channels,  # channels that never change, with their filters, become part of biases
    drop_dead,  # ops whose results nobody reads disappear
)

_log = logging.getLogger("tinyml")


def run_passes(graph: Graph) -> Graph:
    """The graph after all passes, checked after each; tensor indices stay as they were."""
    for each in PASSES:
        before = len(graph.ops)
        graph = check(each(graph))
        if len(graph.ops) != before:
            _log.debug("%s: %d ops become %d", each.__name__, before, len(graph.ops))
    return graph
