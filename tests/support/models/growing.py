"""A random graph while it grows: tensors, ops, and what is known of the values in them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.support.models.random_state import carried
from tinyml.base.errors import ModelError
from tinyml.ir.dtype import FLOAT32, INT8, DType, dtype_of
from tinyml.ir.graph import Array, Graph, Op, Quant, Source, Tensor, check
from tinyml.model.support import unmet
from tinyml.ops import spec_of, trait_of
from tinyml.ops.traits import MovesOnly

Draw = Callable[[st.SearchStrategy[Any]], Any]

_MAX_ELEMENTS = 4000
# Their floats are those of a C library in TFLM, or added up in another order: a few steps off. What
# rounds them, or chooses by them, could be anywhere, so that they are only moved.
ROUGH = {
    *("EXP", "LOG", "LOGISTIC", "TANH", "ELU", "SIN", "COS", "SOFTMAX", "LOG_SOFTMAX"),
    *("TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM", "L2_NORMALIZATION"),
}


@dataclass
class Growing:
    """A graph under construction.

    ``bounds`` says of floats how far from zero they are at most, ``rough`` names the tensors of
    which TFLM may have floats next to ours; with ``is_beyond`` operators that TFLM does not have
    are used too.
    """

    draw: Draw
    rng: np.random.Generator
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    now: dict[int, int] = field(default_factory=dict)  # variable → tensor of its present value
    hidden: set[int] = field(default_factory=set)  # tensors that only variables' own ops read
    bounds: dict[int, float] = field(default_factory=dict)
    rough: set[int] = field(default_factory=set)
    is_beyond: bool = False

    def one_of(self, *items: Any) -> Any:
        return self.draw(st.sampled_from(items))

    def between(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def scale(self, around: float = 0.05) -> float:
        return float(np.float32(around * 2.0 ** (self.between(-20, 20) / 10)))

    def quant(self, around: float = 0.05) -> Quant:
        zero_point = self.one_of(-128, 127, 0, self.between(-128, 127))
        return Quant((self.scale(around),), (zero_point,))

    def add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def value(self, shape: tuple[int, ...], quant: Quant | None, dtype: DType = INT8) -> int:
        return self.add(Tensor(f"t{len(self.tensors)}", dtype, shape, quant))

    def constant(self, data: Array, quant: Quant | None) -> int:
        data.setflags(write=False)
        name = f"c{len(self.tensors)}"
        return self.add(Tensor(name, dtype_of(data.dtype), data.shape, quant, data))

    def bytes(self, shape: tuple[int, ...], low: int = -128) -> Array:
        return self.rng.integers(low, 127, shape, np.int8, endpoint=True)

    def weights(self, shape: tuple[int, ...], axis: int, *, per_channel: bool) -> int:
        count = shape[axis] if per_channel else 1
        scales = self.scale(0.01) * 2.0 ** self.rng.uniform(-2, 2, count)
        rounded = tuple(scales.astype(np.float32).tolist())
        return self.constant(self.bytes(shape, -127), Quant(rounded, (0,) * count, axis))

    def bias(self, given: int, weights: int, count: int) -> int:
        if self.between(0, 3) == 0:
            return -1
        first, second = (self.tensors[i].quant for i in (given, weights))
        assert first is not None
        assert second is not None
        scales = np.float32(first.scale) * np.array(second.scales, np.float32)
        data = self.rng.integers(-3000, 3000, count, np.int32)
        return self.constant(data, Quant(tuple(scales.tolist()), (0,) * len(scales)))

    def alike(self, given: int) -> list[int]:
        """The run-time tensors of one's type, shape and scale; itself among them."""
        wanted = self.tensors[given]
        return [
            i
            for i, other in enumerate(self.tensors)
            if (other.dtype, other.shape, other.quant) == (wanted.dtype, wanted.shape, wanted.quant)
            and other.data is None
            and i not in self.hidden
            and (i in self.rough) == (given in self.rough)
        ]

    def bound(self, i: int) -> float:
        """How far from zero the values of a tensor are at most; scales count."""
        tensor = self.tensors[i]
        if i in self.bounds:
            return self.bounds[i]
        if tensor.data is not None and tensor.dtype == FLOAT32:
            return float(np.abs(tensor.data).max(initial=0.0))
        if tensor.dtype == FLOAT32:
            return 1000.0  # an input
        if tensor.quant is None:
            return 2.0**tensor.dtype.bits
        return 2.0**tensor.dtype.bits * tensor.quant.scale

    def like(self, kind: str, inputs: tuple[int, ...], attrs: Any, given: int) -> bool:
        """As ``finish``, for results of the type and scale of a tensor."""
        return self.finish(
            kind, inputs, attrs, self.tensors[given].quant, self.tensors[given].dtype
        )

    # Six parameters: all that an op is, and the type of its results where it is not the usual one.
    def finish(
        self,
        kind: str,
        inputs: tuple[int, ...],
        attrs: Any,
        quant: Quant | None,
        dtype: DType | None = None,
    ) -> bool:
        """Adds an op and its outputs; False, and nothing added, where the op is not supported."""
        is_rough = any(i in self.rough for i in inputs)
        if is_rough and trait_of(kind, MovesOnly) is None:
            return False
        spec = spec_of(kind)
        made = len(self.tensors)
        op = Op(kind, f"{kind.lower()}_{len(self.ops)}", inputs, (made,), attrs)
        dtype = dtype or (FLOAT32 if quant is None else INT8)
        tensor = Tensor(f"t{made}", dtype, (), quant)
        if kind == "RESHAPE":
            tensor = replace(tensor, shape=attrs.new_shape)
        graph = graph_of((*self.tensors, tensor), (op,), ())
        try:
            shapes = spec.infer(op, graph)
            results = [replace(tensor, name=f"t{made + k}", shape=s) for k, s in enumerate(shapes)]
            op = replace(op, outputs=tuple(range(made, made + len(results))))
            graph = replace(graph, tensors=(*self.tensors, *results))
            size = max(item.elements for item in results)
            if size > _MAX_ELEMENTS or any(unmet(op, graph)):
                return False
        except ModelError:
            return False
        largest = max((self.bound(i) for i in inputs if i >= 0), default=0.0)
        for item in results:
            number = self.add(item)
            if item.dtype == FLOAT32:
                self.bounds[number] = largest
            if is_rough or (kind in ROUGH and item.dtype == FLOAT32):
                self.rough.add(number)
        self.ops.append(op)
        return True


