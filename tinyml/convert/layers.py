"""What quantisation did to each layer: its noise in the model and alone, its range, what clips.

Two figures per layer answer two questions. How wrong is its result inside the integer model, with
everything that went wrong before it? And how much of the model's error is its own doing: only this
layer's weights, or only its result, are rounded while all else stays float, and the float model's
output shows the harm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.convert import flatfile
from tinyml.convert.formats import values_written
from tinyml.convert.ranges import Observer, Seen, clipped_share, dequantize, quantize
from tinyml.convert.rounding import as_trained, rounded
from tinyml.convert.rules import (
    clamped_value,
    fixed_scales,
    has_weights,
    is_clamp,
    moves_values,
    weights_of,
)
from tinyml.convert.runners import Runner, float_runner, float_tensor
from tinyml.ir.dtype import FLOAT32, INT8, INT16, UINT8
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.passes.repetition import repetitions
from tinyml.passes.rewrite import maker, moves
from tinyml.passes.roll import alike

Sample = Sequence[Array]
CEILING_DB = 120.0  # of a ratio without any noise
_BUSY = 0.01  # of the largest channel's peak; channels below count as silent


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the quantised model beside its float original."""

    name: str  # of its result
    kind: str
    shape: tuple[int, ...]
    bits: int
    low: float  # range of the float result on the samples
    high: float
    clipped_share: float  # of the float values, outside of what the integers can represent
    sqnr_db: float  # signal to noise of the result inside the integer model
    weights_db: float | None  # signal to noise of the model's output, only the weights rounded
    values_db: float  # signal to noise of the model's output, only the result rounded
    outlier_ratio: float  # peak of the loudest channel over the median channel's
    outlier_channel: int
    steps: int = 1  # of an unrolled layer; the figures are those of all of them together

    @property
    def own_db(self) -> float:
        """Signal to noise of the model's output when this layer alone is quantised."""
        parts = [self.values_db] + ([] if self.weights_db is None else [self.weights_db])
        return -10 * float(np.log10(sum(10 ** (-part / 10) for part in parts)))


def sqnr_db(exact: Array, found: Array) -> float:
    """Signal-to-quantisation-noise ratio in dB, at most 120."""
    signal = float(np.sum(np.square(exact, dtype=np.float64)))
    noise = float(np.sum(np.square(exact.astype(np.float64) - found)))
    if noise <= signal * 10 ** (-CEILING_DB / 10):
        return CEILING_DB
    return 10 * float(np.log10(max(signal, 1e-30) / noise))


def layers_of(graph: Graph, quantised: Runner, samples: Sequence[Sample]) -> tuple[Layer, ...]:
    """Every layer that computes, in order.

    ``graph`` is the float graph from which ``quantised`` was made: names tie the two together.
    """
    trained, where = as_trained(graph)
    exact = float_runner(flatfile.write(trained))
    integers = {tensor.name: i for i, tensor in enumerate(quantised.graph.tensors)}
    observer = Observer(len(samples))
    pairs: dict[int, list[tuple[Array, Array]]] = {}
    judged = judged_tensor(graph)
    judged = where.get(judged, judged)
    goal = []
    for sample in samples:
        real, found = exact.run(sample), quantised.run(_fed(quantised.graph, sample))
        goal.append(np.array(real[judged]))
        for i, tensor in enumerate(graph.tensors):
            value = real[where.get(i, i)]
            if tensor.dtype != FLOAT32 or tensor.is_constant or value is None:
                continue
            observer.add(i, value, tensor.name)
            k = form_of(integers, quantised.graph, tensor.name)
            result = None if k is None else found[k]
            if k is not None and result is not None:
                pairs.setdefault(i, []).append((value, _real(result, quantised.graph.tensors[k])))
    seen = observer.seen()
    alone = _Alone(trained, judged, samples, np.stack(goal))
    known = (seen, pairs, integers)
    return tuple(
        _layer(ops, (graph, quantised.graph), known, alone)
        for ops in _by_steps(graph, _with_clamps(graph, set(pairs)))
        if all(
            values_written(op, graph)[:1] and values_written(op, graph)[0] in pairs for op in ops
        )
    )


def _by_steps(graph: Graph, ops: Sequence[Op]) -> Iterator[tuple[Op, ...]]:
    """The ops, with the steps of one that was unrolled together, where the last one stands."""
    lanes = {
        number: lane
        for found in repetitions(graph, alike(graph, has_scales=False))
        for lane in found.places
        for number in lane
    }
    for number, op in enumerate(ops):
        lane = lanes.get(number, (number,))
        if number == lane[-1]:
            yield (*(ops[n] for n in lane[:-1]), op)


def _with_clamps(graph: Graph, known: set[int]) -> tuple[Op, ...]:
    """The ops; where a layer's own clamp became its scale, the layer writes what is clamped."""
    makers = {i: op for op in graph.ops for i in op.outputs}
    found = []
    for op in graph.ops:
        value = clamped_value(op, graph) if is_clamp(op, graph) else None
        layer = op
        while value is not None and value not in known and value in makers:
            layer = makers[value]
            value = clamped_value(layer, graph) if is_clamp(layer, graph) else None
        found.append(op if layer is op else replace(layer, outputs=op.outputs))
    return tuple(found)


def judged_tensor(graph: Graph) -> int:
    """Where to look for the harm: the first output, before a softmax that would hide it."""
    output = graph.outputs[0]
    last = maker(graph, output)
    # The operand of a layer with a fixed scale says more than its result.
    while last is not None and (fixed_scales(last.kind) is not None or moves(last, "view")):
        output = last.inputs[0]
        last = maker(graph, output)
    return output


