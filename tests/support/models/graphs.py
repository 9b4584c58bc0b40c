"""Random small int8 graphs of any supported ops, as a hypothesis strategy.

A graph grows op by op: a kind and an earlier tensor are drawn, then weights, attributes and a
quantisation of the output that does not saturate everything. An op that does not meet its own
constraints (or shape rule) there is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.support.models.cases import Case, Vector
from tests.support.models.random_changes import change
from tests.support.models.random_choices import choose
from tests.support.models.random_cuts import cut
from tests.support.models.random_state import carried, remember
from tests.support.models.random_wide import widen
from tinyml.base.errors import ModelError
from tinyml.ir.dtype import FLOAT32, INT8, DType, dtype_of
from tinyml.ir.graph import Array, Graph, Op, Quant, Source, Tensor, check
from tinyml.model.support import unmet
from tinyml.ops import spec_of

_PADDINGS = ("SAME", "VALID")
_ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")
_VECTORS = 3
_MAX_ELEMENTS = 4000

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass
class Growing:
    """A graph under construction."""

    draw: Draw
    rng: np.random.Generator
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    now: dict[int, int] = field(default_factory=dict)  # variable → tensor of its present value
    hidden: set[int] = field(default_factory=set)  # tensors that only variables' own ops read

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

    def value(self, shape: tuple[int, ...], quant: Quant) -> int:
        return self.add(Tensor(f"t{len(self.tensors)}", INT8, shape, quant))

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
        spec = spec_of(kind)
        made = len(self.tensors)
        op = Op(kind, f"{kind.lower()}_{len(self.ops)}", inputs, (made,), attrs)
        dtype = dtype or (FLOAT32 if quant is None else INT8)
        tensor = Tensor(f"t{made}", dtype, (), quant)
        if kind == "RESHAPE":
            tensor = replace(tensor, shape=attrs.new_shape)
        graph = _graph((*self.tensors, tensor), (op,), ())
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
        for item in results:
            self.add(item)
        self.ops.append(op)
        return True


def _convolution(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    if len(shape) != 4:
        return
    kind = g.one_of("CONV_2D", "DEPTHWISE_CONV_2D")
    taps_h, taps_w = g.between(1, 3), g.between(1, 3)
    filters = g.between(1, 6)
    attrs = {
        "padding": g.one_of(*_PADDINGS),
        "stride_h": g.between(1, 2),
        "stride_w": g.between(1, 2),
        "dilation_h": g.one_of(1, 1, 2),
        "dilation_w": g.one_of(1, 1, 2),
        "activation": g.one_of(*_ACTIVATIONS),
    }
    per_channel = g.one_of(True, False)
    if kind == "CONV_2D":
        weights = g.weights((filters, taps_h, taps_w, shape[3]), 0, per_channel=per_channel)
        depth = taps_h * taps_w * shape[3]
    else:
        attrs["depth_multiplier"] = g.between(1, 2)
        filters = shape[3] * attrs["depth_multiplier"]
        weights = g.weights((1, taps_h, taps_w, filters), 3, per_channel=per_channel)
        depth = taps_h * taps_w
    _weighted(g, kind, given, weights, filters, depth, spec_of(kind).attrs(**attrs))


def _fully_connected(g: Growing, given: int) -> None:
    shape = g.tensors[given].shape
    outputs = g.between(1, 9)
    keeps = g.one_of(True, False) and len(shape) > 1
    features = shape[-1] if keeps or len(shape) == 2 else g.tensors[given].elements
    weights = g.weights((outputs, features), 0, per_channel=False)
    attrs = spec_of("FULLY_CONNECTED").attrs(
        activation=g.one_of(*_ACTIVATIONS), keep_num_dims=keeps
    )
    _weighted(g, "FULLY_CONNECTED", given, weights, outputs, features, attrs)


def _weighted(
    g: Growing, kind: str, given: int, weights: int, filters: int, depth: int, attrs: Any
) -> None:
    bias = g.bias(given, weights, filters)
    first, second = (g.tensors[i].quant for i in (given, weights))
    assert first is not None
    assert second is not None
    around = first.scale * float(np.mean(second.scales)) * 60 * depth**0.5
    # TFLM's DEPTHWISE_CONV_2D crashes on an absent third input, but not on two inputs.
    is_short = bias < 0 and kind == "DEPTHWISE_CONV_2D"
    inputs = (given, weights) if is_short else (given, weights, bias)
    g.finish(kind, inputs, attrs, g.quant(around))


def _pool(g: Growing, given: int) -> None:
    kind = g.one_of("AVERAGE_POOL_2D", "MAX_POOL_2D")
    attrs = spec_of(kind).attrs(
        padding=g.one_of(*_PADDINGS),
        stride_h=g.between(1, 2),
        stride_w=g.between(1, 2),
        kernel_h=g.between(1, 3),
        kernel_w=g.between(1, 3),
        activation=g.one_of(*_ACTIVATIONS),
    )
    g.finish(kind, (given,), attrs, g.tensors[given].quant)


def _mean(g: Growing, given: int) -> None:
    rank = len(g.tensors[given].shape)
    axes = [1, 2] if rank == 4 else [rank - 1]
    axis = g.constant(np.array(axes, np.int32), None)
    quant = g.tensors[given].quant
    assert quant is not None
    attrs = spec_of("MEAN").attrs(keep_dims=g.one_of(True, False))
    g.finish(
        g.one_of("MEAN", "MEAN", "SUM"), (given, axis), attrs, g.one_of(quant, g.quant(quant.scale))
    )


def _binary(g: Growing, given: int) -> None:
    kind = g.one_of("ADD", "SUB", "MUL")
    shape = g.tensors[given].shape
    choice = g.one_of("same", "earlier", "scalar", "channel", "full")
    if choice == "same":
        other = given
    elif choice == "earlier":
        other = g.between(0, len(g.tensors) - 1)
        if g.tensors[other].dtype != INT8 or other in g.hidden:
            return
    else:
        sizes = {"scalar": (), "channel": shape[-1:], "full": shape}[choice]
        other = g.constant(g.bytes(sizes), g.quant())
    pair = (given, other) if g.one_of(True, False) else (other, given)
    first, second = (g.tensors[i].quant for i in pair)
    if first is None or second is None or second.is_per_channel or first.is_per_channel:
        return
    around = max(first.scale, second.scale) * 1.5
    if kind == "MUL":
        around = first.scale * second.scale * 100
    attrs = spec_of(kind).attrs(activation=g.one_of(*_ACTIVATIONS))
    g.finish(kind, pair, attrs, g.quant(around))


def _map(g: Growing, given: int) -> None:
    kind = g.one_of("RELU", "RELU6", "LOGISTIC", "TANH", "SOFTMAX", "QUANTIZE", "ELU", "LEAKY_RELU")
    quant = g.tensors[given].quant
    assert quant is not None
    made = {
        "RELU": g.one_of(quant, g.quant(quant.scale)),
        "RELU6": quant,
        "TANH": Quant((1 / 128,), (0,)),
        "QUANTIZE": g.quant(quant.scale),
        "ELU": g.quant(quant.scale),
        "LEAKY_RELU": g.quant(quant.scale),
    }.get(kind, Quant((1 / 256,), (-128,)))
    slope = {"alpha": g.scale(0.3)} if kind == "LEAKY_RELU" else {}
    g.finish(kind, (given,), spec_of(kind).attrs(**slope), made)


def _move(g: Growing, given: int) -> None:
    tensor = g.tensors[given]
    kind = g.one_of("RESHAPE", "PAD", "CONCATENATION")
    inputs: tuple[int, ...] = (given,)
    attrs = spec_of(kind).attrs()
    if kind == "RESHAPE":
        last = tensor.shape[-1] if tensor.shape else 1
        shape = g.one_of(
            (1, tensor.elements), (tensor.elements // last, last), (1, 1, *tensor.shape)
        )
        attrs = spec_of(kind).attrs(new_shape=shape[-4:] if len(shape) > 4 else shape)
    elif kind == "PAD" and tensor.shape:
        widths = [(g.between(0, 2), g.between(0, 2)) for _ in tensor.shape]
        inputs = (given, g.constant(np.array(widths, np.int32).reshape(-1, 2), None))
    elif kind == "CONCATENATION":
        same = [
            i
            for i, t in enumerate(g.tensors)
            if t.dtype == INT8 and t.quant == tensor.quant and i not in g.hidden
        ]
        inputs = (given, *(g.one_of(*same) for _ in range(g.between(0, 3))))
        rank = max(1, len(tensor.shape))
        attrs = spec_of(kind).attrs(axis=g.between(-rank, rank - 1))
    g.finish(kind, inputs, attrs, tensor.quant)


_STEPS = (
    *(_convolution, _convolution, _fully_connected, _pool, _mean, _binary, _map, _map, _move),
    *(cut, change, choose, remember, widen),
)


@st.composite
def cases(draw: Draw, max_ops: int = 5) -> Case:
    """A graph of 1 to ``max_ops`` ops with three input vectors."""
    seed = draw(st.integers(0, 2**32 - 1))
    return grown(Growing(draw, np.random.default_rng(seed)), max_ops, f"g{seed}")


def grown(g: Growing, max_ops: int, name: str) -> Case:
    """The case that comes of a graph which has no tensors yet."""
    for _ in range(g.one_of(1, 1, 2)):
        sizes = (g.one_of(1, 1, 2), g.between(1, 7), g.between(1, 7), g.between(1, 9))
        shape = g.one_of(sizes, sizes, sizes, (1, sizes[3]), sizes[1:], (sizes[3],))
        g.inputs.append(g.value(shape, g.quant()))
    wanted = g.between(1, max_ops)
    for _ in range(3 * wanted):
        if len(g.ops) == wanted:
            break
        runtime = [*g.inputs, *(i for op in g.ops for i in op.outputs)]
        runtime = [i for i in runtime if g.tensors[i].dtype == INT8 and i not in g.hidden]
        g.one_of(*_STEPS)(g, runtime[-g.one_of(1, 1, min(2, len(runtime)))])
    read = {i for op in g.ops for i in op.inputs}
    if not read & set(g.inputs) or not {i for op in g.ops for i in op.outputs} - read - g.hidden:
        g.finish("RELU6", (g.inputs[0],), spec_of("RELU6").attrs(), g.tensors[g.inputs[0]].quant)
    graph = _compact(g)
    return Case(name, graph, tuple(_vector(g.rng, graph, i) for i in range(_VECTORS)))


def _compact(g: Growing) -> Graph:
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
    graph = _graph(tuple(g.tensors[i] for i in order), ops, inputs)
    return check(replace(graph, outputs=outputs, carried=carried(g, number)))


def _graph(tensors: tuple[Tensor, ...], ops: tuple[Op, ...], inputs: tuple[int, ...]) -> Graph:
    text = repr((tensors, ops))
    source = Source("random.tflite", hashlib.sha256(text.encode()).hexdigest(), 0)
    return Graph("random", source, tensors, ops, inputs, ())


def _vector(rng: np.random.Generator, graph: Graph, number: int) -> Vector:
    """Uniform values first, then lowest and highest ones, then values near each other."""
    made: list[Array] = []
    for i in graph.inputs:
        shape = graph.tensors[i].shape
        match number:
            case 0:
                values = rng.integers(-128, 128, shape)
            case 1:
                values = rng.choice([-128, 127], shape)
            case _:
                values = rng.integers(-3, 4, shape) + rng.integers(-120, 120)
        made.append(np.asarray(values, np.int8))
    return tuple(made)
