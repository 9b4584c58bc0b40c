"""Which channels of a graph never change, and which ones nobody needs: facts for ``drop_channels``.

Training with weight decay leaves filters without weights, whose outputs are the same for every
input. What such a channel adds to the sums of the next layer is a constant, so the next layer needs
it only where padding makes a difference. A depthwise convolution or a pool in between hands a
constant channel on as a constant one, when borders and inside come out alike.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op
from tinyml.ops import form_of, layer_of, trait_of, traits
from tinyml.ops.weighted import BIAS, INPUT, WEIGHTS, WeightedSum
from tinyml.ops.windows import is_padded
from tinyml.passes.rewrite import reader_counts

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

VARIES = np.int64(1) << 40  # in place of a channel's constant value
Layers: TypeAlias = "dict[int, WeightedSum]"  # of the ops with weights, by their output


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """What is known of a tensor's channels, the last axis; one element per channel."""

    value: IntArray  # the value that it always has, or VARIES
    is_needed: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of a graph before anybody asks which channels are needed."""

    graph: Graph
    layers: Layers
    values: dict[int, IntArray]  # constant_values()
    readers: Counter[int]  # how often each tensor is read


def channels_of(graph: Graph) -> dict[int, Channels]:
    """The channels of all tensors that ops make."""
    layers = {op.outputs[0]: numbers_of(op, graph) for op in graph.ops if has_weights(op, graph)}
    values = constant_values(graph, layers)
    needed = needed_channels(Known(graph, layers, values, reader_counts(graph)))
    return {i: Channels(values[i], needed[i]) for i in values}


def constant_values(graph: Graph, layers: Layers) -> dict[int, IntArray]:
    """For each computed tensor the constant value of each channel, or VARIES."""
    values: dict[int, IntArray] = {}
    for op in graph.ops:
        for i in op.outputs:
            shape = graph.tensors[i].shape
            values[i] = np.full(shape[-1] if shape else 1, VARIES)
        given = values.get(op.inputs[0]) if op.inputs else None
        if given is None and op.inputs and op.inputs[0] >= 0:
            given = np.full(graph.tensors[op.inputs[0]].shape[-1:] or (1,), VARIES)
        if is_mixing(op, graph):
            assert given is not None
            values[op.outputs[0]] = _of_sums(op, graph, layers[op.outputs[0]], given)
        elif is_channelwise(op, graph):
            assert given is not None
            values[op.outputs[0]] = _handed_on(op, graph, layers.get(op.outputs[0]), given)
    return values


def needed_channels(known: Known) -> dict[int, BoolArray]:
    """For each computed tensor the channels that must stay; never none.

    A channel goes only together with all that is made of it and all that it is made of: a
    channelwise op has as many channels behind it as before it, so that what its input keeps, its
    output keeps too. Model inputs, constants and what any other op makes keep all of theirs. The
    sets only grow, until nothing changes.
    """
    needed = {i: np.zeros(len(value), np.bool_) for i, value in known.values.items()}
    for i in known.graph.results:
        if i in needed:
            needed[i][:] = True
    while True:
        before = sum(int(kept.sum()) for kept in needed.values())
        for op in reversed(known.graph.ops):
            _need(op, known, needed)
        if before == sum(int(kept.sum()) for kept in needed.values()):
            empty = [kept for kept in needed.values() if not kept.any()]
            if not empty:
                return needed
            empty[0][0] = True  # of the tensor made first: what is made of it follows


def _need(op: Op, known: Known, needed: dict[int, BoolArray]) -> None:
    """Adds what one op needs of its input, and what its output must keep, to ``needed``."""
    if not is_mixing(op, known.graph) and not is_channelwise(op, known.graph):
        for i in (*op.inputs, *op.outputs):
            if i in needed:
                needed[i][:] = True
        return
    made, given = needed[op.outputs[0]], needed.get(op.inputs[INPUT])
    if not _owns_constants(op, known.readers):
        made[:] = True
    if is_channelwise(op, known.graph):
        groups = made.reshape(-1, _times(op))  # by input channel
        kept = groups.any(axis=1) | (np.ones(1, np.bool_) if given is None else given)
        groups |= kept[:, np.newaxis]
        if given is not None:
            given |= kept
    elif given is not None:
        given |= ~_foldable(op, known, made)


def is_mixing(op: Op, graph: Graph) -> bool:
    """Whether every output channel is a sum over all channels of the input."""
    trait = trait_of(op.kind, traits.Channels)
    if trait is None or not trait.mixes:
        return False
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    return given.dtype == INT8 and given.shape[-1:] == weights.shape[-1:] != ()


def is_channelwise(op: Op, graph: Graph) -> bool:
    """Whether each output channel is made of one input channel alone, in order."""
    trait = trait_of(op.kind, traits.Channels)
    if trait is None or trait.mixes:
        return False
    given, made = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if given.dtype != INT8 or made.dtype != INT8 or not given.shape or not made.shape:
        return False
    if not trait.keeps(op, graph):
        return False
    return made.shape[-1] == given.shape[-1] * trait.times(op)


def _times(op: Op) -> int:
    """Output channels that are made of each input channel, of a channelwise op."""
    trait = trait_of(op.kind, traits.Channels)
    assert trait is not None
    return trait.times(op)


def has_weights(op: Op, graph: Graph) -> bool:
    """Whether the op is one whose channels are known and that has constant weights, for int8."""
    return (
        trait_of(op.kind, traits.Channels) is not None
        and trait_of(op.kind, traits.Weights) is not None
        and graph.tensors[op.inputs[INPUT]].dtype == INT8
    )


def numbers_of(op: Op, graph: Graph) -> WeightedSum:
    """The numbers of a layer with weights."""
    numbers: WeightedSum = layer_of(op, graph).numbers
    return numbers


def _of_sums(op: Op, graph: Graph, numbers: WeightedSum, given: IntArray) -> IntArray:
    """Outputs that are the same for the least and the greatest sum of their channel."""
    zero_point = numbers.input_zero_point
    is_constant = given != VARIES
    offset = np.where(is_constant, given - zero_point, 0)
    first, last = numbers.dtype.limits
    low = np.where(is_constant, offset, first - zero_point)
    high = np.where(is_constant, offset, last - zero_point)
    if _has_padding(op, graph):
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    positive = np.maximum(numbers.weights, 0).reshape(len(numbers.bias), -1, len(given)).sum(axis=1)
    negative = np.minimum(numbers.weights, 0).reshape(len(numbers.bias), -1, len(given)).sum(axis=1)
    least = numbers.outputs(numbers.bias + positive @ low + negative @ high)
    most = numbers.outputs(numbers.bias + positive @ high + negative @ low)
    return np.where((least == most) & ~numbers.wraps, least, VARIES)


def _handed_on(op: Op, graph: Graph, numbers: WeightedSum | None, given: IntArray) -> IntArray:
    """The constant channels of a channelwise op; its reference tells what becomes of a constant."""
    made = np.full(graph.tensors[op.outputs[0]].shape[-1], VARIES)
    if numbers is not None:
        least, most = (numbers.outputs(sums) for sums in numbers.sum_bounds)
        made = np.where((least == most) & ~numbers.wraps, least, VARIES)
    is_constant = given != VARIES
    if is_constant.any():
        tensor = graph.tensors[op.inputs[0]]
        image = np.broadcast_to(np.where(is_constant, given, 0), tensor.shape)
        others = [None if i < 0 else graph.tensors[i].data for i in op.inputs[1:]]
        values = (image.astype(tensor.dtype.numpy), *others)
        (found,) = form_of(op, graph).reference(op, graph, values)
        found = found.reshape(-1, len(made)).astype(np.int64)
        is_even = np.repeat(is_constant, len(made) // len(given)) & (found == found[0]).all(axis=0)
        made = np.where(is_even, found[0], made)
    return made


def _foldable(op: Op, known: Known, wanted: BoolArray) -> BoolArray:
    """The input channels that a layer can do without: they add nothing, or a constant."""
    numbers, given = known.layers[op.outputs[0]], known.values[op.inputs[INPUT]]
    if not _owns_constants(op, known.readers) or numbers.wraps.any():
        return np.zeros(len(given), np.bool_)
    taps = numbers.weights[wanted].reshape(-1, len(given))
    has_bias = len(op.inputs) > BIAS and op.inputs[BIAS] >= 0
    if _has_padding(op, known.graph) or not has_bias:
        is_constant = given == numbers.input_zero_point
    else:
        is_constant = given != VARIES
    return np.asarray(is_constant | ~taps.any(axis=0), np.bool_)


def _has_padding(op: Op, graph: Graph) -> bool:
    trait = trait_of(op.kind, traits.Rows)
    if trait is None or trait.windows is None:
        return False
    return is_padded(*trait.windows(op, graph))


def _owns_constants(op: Op, counts: Counter[int]) -> bool:
    """Whether no other op reads the layer's weights and bias."""
    if trait_of(op.kind, traits.Weights) is None:
        return True
    return all(counts[i] == 1 for i in op.inputs[WEIGHTS:] if i >= 0)
