"""Which width and scale each value of a float graph gets, before anything is rewritten.

A *format* is a tensor at a width: most tensors have one, those at the border between 8- and 16-bit
layers have two. Formats that operators want to be equal form a group with one scale.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np

from tinyml.base.errors import ModelError, did_you_mean
from tinyml.convert.copies import Steps, common_means, copied_layers, steps_of
from tinyml.convert.ranges import Seen, chosen_range, quant_of_range, range_of_quant
from tinyml.convert.rules import (
    bound_of,
    carries_range,
    clamped_value,
    computes,
    decides,
    fixed_scales,
    has_weights,
    is_clamp,
    is_recurrent,
    moves_values,
    weights_of,
)
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array, Graph, Op, Quant
from tinyml.ops.maximum import MINIMUM
from tinyml.passes.rewrite import reader_counts

Format = tuple[int, int]  # tensor, bits


@dataclass(frozen=True, slots=True)
class Formats:
    """The decisions for a graph."""

    bits: tuple[int, ...]  # of each op
    quants: Mapping[Format, Quant]  # of float values, and of constants that share a value's scale
    means: Mapping[int, Array]  # of each channel of a value, on the samples
    cells: Mapping[int, float]  # largest magnitude of the cell of an LSTM, by its result
    clamped: Mapping[int, int] = field(default_factory=dict)  # value written at its clamped scale


def values_read(op: Op, graph: Graph) -> tuple[int, ...]:
    """The operands that are quantised values: float, without weights and bias."""
    if has_weights(op):
        return (op.inputs[weights_of(op).value],)
    if is_recurrent(op.kind):
        return (op.inputs[0],)
    return tuple(i for i in op.inputs if i >= 0 and graph.tensors[i].dtype == FLOAT32)


def values_written(op: Op, graph: Graph) -> tuple[int, ...]:
    """The results that are quantised values."""
    if decides(op.kind):
        return ()
    return tuple(i for i in op.outputs if graph.tensors[i].dtype == FLOAT32)


def kept_tensors(graph: Graph, names: Iterable[str]) -> frozenset[int]:
    """The values that stay 16 bits wide, for the names or patterns of layers that a user gave.

    A layer's result stays wide until a layer has computed with it: through layers that only move
    or clip values as well.
    Raises ModelError for a name that no layer has.
    """
    kept: set[int] = set()
    for name in names:
        found = {
            i
            for op in graph.ops
            for i in values_written(op, graph)
            if _is_called(graph.tensors[i].name, name)
        }
        if not found:
            layers = [graph.tensors[i].name.split(";")[0] for op in graph.ops for i in op.outputs]
            raise ModelError(f"no layer is called '{name}'", hint=did_you_mean(name, layers))
        kept |= found
    for steps in steps_of(graph, (0,) * len(graph.ops)):
        kept |= set(steps.values) if kept & set(steps.values) else set()  # what one is, all are
    for op in graph.ops:
        if carries_range(op.kind) and kept & set(values_read(op, graph)):
            kept |= set(values_written(op, graph))
    return frozenset(kept)


def _is_called(tensor_name: str, wanted: str) -> bool:
    """Whether a tensor's name, one of several joined by semicolons, or a layer in its path fits.

    Frameworks write the layer "stem" as "model/stem_1/BiasAdd": a number behind it is theirs.
    """
    names = (tensor_name, *tensor_name.split(";"))
    parts = {part for name in names for part in name.split("/")}
    plain = {re.sub(r"_\d+$", "", part) for part in parts}
    return any(fnmatchcase(called, wanted) for called in (*names, *parts, *plain))


def bits_of_ops(graph: Graph, kept: frozenset[int], base: int) -> tuple[int, ...]:
    """The width in which each op computes: 16 where it reads or writes a kept value."""
    return tuple(
        16 if kept & {*values_read(op, graph), *values_written(op, graph)} else base
        for op in graph.ops
    )


def choose_formats(
    graph: Graph, bits: tuple[int, ...], seen: Mapping[int, Seen], method: str, base: int
) -> Formats:
    """The scale of every value at every width in which it is read or written."""
    fixed = _fixed(graph)
    own = _ends_at_bounds(graph, bits)
    groups = _Groups()
    for i in (*graph.inputs, *graph.outputs):
        if graph.tensors[i].dtype == FLOAT32:
            groups.find((i, base))  # what the application sees
    guests: dict[Format, set[int]] = {}  # values with another scale that a group must also hold
    for op, width in zip(graph.ops, bits, strict=True):
        members = [(i, width) for i in (*values_read(op, graph), *values_written(op, graph))]
        for member in members:
            groups.find(member)
        if not moves_values(op.kind) or (width == 8 and is_clamp(op, graph)):
            continue
        tied = {i for i, _ in members if i in fixed or i in own}
        free = [member for member in members if member[0] not in tied]
        groups.join_all(free)
        if free:
            guests.setdefault(free[0], set()).update(tied)
    copies = copied_layers(graph, bits)
    for item in copies:
        for values in (item.values, item.results):
            groups.join_all([(i, item.bits) for i in values if i not in own])
    groups.join_steps(steps_of(graph, bits))
    quants: dict[Format, Quant] = {}
    for members in groups.all():
        inside = {i for i, _ in members}.union(*(guests.get(member, ()) for member in members))
        width = members[0][1]
        shared = _quant_of(graph, inside, width, (seen, method))
        for member in members:
            quants[member] = fixed.get(member[0], {}).get(width, shared)
    quants.update(_of_nothing(graph, own, quants))
    means = common_means({i: item.means for i, item in seen.items()}, copies)
    clamped = _clamped(graph, bits, {i for item in copies for i in item.results})
    quants.update({(i, 8): quants[result, 8] for i, result in clamped.items()})
    return Formats(bits, quants, means, {}, clamped)


def _ends_at_bounds(graph: Graph, bits: tuple[int, ...]) -> set[int]:
    """Results of clamps: on a scale that others share and that reaches further, none clamps."""
    return {
        op.outputs[0]
        for op, width in zip(graph.ops, bits, strict=True)
        if width == 8 and is_clamp(op, graph)
    }


def _of_nothing(graph: Graph, own: set[int], quants: Mapping[Format, Quant]) -> dict[Format, Quant]:
    """Scales of clamps from above that were 0 on all samples: 0 is where they end, not begin."""
    return {
        (op.outputs[0], 8): Quant(quant.scales, (127,))
        for op in graph.ops
        if op.kind == MINIMUM and op.outputs[0] in own and bound_of(op, graph) == 0
        for quant in (quants[op.outputs[0], 8],)
        if range_of_quant(quant, 8)[0] == 0
    }


def _clamped(graph: Graph, bits: tuple[int, ...], shared: set[int]) -> dict[int, int]:
    """Values that nobody reads but a clamp, by what becomes of them: their maker saturates."""
    counts = reader_counts(graph)
    makers = {
        i: op for op, width in zip(graph.ops, bits, strict=True) if width == 8 for i in op.outputs
    }
    found: dict[int, int] = {}
    for op, width in reversed(tuple(zip(graph.ops, bits, strict=True))):
        value = clamped_value(op, graph) if width == 8 and is_clamp(op, graph) else None
        maker = None if value is None else makers.get(value)
        if value is None or maker is None or value in shared or value in graph.outputs:
            continue
        rounds = computes(maker.kind) or has_weights(maker) or is_clamp(maker, graph)
        if rounds and counts[value] == 1 and graph.tensors[value].quant is None:
            found[value] = found.get(op.outputs[0], op.outputs[0])
    return found


def _quant_of(
    graph: Graph, members: set[int], width: int, how: tuple[Mapping[int, Seen], str]
) -> Quant:
    seen, method = how
    given = {quant for i in members if (quant := graph.tensors[i].quant) is not None}
    if len(given) == 1 and width == 8:
        (only,) = given
        if _holds(only, [seen[i] for i in members if i in seen]):
            return only  # trained with this very scale
    low, high = 0.0, 0.0
    for i in members:
        tensor = graph.tensors[i]
        if tensor.data is not None:
            known = tensor.data[np.isfinite(tensor.data)]  # borders of -inf are the lowest number
            span = (float(known.min(initial=0.0)), float(known.max(initial=0.0)))
        elif tensor.quant is not None:
            span = range_of_quant(tensor.quant, 8)
        elif i in seen:
            # 16 bits have room to spare: clipping would only lose.
            span = chosen_range(seen[i], method if width == 8 else "minmax")
        else:
            raise ModelError(f"no range is known for '{tensor.name}'")
        low, high = min(low, span[0]), max(high, span[1])
    return quant_of_range(low, high, width)


def _holds(quant: Quant, values: list[Seen]) -> bool:
    """Whether trained scales reach as far as all values that share them, within a step."""
    low, high = range_of_quant(quant, 8)
    reach = quant.scale
    return all(low - reach <= item.low and item.high <= high + reach for item in values)


def _fixed(graph: Graph) -> dict[int, Mapping[int, Quant]]:
    """Values whose scale the kernels demand, through ops that only move them."""
    found: dict[int, Mapping[int, Quant]] = {}
    for op in graph.ops:
        demanded = fixed_scales(op.kind)
        if demanded is not None:
            found.update((i, demanded) for i in op.outputs)
        elif moves_values(op.kind):
            sources = [found.get(i) for i in values_read(op, graph)]
            first = sources[0] if sources else None
            if first is not None and all(source == first for source in sources):
                found.update((i, first) for i in values_written(op, graph))
    return found


class _Groups:
    """Union-find over formats, in the order in which they were met."""

    def __init__(self) -> None:
        self._parent: dict[Format, Format] = {}

    def find(self, item: Format) -> Format:
        self._parent.setdefault(item, item)
        while self._parent[item] != item:
            self._parent[item] = self._parent[self._parent[item]]
            item = self._parent[item]
        return item

    def join(self, one: Format, other: Format) -> None:
        self._parent[self.find(other)] = self.find(one)

    def join_all(self, items: Sequence[Format]) -> None:
        for item in items[1:]:
            self.join(items[0], item)

    def join_steps(self, steps: Iterable[Steps]) -> None:
        for item in steps:
            self.join_all([(i, item.bits) for i in item.values])

    def all(self) -> list[list[Format]]:
        found: dict[Format, list[Format]] = {}
        for item in self._parent:
            found.setdefault(self.find(item), []).append(item)
        return list(found.values())
