"""Layers that share their weights: the steps of one that was unrolled.

They get common scales and a common correction of their biases, so that weights, biases and factors
are the same for all of them and stand in flash once. Alone, each would have its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tinyml.convert.rules import has_weights, weights_of
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.passes.repetition import repetitions
from tinyml.passes.roll import alike


@dataclass(frozen=True, slots=True)
class Copies:
    """What layers with the same weights, in the same width, read and write."""

    bits: int
    values: tuple[int, ...]  # one per layer
    results: tuple[int, ...]


def copied_layers(graph: Graph, bits: tuple[int, ...]) -> tuple[Copies, ...]:
    """The layers that share their weights; ``bits`` is the width of each op."""
    found: dict[tuple[int, int], list[Op]] = {}
    for op, width in zip(graph.ops, bits, strict=True):
        if has_weights(op):
            found.setdefault((op.inputs[weights_of(op).weights], width), []).append(op)
    return tuple(
        Copies(
            width,
            tuple(op.inputs[weights_of(op).value] for op in ops),
            tuple(op.outputs[0] for op in ops),
        )
        for (_, width), ops in found.items()
        if len(ops) > 1
    )


@dataclass(frozen=True, slots=True)
class Steps:
    """What a value is in each step of an unrolled layer, in the same width."""

    bits: int
    values: tuple[int, ...]


def steps_of(graph: Graph, bits: tuple[int, ...]) -> Iterator[Steps]:
    """The values that the steps of unrolled layers make and hand on; ``bits``: of each op.

    With common scales the steps compute the very same thing, and become a loop.
    """
    for found in repetitions(graph, alike(graph, has_scales=False)):
        firsts = {(item.place, item.output): item.first for item in found.kept()}
        for place, lane in enumerate(found.places):
            widths = {bits[number] for number in lane}
            for output in range(len(graph.ops[lane[0]].outputs)):
                values = found.outputs(graph, place, output)
                first = firsts.get((place, output))
                if len(widths) == 1 and graph.tensors[values[0]].dtype == FLOAT32:
                    yield Steps(min(widths), (*(() if first is None else (first,)), *values))


def common_means(means: Mapping[int, Array], copies: Iterable[Copies]) -> dict[int, Array]:
    """The average of each channel of each value, over all layers that share their weights."""
    found = dict(means)
    for item in copies:
        computed = [i for i in item.values if i in found]  # not the zeros before the first step
        if computed:
            common: Array = np.mean([found[i] for i in computed], axis=0)
            found |= dict.fromkeys(computed, common)
    return found