def compact(g: Growing) -> Graph:
    """The graph without the tensors that no op reads or writes; unread values are its outputs."""
    used = {i for op in g.ops for i in (*op.inputs, *op.outputs) if i >= 0}
    read = {i for op in g.ops for i in op.inputs}
    order = sorted(used)
    number = {old: new for new, old in enumerate(order)} | {-1: -1}
    ops = tuple(
        replace(
            op,
            inputs=tuple(number[i] for i in op.inputs),
            outputs=tuple(number[i] for i in op.outputs),
        )
        for op in g.ops
    )
    inputs = tuple(number[i] for i in g.inputs if i in used)
    made = (i for op in g.ops for i in op.outputs)
    outputs = tuple(number[i] for i in made if i not in read and i not in g.hidden)
    graph = graph_of(tuple(g.tensors[i] for i in order), ops, inputs)
    return check(replace(graph, outputs=outputs, carried=carried(g, number)))


def graph_of(tensors: tuple[Tensor, ...], ops: tuple[Op, ...], inputs: tuple[int, ...]) -> Graph:
    """A graph without outputs."""
    text = repr((tensors, ops))
    source = Source("random.tflite", hashlib.sha256(text.encode()).hexdigest(), 0)
    return Graph("random", source, tensors, ops, inputs, ())
