"""SPLIT, SPLIT_V and UNPACK: a tensor cut along an axis; one slice per part stands for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ops.common import operand
from tinyml.ops.forms import Form, Like, typed
from tinyml.ops.layout import ReshapeAttrs
from tinyml.ops.moves import MOVED, WHOLE, axis_in, whole_numbers
from tinyml.ops.operands import no_macs
from tinyml.ops.slice import MAX_STRIDED_RANK, StridedSliceAttrs
from tinyml.ops.spec import Expansion, OpSpec, has_no_kernel
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import Axes, MovesOnly, Scales, Trait, WholeNumbers

Sizes = tuple[int, tuple[int, ...]]  # axis, size along it of each output


@dataclass(frozen=True, slots=True)
class SplitAttrs:
    """Options of SPLIT and SPLIT_V."""

    splits: int = 0  # outputs


UNPACK = "UNPACK"  # its key, for those who look for one
SPLIT_TABLE = Table("SplitOptions", SplitAttrs, (Field("splits", "NumSplits"),))
SPLIT_V_TABLE = Table("SplitVOptions", SplitAttrs, (Field("splits", "NumSplits"),))


@dataclass(frozen=True, slots=True)
class UnpackAttrs:
    """Options of UNPACK."""

    splits: int = 0  # outputs, as many as the axis is long
    axis: int = 0  # may count from the end


UNPACK_TABLE = Table(
    "UnpackOptions",
    UnpackAttrs,
    (
        Field("splits", "Num"),
        Field("axis", "Axis"),
    ),
)


@dataclass(frozen=True, slots=True)
class _Cut:
    """What tells the three operators apart."""

    operands: tuple[str, ...]  # their roles
    sizes: Callable[[Op, Graph], Sizes]  # raises ModelError
    is_kept: bool = True  # the axis, as one of the outputs' dimensions

    @property
    def given(self) -> int:
        """The operand that is cut."""
        return self.operands.index("input")


def split_sizes(op: Op, graph: Graph) -> Sizes:
    """Equal parts."""
    shape, splits = graph.tensors[op.inputs[1]].shape, int(op.attrs.splits)
    axis = _axis(op, graph, 0, len(shape))
    if splits <= 0 or shape[axis] % splits:
        raise ModelError(f"{shape[axis]} in {splits} equal parts")
    return axis, (shape[axis] // splits,) * splits


def split_v_sizes(op: Op, graph: Graph) -> Sizes:
    """Parts of given sizes, of which one may be -1: what is left."""
    shape = graph.tensors[op.inputs[0]].shape
    sizes = whole_numbers(operand(op, graph, 1), "sizes are")
    axis = _axis(op, graph, 2, len(shape))
    rest = shape[axis] - sum(size for size in sizes if size != -1)
    found = tuple(rest if size == -1 else size for size in sizes)
    if min(found, default=0) <= 0 or sum(found) != shape[axis] or len(found) != op.attrs.splits:
        raise ModelError(f"{shape[axis]} in {op.attrs.splits} parts of {list(sizes)}")
    return axis, found


def unpack_sizes(op: Op, graph: Graph) -> Sizes:
    """Parts of one element each."""
    shape = graph.tensors[op.inputs[0]].shape
    axis = axis_in(int(op.attrs.axis), len(shape))
    if op.attrs.splits != shape[axis]:
        raise ModelError(f"{shape[axis]} in {op.attrs.splits} parts of 1")
    return axis, (1,) * shape[axis]


def _axis(op: Op, graph: Graph, index: int, rank: int) -> int:
    numbers = whole_numbers(operand(op, graph, index), "the axis is")
    if len(numbers) != 1:
        raise ModelError(f"{len(numbers)} axes")
    return axis_in(numbers[0], rank)


_AXES: dict[str, tuple[Trait, ...]] = {
    "SPLIT": (Axes("number", (0,)),),
    "SPLIT_V": (),
    UNPACK: (),
}


_TYPES = typed(input=MOVED, axis=WHOLE, sizes=WHOLE, output=Like("input"))


def _spec(kind: str, title: str, table: Table, cut: _Cut) -> OpSpec:
    def has_its_operands(op: Op, graph: Graph) -> str | None:
        """The op must have all its inputs and as many outputs as its options say."""
        if len(op.inputs) != len(cut.operands) or len(op.outputs) != op.attrs.splits:
            return f"{len(op.inputs)} inputs and {len(op.outputs)} outputs"
        return None

    def parts_fit(op: Op, graph: Graph) -> str | None:
        """Axis and sizes must be constant, and the sizes must add up to that of the input."""
        try:
            cut.sizes(op, graph)
        except ModelError as error:
            return error.message
        return None

    def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
        return _shapes(op, graph, cut)

    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        axis, sizes = cut.sizes(op, graph)
        given = inputs[cut.given]
        assert given is not None
        parts = np.split(given, list(accumulate(sizes[:-1])), axis)
        return tuple(p.reshape(s) for p, s in zip(parts, infer(op, graph), strict=True))

    return OpSpec(
        kind=kind,
        title=title,
        traits=(MovesOnly("split"), *_AXES[kind], Scales("same", (8, 16)), WholeNumbers()),
        table=table,
        inputs=cut.operands,
        outputs=("output*",),
        constraints=(has_its_operands, parts_fit),
        infer=infer,
        macs=no_macs,
        forms=(Form("bytes", _TYPES, reference, has_no_kernel),),
        expand=lambda op, graph: expand(op, graph, cut),
    )


def _shapes(op: Op, graph: Graph, cut: _Cut) -> tuple[tuple[int, ...], ...]:
    axis, sizes = cut.sizes(op, graph)
    shape = graph.tensors[op.inputs[cut.given]].shape
    around = shape[:axis], shape[axis + 1 :]
    return tuple((*around[0], *((size,) if cut.is_kept else ()), *around[1]) for size in sizes)


@dataclass
class _Growing:
    """The ops that stand for another one, and the tensors that they need."""

    op: Op
    graph: Graph
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)

    def add(self, tensor: Tensor) -> int:
        """The number of a new tensor, named after the op."""
        self.tensors.append(replace(tensor, name=f"{self.op.name}/{tensor.name}"))
        return len(self.graph.tensors) + len(self.tensors) - 1

    def constant(self, name: str, values: Sequence[int]) -> int:
        """A constant of whole numbers."""
        data = np.array(values, np.int32)
        data.setflags(write=False)
        return self.add(Tensor(name, INT32, data.shape, None, data))

    def append(self, kind: str, inputs: tuple[int, ...], made: int, attrs: object) -> None:
        """One more op, named after its output."""
        base = len(self.graph.tensors)
        tensor = self.graph.tensors[made] if made < base else self.tensors[made - base]
        self.ops.append(Op(kind, tensor.name, inputs, (made,), attrs))


def expand(op: Op, graph: Graph, cut: _Cut) -> Expansion:
    """A STRIDED_SLICE for each output.

    That takes four dimensions at most: of larger tensors, those before the axis are seen as one,
    and so are those behind it.
    """
    axis, sizes = cut.sizes(op, graph)
    given = op.inputs[cut.given]
    shape = graph.tensors[given].shape
    new = _Growing(op, graph)
    is_large = len(shape) > MAX_STRIDED_RANK
    if is_large:
        shape = (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
        whole = new.add(replace(graph.tensors[given], name="whole", shape=shape, data=None))
        new.append("RESHAPE", (given,), whole, ReshapeAttrs())
        given, axis = whole, 1
    attrs = StridedSliceAttrs(shrink_axis_mask=0 if cut.is_kept or is_large else 1 << axis)
    steps = new.constant("steps", [1] * len(shape))
    for made, size, end in zip(op.outputs, sizes, accumulate(sizes), strict=True):
        start = end - size
        first = new.constant(f"from_{start}", [start * (i == axis) for i in range(len(shape))])
        past = new.constant(f"to_{end}", [*shape[:axis], end, *shape[axis + 1 :]])
        part = made
        if is_large:
            seen = (shape[0], size, shape[2])
            part = new.add(replace(graph.tensors[made], name=f"part_{start}", shape=seen))
        new.append("STRIDED_SLICE", (given, first, past, steps), part, attrs)
        if is_large:
            new.append("RESHAPE", (part,), made, ReshapeAttrs())
    return Expansion(tuple(new.ops), tuple(new.tensors))


OPS = (
    _spec(
        "SPLIT",
        "equal parts along an axis; becomes slices",
        SPLIT_TABLE,
        _Cut(("axis", "input"), split_sizes),
    ),
    _spec(
        "SPLIT_V",
        "parts of given sizes along an axis; becomes slices",
        SPLIT_V_TABLE,
        _Cut(("input", "sizes", "axis"), split_v_sizes),
    ),
    _spec(
        UNPACK,
        "the parts along an axis, without the axis; becomes slices",
        UNPACK_TABLE,
        _Cut(("input",), unpack_sizes, is_kept=False),
    ),
)