def form_of(integers: dict[str, int], graph: Graph, name: str) -> int | None:
    """The tensor of the integer model that holds a float value, as its maker wrote it."""
    for called in (f"{name}_int8", f"{name}_int16", name):
        if called in integers and graph.tensors[integers[called]].dtype.is_quantised:
            return integers[called]
    return integers.get(name)


def _real(value: Array, tensor: Tensor) -> Array:
    return value if tensor.quant is None else dequantize(value, tensor.quant)


def _fed(graph: Graph, sample: Sample) -> tuple[Array, ...]:
    """A float sample as the quantised model reads it."""
    return tuple(
        as_fed(graph.tensors[i], value) for i, value in zip(graph.inputs, sample, strict=True)
    )


def as_fed(tensor: Tensor, value: Array) -> Array:
    """A float value in the type of a model input."""
    if tensor.quant is None or tensor.dtype == FLOAT32:
        return value
    if tensor.dtype == UINT8:
        shifted = Quant(tensor.quant.scales, tuple(p - 128 for p in tensor.quant.zero_points))
        return (quantize(value, shifted).astype(np.int16) + 128).astype(np.uint8)
    return quantize(value, tensor.quant, tensor.dtype.bits)


_Known = tuple[dict[int, Seen], dict[int, list[tuple[Array, Array]]], dict[str, int]]


def _layer(ops: tuple[Op, ...], graphs: tuple[Graph, Graph], known: _Known, alone: _Alone) -> Layer:
    """The figures of an op, or of all steps of one."""
    graph, quantised = graphs
    seen, pairs, integers = known
    op = ops[-1]
    results = [values_written(step, graph)[0] for step in ops]
    tensor = graph.tensors[results[-1]]
    forms = [form_of(integers, quantised, graph.tensors[i].name) for i in results]
    helds = [quantised.tensors[form] for form in forms if form is not None]
    held = helds[-1]
    bits = held.dtype.bits if held.dtype.is_quantised else 8
    quant = held.quant
    exact = np.stack([a for result in results for a, _ in pairs[result]])
    found = np.stack([b for result in results for _, b in pairs[result]])
    ratio, channel = _outlier(exact)
    weights = _rounded_weights(op, graph, quantised, integers)
    return Layer(
        name=tensor.name,
        kind=op.kind,
        shape=tensor.shape,
        bits=bits,
        low=min(seen[result].low for result in results),
        high=max(seen[result].high for result in results),
        clipped_share=0.0
        if quant is None
        else float(np.mean([clipped_share(seen[i], quant, bits) for i in results])),
        sqnr_db=sqnr_db(exact, found),
        weights_db=alone.weights(weights) if weights else None,
        # A value that is only moved was rounded where it was made.
        values_db=CEILING_DB
        if quant is None or moves_values(op.kind)
        else alone.values(list(zip(results, helds, strict=True))),
        outlier_ratio=ratio,
        outlier_channel=channel,
        steps=len(ops),
    )


def _outlier(values: Array) -> tuple[float, int]:
    """How far the loudest channel stands out: its peak over the median of those that speak."""
    flat = np.abs(values.reshape(-1, values.shape[-1]))
    peaks = flat.max(axis=0)
    loud = peaks[peaks > peaks.max(initial=0.0) * _BUSY**2]
    if len(loud) < 3:
        return 1.0, 0
    return float(peaks.max() / np.median(loud)), int(peaks.argmax())


def _rounded_weights(
    op: Op, graph: Graph, quantised: Graph, integers: dict[str, int]
) -> dict[int, Array]:
    """Weights and bias of a layer as its integers represent them, by tensor; empty without."""
    if not has_weights(op):
        return {}
    where = weights_of(op)
    held = [op.inputs[k] for k in (where.weights, where.bias) if k < len(op.inputs)]
    found = {}
    for i in held:
        tensor = quantised.tensors[integers.get(graph.tensors[i].name, -1)] if i >= 0 else None
        if tensor is not None and tensor.data is not None and tensor.quant is not None:
            found[i] = dequantize(tensor.data, replace(tensor.quant, axis=_axis(tensor)))
    return found


def _axis(tensor: Tensor) -> int:
    """The axis of the scales; a bias with one scale per element does not say."""
    return 0 if tensor.quant is None or len(tensor.shape) == 1 else tensor.quant.axis


@dataclass(frozen=True, slots=True)
class _Alone:
    """The float model with one thing rounded, against the float model."""

    graph: Graph
    judged: int
    samples: Sequence[Sample]
    goal: Array

    def weights(self, rounded: dict[int, Array]) -> float:
        """dB at the output when one layer's weights and bias are rounded."""
        tensors = list(self.graph.tensors)
        for i, value in rounded.items():
            data = value.reshape(tensors[i].shape)
            data.flags.writeable = False
            tensors[i] = replace(tensors[i], data=data)
        return self._judge(replace(self.graph, tensors=tuple(tensors)))

    def values(self, steps: Sequence[tuple[int, Tensor]]) -> float:
        """dB at the output when one value, in all its steps, is rounded to integers and back."""
        changed, judged = self.graph, self.judged
        for tensor, held in steps:
            dtype = INT16 if held.dtype == INT16 else INT8
            quant = held.quant
            if quant is None:
                continue
            if held.dtype == UINT8:
                quant = Quant(quant.scales, (quant.zero_point - 128,))
            changed = rounded(changed, tensor, dtype, quant)
            judged = len(changed.tensors) - 1 if tensor == self.judged else judged
        return self._judge(changed, judged)

    def _judge(self, graph: Graph, judged: int | None = None) -> float:
        where = self.judged if judged is None else judged
        return sqnr_db(self.goal, np.stack(float_tensor(graph, where, self.samples)))
