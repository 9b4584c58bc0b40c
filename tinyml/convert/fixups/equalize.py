"""Channels of one value brought to like sizes: a factor moves from a layer into the one behind it.

A channel that is a hundred times louder than the others takes the whole range of 8 bits. Where
nothing but a ReLU and spatial pooling lies between two layers, the first can compute that channel
smaller and the second multiply it by more; the function stays the same.
Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019;
here with the peaks of the values themselves in place of those of the first layer's weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tinyml.convert.rules import has_weights, weights_of
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.traits import Channels, Homogeneous
from tinyml.passes.rewrite import moves, only_reader

_ROUNDS = 3  # a layer is the second of one pair and the first of the next
_FACTORS = (2.0**-10, 2.0**10)  # keeps weights well inside of float32
_COMMUTING = (0, 1)  # ActivationFunctionType NONE and RELU: f(s x) = s f(x) for s > 0


@dataclass(frozen=True, slots=True)
class _Pair:
    first: Op
    second: Op
    value: int  # what the first layer writes
    is_flat: bool  # the second reads it with all pixels side by side


def pairs_of(graph: Graph) -> tuple[_Pair, ...]:
    """Layers between which a factor per channel can move."""
    found = []
    for op in graph.ops:
        if not has_weights(op) or op.attrs.get("FusedActivationFunction") not in _COMMUTING:
            continue
        value, is_flat, reader = op.outputs[0], False, only_reader(graph, op.outputs[0])
        while reader is not None and _keeps_channels(graph, reader):
            is_flat = is_flat or _flattens(graph, reader)
            value = reader.outputs[0]
            reader = only_reader(graph, value)
        if reader is None or not has_weights(reader) or not _hears_all(reader):
            continue
        where = weights_of(reader)
        weights = graph.tensors[reader.inputs[where.weights]]
        if reader.inputs[where.value] == value and weights.data is not None:
            found.append(_Pair(op, reader, op.outputs[0], is_flat))
    return tuple(pair for pair in found if _fits(graph, pair))


def _keeps_channels(graph: Graph, op: Op) -> bool:
    if trait_of(op.kind, Homogeneous) is None:
        return False
    channels = trait_of(op.kind, Channels)
    if moves(op, "view"):
        given, made = (graph.tensors[i].shape for i in (op.inputs[0], op.outputs[0]))
        return given[-1] == made[-1] or (given[:1] == made[:1] and len(made) == 2)
    return channels is None or channels.keeps(op, graph)


def _hears_all(op: Op) -> bool:
    """Whether each output sums up the same channels, so that weights tell them apart."""
    return trait_of(op.kind, Channels) is not None


def _flattens(graph: Graph, op: Op) -> bool:
    given, made = (graph.tensors[i].shape for i in (op.inputs[0], op.outputs[0]))
    return moves(op, "view") and given[-1] != made[-1]


def _fits(graph: Graph, pair: _Pair) -> bool:
    """Whether the second layer has a weight for each channel, ungrouped."""
    channels = graph.tensors[pair.value].shape[-1]
    shape = graph.tensors[pair.second.inputs[weights_of(pair.second).weights]].shape
    if pair.is_flat:
        return len(shape) == 2 and shape[1] % channels == 0
    return shape[-1] == channels  # of a depthwise layer: one filter for each channel


def equalize(graph: Graph, peaks: Mapping[int, Array]) -> Graph:
    """The same function with channels of like size.

    ``peaks`` has the largest magnitude per channel of each value that a layer with weights writes.
    """
    held = {i: np.array(peak, np.float64) for i, peak in peaks.items()}
    for _ in range(_ROUNDS):
        for pair in pairs_of(graph):
            factors = _factors(graph, pair, held.get(pair.value))
            if factors is not None:
                graph = _moved(graph, pair, factors)
                held[pair.value] = held[pair.value] / factors
    return graph


def _factors(graph: Graph, pair: _Pair, peak: Array | None) -> Array | None:
    """What to divide each channel by: both sides then have the same peak."""
    if peak is None:
        return None
    weights = np.abs(_second_weights(graph, pair)).max(axis=0)
    is_used = (peak > 0) & (weights > 0)
    if not is_used.any():
        return None
    factors = np.sqrt(np.where(is_used, peak, 1.0) / np.where(is_used, weights, 1.0))
    factors /= np.exp(np.log(factors[is_used]).mean())  # the middle channel stays as it is
    return np.where(is_used, np.clip(factors, *_FACTORS), 1.0)


def _second_weights(graph: Graph, pair: _Pair) -> Array:
    """The weights of the second layer, [any, channel]."""
    data = graph.tensors[pair.second.inputs[weights_of(pair.second).weights]].data
    assert data is not None
    return data.reshape(-1, graph.tensors[pair.value].shape[-1])


def _moved(graph: Graph, pair: _Pair, factors: Array) -> Graph:
    tensors = list(graph.tensors)
    where = weights_of(pair.first)
    index = pair.first.inputs[where.weights]
    data = tensors[index].data
    assert data is not None
    along = [1] * data.ndim
    along[where.axis] = len(factors)
    tensors[index] = replace(
        tensors[index], data=_frozen(data / factors.reshape(along)), quant=None
    )
    if where.bias < len(pair.first.inputs) and pair.first.inputs[where.bias] >= 0:
        index = pair.first.inputs[where.bias]
        bias = tensors[index].data
        assert bias is not None
        tensors[index] = replace(tensors[index], data=_frozen(bias / factors))
    index = pair.second.inputs[weights_of(pair.second).weights]
    scaled = _second_weights(graph, pair) * factors
    tensors[index] = replace(
        tensors[index], data=_frozen(scaled.reshape(tensors[index].shape)), quant=None
    )
    return replace(graph, tensors=tuple(tensors))


def _frozen(data: Array) -> Array:
    held = np.asarray(data, np.float32)
    held.flags.writeable = False
    return held
