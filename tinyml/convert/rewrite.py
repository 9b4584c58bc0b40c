"""The integer graph, operator by operator, once the scale of every value is known.

Constants become integers, and a QUANTIZE stands wherever a value is needed at another scale or
width than the one it was made in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tinyml.base.errors import InternalError
from tinyml.convert.formats import Formats, values_read, values_written
from tinyml.convert.function_rows import byte_ops, byte_table, wide_ops, wide_table
from tinyml.convert.functions import Function
from tinyml.convert.integers import as_io, check_sum, integer
from tinyml.convert.lstm import lstm_tensors
from tinyml.convert.ranges import dequantize, range_of_quant
from tinyml.convert.ranges import quantize as to_integers
from tinyml.convert.rules import (
    bound_of,
    clamped_value,
    has_weights,
    is_clamp,
    is_recurrent,
    moves_values,
    weights_of,
)
from tinyml.convert.states import pairs
from tinyml.convert.tables import options_of
from tinyml.convert.values import QuantizeSettings
from tinyml.convert.weights import (
    constant,
    corrected_bias,
    fitted_to_bias,
    product_scales,
    quantised_bias,
    quantised_weights,
    weight_quant,
)
from tinyml.ir.dtype import FLOAT32, DType
from tinyml.ir.graph import Graph, Op, Quant, Tensor, check
from tinyml.ops import trait_of
from tinyml.ops.maximum import MAXIMUM
from tinyml.ops.others import FUNCTION
from tinyml.ops.quantize import DEQUANTIZE, QUANTIZE
from tinyml.ops.traits import Arithmetic, Channels


def rewrite(
    graph: Graph,
    formats: Formats,
    settings: QuantizeSettings,
    functions: Sequence[Function] = (),
) -> Graph:
    """The integer graph."""
    made = _Made(
        graph,
        formats,
        per_channel=settings.quantization != "int8-per-tensor",
        is_corrected=settings.correct_bias,
        functions={each.result: each for each in functions},
    )
    base = 16 if settings.quantization == "int16x8" else 8
    io = "int16" if base == 16 and settings.io == "int8" else settings.io
    states = pairs(graph, settings.states)
    own = len(graph.inputs) - len(states), len(graph.outputs) - len(states)
    for number, i in enumerate(graph.inputs):
        made.add_input(i, base, io if number < own[0] else f"int{base}")
    for op, width in zip(graph.ops, formats.bits, strict=True):
        made.add_op(op, width)
    outputs = tuple(made.output(i, base, io) for i in graph.outputs[: own[1]])
    outputs += tuple(made.value(last, base, made.quant(first, base)) for first, last in states)
    return check(
        replace(
            graph,
            tensors=tuple(made.tensors),
            ops=tuple(made.ops),
            inputs=tuple(made.inputs),
            outputs=outputs,
        )
    )


@dataclass
class _Made:
    """The integer graph so far."""

    graph: Graph
    formats: Formats
    per_channel: bool
    is_corrected: bool
    functions: dict[int, Function]  # by their results
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    written: dict[int, int] = field(default_factory=dict)  # float tensor → its first form here
    forms: dict[tuple[int, DType, Quant | None], int] = field(default_factory=dict)

    def add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def quant(self, i: int, bits: int) -> Quant:
        return self.formats.quants[i, bits]

    def add_input(self, i: int, base: int, io: str) -> None:
        """A model input of the type that the application feeds."""
        tensor = self.graph.tensors[i]
        if tensor.dtype != FLOAT32:
            self._write(i, replace(tensor, quant=None))
            self.inputs.append(self.written[i])
            return
        inner = integer(tensor, self.quant(i, base), base)
        outer = as_io(tensor, inner, io)
        if outer != inner:
            self.inputs.append(self.add(outer))
            inner = replace(inner, name=f"{tensor.name}_{inner.dtype}")
        self._write(i, inner)
        if outer == inner:
            self.inputs.append(self.written[i])
        else:
            self._convert(self.inputs[-1], self.written[i])

    def output(self, i: int, base: int, io: str) -> int:
        """A model output of the type that the application reads."""
        if self.graph.tensors[i].dtype != FLOAT32 or self.tensors[self.written[i]].quant is None:
            return self.written[i]
        name = self.graph.tensors[i].name
        inner = self.value(i, base)
        outer = as_io(self.graph.tensors[i], self.tensors[inner], io)
        made = inner
        if outer != self.tensors[inner]:
            made = self.add(outer)
            self._convert(inner, made)
        for k in {self.written[i], inner} - {made}:
            self.tensors[k] = replace(self.tensors[k], name=f"{name}_{self.tensors[k].dtype}")
        self.tensors[made] = replace(self.tensors[made], name=name)
        return made

    def _write(self, i: int, tensor: Tensor) -> int:
        self.written[i] = self.add(tensor)
        self.forms[i, tensor.dtype, tensor.quant] = self.written[i]
        return self.written[i]

    def _convert(self, source: int, target: int) -> None:
        kind = DEQUANTIZE if self.tensors[target].dtype == FLOAT32 else QUANTIZE
        name = self.tensors[target].name
        self.ops.append(Op(kind, name, (source,), (target,), options_of(kind)))

    def value(self, i: int, bits: int, shared: Quant | None = None) -> int:
        """A float value or constant as the integers that an op of this width reads.

        ``shared`` is the scale that the op wants of all its values.
        """
        tensor = self.graph.tensors[i]
        wanted = integer(tensor, shared or self.quant(i, bits), bits)
        key = (i, wanted.dtype, wanted.quant)
        if key in self.forms:
            return self.forms[key]
        if tensor.data is not None:
            data = to_integers(tensor.data, shared or self.quant(i, bits), bits)
            self.forms[key] = self.add(constant(tensor.name, data, wanted.quant))
        else:
            number = sum(k[0] == i for k in self.forms)
            name = f"{tensor.name}_{wanted.dtype}_{number}"
            self.forms[key] = self.add(replace(wanted, name=name))
            self._convert(self.written[i], self.forms[key])
        return self.forms[key]

    def plain(self, i: int) -> int:
        """A tensor that is not quantised: an axis, a shape, an index, absent."""
        if i < 0:
            return -1
        if i not in self.written:
            self._write(i, self.graph.tensors[i])
        return self.written[i]

    def add_op(self, op: Op, bits: int) -> None:
        values = set(values_read(op, self.graph))
        results = values_written(op, self.graph)
        if is_recurrent(op.kind):
            self._add_lstm(op)
            return
        if op.kind == FUNCTION:
            self._add_function(op, bits)
            return
        if bits == 8 and is_clamp(op, self.graph):
            self._add_clamp(op)
            return
        if has_weights(op):
            inputs = self._weighted(op, bits)
        else:
            shared = self.quant(results[0], bits) if moves_values(op.kind) and results else None
            inputs = [
                self.value(i, bits, shared) if i in values else self.plain(i) for i in op.inputs
            ]
        outputs = []
        for i in op.outputs:
            tensor = self.graph.tensors[i]
            if i in results:
                named = self.graph.tensors[self.formats.clamped.get(i, i)]
                tensor = integer(named, self.quant(i, bits), bits)
            outputs.append(self._write(i, tensor))
        self.ops.append(replace(op, inputs=tuple(inputs), outputs=tuple(outputs)))
        arithmetic = trait_of(op.kind, Arithmetic)
        if results and arithmetic is not None and arithmetic.sign in "+-":
            scales = [self.quant(i, bits).scale for i in values_read(op, self.graph)]
            check_sum(op, scales, self.quant(op.outputs[0], bits).scale, bits)

    def _add_function(self, op: Op, bits: int) -> None:
        """The number of a row of the table for each value, and the rows."""
        function = self.functions[op.outputs[0]]
        named = self.graph.tensors[self.formats.clamped.get(function.result, function.result)]
        quants = (self.quant(function.value, bits), self.quant(function.result, bits))
        given = self.value(function.value, bits)
        made = self._write(function.result, integer(named, quants[1], bits))
        ends = (given, made)
        if bits == 16:
            table = wide_table(function, self.graph, quants)
            self.ops += wide_ops(self.add, ends, quants, self.tensors[made], table)
        else:
            table = byte_table(function, self.graph, quants)
            self.ops += byte_ops(self.add, ends, self.tensors[made], table)

    def _add_lstm(self, op: Op) -> None:
        value, result = op.inputs[0], op.outputs[0]
        scales = (self.quant(value, 8), self.quant(result, 8))
        held = lstm_tensors(op, self.graph, scales, self.formats.cells[result])
        operands = [-1] * len(op.inputs)
        operands[0] = self.value(value, 8)
        for position, tensor in held.operands.items():
            operands[position] = self.add(tensor)
        attrs = replace(
            op.attrs, intermediates=tuple(self.add(tensor) for tensor in held.intermediates)
        )
        made = self._write(result, integer(self.graph.tensors[result], scales[1], 8))
        self.ops.append(replace(op, inputs=tuple(operands), outputs=(made,), attrs=attrs))

    def _add_clamp(self, op: Op) -> None:
        """A QUANTIZE to the scale that ends at the bound; nothing where the maker wrote in it."""
        given, (result,) = clamped_value(op, self.graph), op.outputs
        assert given is not None
        named = self.graph.tensors[self.formats.clamped.get(result, result)]
        wanted = integer(named, self.quant(result, 8), 8)
        low, high = range_of_quant(self.quant(result, 8), 8)
        beyond = high - bound_of(op, self.graph)
        if op.kind == MAXIMUM:
            beyond = bound_of(op, self.graph) - low
        if beyond > self.quant(result, 8).scale:
            raise InternalError(f"the scale of '{named.name}' reaches beyond its bound")
        source = self.value(given, 8)
        if self.tensors[source].quant == wanted.quant:
            self.written[result] = self.forms[result, wanted.dtype, wanted.quant] = source
            return
        self._convert(source, self._write(result, wanted))

    def _weighted(self, op: Op, bits: int) -> list[int]:
        where = weights_of(op)
        weights = self.graph.tensors[op.inputs[where.weights]]
        value = op.inputs[where.value]
        input_scale = self.quant(value, bits).scale
        quant = weight_quant(weights, where.axis, per_channel=self.per_channel)
        has_bias = where.bias < len(op.inputs) and op.inputs[where.bias] >= 0
        inputs = [-1] * max(len(op.inputs), where.bias + 1)
        for position, i in enumerate(op.inputs):
            if position == where.value:
                inputs[position] = self.value(i, bits)
            elif position not in (where.weights, where.bias):
                inputs[position] = self.plain(i)
        if has_bias:
            bias = self.graph.tensors[op.inputs[where.bias]]
            data = bias.data if bias.data is None else bias.data.reshape(-1)
            name = bias.name
        else:
            # Kernels of some operators fail without a bias; zeros cost a few bytes.
            data = np.zeros(weights.shape[where.axis], np.float32)
            name = f"{weights.name}_bias"
        assert data is not None
        quant = fitted_to_bias(quant, data, input_scale)
        held = quantised_weights(weights, quant)
        inputs[where.weights] = self.add(held)
        means = self.formats.means.get(value)
        hears_all = trait_of(op.kind, Channels) is not None  # whatever its place in the image
        if self.is_corrected and means is not None and hears_all:
            assert weights.data is not None
            assert held.data is not None
            rounded = dequantize(held.data, quant)
            data = corrected_bias(data, weights.data, rounded, means, where.axis)
        scales = product_scales(input_scale, quant)
        inputs[where.bias] = self.add(quantised_bias(name, data, scales, bits))
        return inputs
