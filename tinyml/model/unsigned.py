"""Models of uint8 values, as TensorFlow Lite 1 made them, as models of int8 values.

A value is that less 128, and so is its zero point; inputs and outputs of the model stay uint8, with
a QUANTIZE that moves them. TFLite's kernels of uint8 then compute what int8 kernels do, where the
trait ``Unsigned`` says so. Weights keep the distance from their zero point, of which an int8 holds
-128 to 127: where it is larger, the layer's input stands twice side by side, and each half has a
part of the weights. TensorFlow Lite Micro has no kernels of uint8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tinyml.base.errors import Unsupported, UnsupportedOps
from tinyml.ir.dtype import INT8, INT16, UINT8
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.ops import all_ops, find_form, spec_of, trait_of
from tinyml.ops.depthwise_conv_2d import as_groups
from tinyml.ops.layout import CONCATENATION, RESHAPE, ConcatenationAttrs, ReshapeAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.pack import PACK, PackAttrs
from tinyml.ops.quantize import QUANTIZE
from tinyml.ops.traits import Activation, Converts, MovesOnly, Pads, Unsigned, Weights

_HALF = 128
_DEMAND = "TFLite must compute of uint8 values what it does of int8 ones."
_HINT = (
    "train or convert the model to int8 (tinyml convert MODEL --calibration DATA), or leave these "
    "operators to the application."
)


def with_signed_values(graph: Graph) -> Graph:
    """The graph with int8 values inside; as it is where its operators take the uint8 it has.

    Raises UnsupportedOps with all operators that TFLite computes in another way of uint8.
    """
    if not any(_is_unsigned(op, graph) for op in graph.ops):
        return graph
    found = [item for number, op in enumerate(graph.ops) for item in _differing(number, op, graph)]
    if found:
        raise UnsupportedOps(graph.source.file_name, tuple(found), _HINT)
    return _signed_graph(graph)


def _has_bytes(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.dtype == UINT8 and tensor.quant is not None


def _is_unsigned(op: Op, graph: Graph) -> bool:
    """Whether an op that we know computes of uint8 values, and has no form for them."""
    operands = (*graph.op_inputs(op), *graph.op_outputs(op))
    return op.kind in all_ops() and any(map(_has_bytes, operands)) and not find_form(op, graph)


def _differing(number: int, op: Op, graph: Graph) -> Sequence[Unsupported]:
    if op.kind not in all_ops() or not any(
        map(_has_bytes, (*graph.op_inputs(op), *graph.op_outputs(op)))
    ):
        return ()
    label = f"{op.kind} '{op.name}' (op {number})"
    kinds = (Unsigned, MovesOnly, Pads, Converts)
    if all(trait_of(op.kind, kind) is None for kind in kinds):
        return (Unsupported(label, _DEMAND, "one that rounds in another way"),)
    trait = trait_of(op.kind, Weights)
    weights = graph.tensors[op.inputs[trait.weights]] if trait is not None else None
    if weights is not None and (weights.data is None or not _has_bytes(weights)):
        return (Unsupported(label, "Weights of uint8 values must be constant.", weights.name),)
    return ()


def _signed_graph(graph: Graph) -> Graph:
    made = _Signed(list(graph.tensors))
    for i, tensor in enumerate(graph.tensors):
        if not _has_bytes(tensor):
            continue
        if i in graph.inputs or i in graph.outputs:
            made.inner[i] = made.add(_signed(replace(tensor, name=f"{tensor.name}/int8")))
        else:
            made.tensors[i] = _signed(tensor)
    for i in graph.inputs:
        if i in made.inner:
            made.convert(i, made.inner[i])
    for op in graph.ops:
        made.take(op, graph)
    for i in dict.fromkeys(graph.outputs):
        if i in made.inner and i not in graph.inputs:
            made.convert(made.inner[i], i)
    return replace(graph, tensors=tuple(made.tensors), ops=tuple(made.ops))


def _signed(tensor: Tensor) -> Tensor:
    """The tensor less 128."""
    quant, data = tensor.quant, tensor.data
    assert quant is not None
    if data is not None:
        data = _fixed((data.astype(np.int16) - _HALF).astype(np.int8))
    zero_points = tuple(point - _HALF for point in quant.zero_points)
    return replace(tensor, dtype=INT8, quant=replace(quant, zero_points=zero_points), data=data)


def _fixed(data: Array) -> Array:
    held = np.ascontiguousarray(data)
    held.flags.writeable = False
    return held


@dataclass
class _Signed:
    """A graph while it becomes one of int8 values."""

    tensors: list[Tensor]
    ops: list[Op] = field(default_factory=list)
    inner: dict[int, int] = field(default_factory=dict)  # uint8 tensor at the rim → int8 inside

    def add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def convert(self, given: int, made: int) -> None:
        self.ops.append(Op(QUANTIZE, self.tensors[made].name, (given,), (made,), NoAttrs()))

    # Five parameters: an op, but for its only result, which is described and returned.
    def make(self, kind: str, inputs: tuple[int, ...], attrs: Any, made: Tensor) -> int:
        number = self.add(made)
        self.ops.append(Op(kind, made.name, inputs, (number,), attrs))
        return number

    def take(self, op: Op, graph: Graph) -> None:
        """Adds what stands for an op of the graph."""
        inputs, outputs = (
            tuple(self.inner.get(i, i) for i in numbers) for numbers in (op.inputs, op.outputs)
        )
        inside = replace(op, inputs=inputs, outputs=outputs)
        unsigned, weights = trait_of(op.kind, Unsigned), trait_of(op.kind, Weights)
        if not _has_bytes(graph.tensors[op.inputs[0]]):
            self.ops.append(inside)
        elif weights is not None:
            self._weighted(inside, graph.tensors[op.inputs[weights.weights]], weights)
        elif unsigned is not None and unsigned.counts is not None and self._halves(op, graph):
            self._average(inside)
        else:
            self.ops.append(inside)

    def _weighted(self, op: Op, held: Tensor, trait: Weights) -> None:
        """A layer whose weights are their distances from the zero point."""
        assert held.data is not None
        assert held.quant is not None
        shape = [-1 if i == held.quant.axis else 1 for i in range(len(held.shape))]
        points = np.array(held.quant.zero_points).reshape(shape if held.quant.is_per_channel else 1)
        distances = held.data.astype(np.int64) - points
        near = np.clip(distances, *INT8.limits)
        quant = replace(held.quant, zero_points=(0,) * len(held.quant.scales))
        weights = replace(held, dtype=INT8, quant=quant, data=_fixed(near.astype(np.int8)))
        if not held.quant.is_per_channel:
            op = replace(op, attrs=replace(op.attrs, is_product_rounded=True))
        if (near == distances).all():
            number = self.add(weights)
            self.ops.append(_with_input(op, trait.weights, number))
            return
        parts = (near.astype(np.int8), (distances - near).astype(np.int8))
        value = self.tensors[op.inputs[trait.value]]
        twice = replace(
            value, name=f"{op.name}/twice", shape=(*value.shape[:-1], 2 * value.shape[-1])
        )
        given = op.inputs[trait.value]
        if (
            trait.axis == 0
        ):  # filters first: each has a part for the first half, and one for the other
            joined = ConcatenationAttrs(len(value.shape) - 1)
            given = self.make(CONCATENATION, (given, given), joined, twice)
            data = np.concatenate(parts, axis=-1)
        else:
            pairs = replace(value, name=f"{op.name}/pairs", shape=(*value.shape, 2))
            given = self.make(PACK, (given, given), PackAttrs(len(value.shape), 2), pairs)
            given = self.make(RESHAPE, (given,), ReshapeAttrs(twice.shape), twice)
            data = np.stack([np.moveaxis(part[0], -1, 0) for part in parts], axis=-1)
            op = as_groups(op)
            weights = replace(weights, quant=replace(quant, axis=0))
        number = self.add(replace(weights, shape=data.shape, data=_fixed(data)))
        op = _with_input(op, trait.weights, number)
        self.ops.append(_with_input(op, trait.value, given))

    def _halves(self, op: Op, graph: Graph) -> bool:
        trait = trait_of(op.kind, Unsigned)
        assert trait is not None
        assert trait.counts is not None
        return bool((trait.counts(op, graph) % 2 == 0).any())

    def _average(self, op: Op) -> None:
        """In 16 bits the values stay positive, and halves are rounded up: as in TFLite."""
        value, result = self.tensors[op.inputs[0]], self.tensors[op.outputs[0]]
        assert value.quant is not None
        shown = Quant(value.quant.scales, (-_HALF,))
        wide = Quant(value.quant.scales, (0,))
        raw = replace(value, name=f"{op.name}/raw", quant=shown)
        given = self.make(RESHAPE, op.inputs, ReshapeAttrs(value.shape), raw)
        tall = replace(value, name=f"{op.name}/wide", dtype=INT16, quant=wide)
        given = self.make(QUANTIZE, (given,), NoAttrs(), tall)
        tall = replace(tall, name=f"{op.name}/average", shape=result.shape)
        plain = replace(op.attrs, activation="NONE")
        given = self.make(op.kind, (given,), plain, tall)
        raw = replace(raw, name=f"{op.name}/rounded", shape=result.shape)
        given = self.make(QUANTIZE, (given,), NoAttrs(), raw)
        kinds = [
            kind
            for kind in all_ops()
            if (trait := trait_of(kind, Activation)) is not None
            and trait.name == op.attrs.activation
        ]
        shape, outputs = ReshapeAttrs(result.shape), op.outputs
        if not kinds:
            self.ops.append(Op(RESHAPE, op.name, (given,), outputs, shape))
            return
        back = replace(result, name=f"{op.name}/back")
        given = self.make(RESHAPE, (given,), shape, back)
        self.ops.append(Op(kinds[0], op.name, (given,), outputs, spec_of(kinds[0]).attrs()))


def _with_input(op: Op, position: int, number: int) -> Op:
    return replace(op, inputs=(*op.inputs[:position], number, *op.inputs[position + 1 :]))
