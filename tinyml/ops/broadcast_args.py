"""BROADCAST_ARGS: the shape that two shapes broadcast to, which may be computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.ir.dtype import INT32, INT64, DType
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct
from tinyml.ops.common import operand_count
from tinyml.ops.extents import Extent, Fields, Rule, dense
from tinyml.ops.forms import Form, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.operands import input_argument, no_macs
from tinyml.ops.pairs import TYPE_NAMES
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import WholeNumbers

_INSTRUCTIONS = 10  # per size, counted on Armv7-M


def are_vectors(op: Op, graph: Graph) -> str | None:
    """The shapes must be vectors, and broadcast where they are known."""
    tensors = [graph.tensors[i] for i in op.inputs]
    if any(len(tensor.shape) != 1 for tensor in tensors):
        return " and ".join(f"shape {list(tensor.shape)}" for tensor in tensors)
    known = [tensor.data.tolist() for tensor in tensors if tensor.data is not None]
    pairs = zip(*(reversed(sizes) for sizes in known), strict=False) if len(known) == 2 else ()
    if any(first != second and 1 not in (first, second) for first, second in pairs):
        return " and ".join(str(sizes) for sizes in known)
    return None


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """As many sizes as the longer shape has."""
    return ((max(graph.tensors[i].elements for i in op.inputs),),)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Of each pair of sizes the first, or the second where the first is 1."""
    ((rank,),) = infer(op, graph)
    first, second = (
        np.pad(sizes, (rank - sizes.size, 0), constant_values=1)
        for sizes in inputs
        if sizes is not None
    )
    return (np.where(first == 1, second, first),)


def _form(dtype: DType) -> Form:
    name = TYPE_NAMES[dtype]
    alias = "" if dtype == INT32 else f"_{name}"

    def lower(op: Op, graph: Graph) -> KernelCall:
        given = [input_argument(op, graph, k) for k in (0, 1)]
        ranks = tuple(graph.tensors[i].elements for i in op.inputs)
        fields = (("rank1", ranks[0]), ("rank2", ranks[1]))
        return KernelCall(
            function=f"tml_broadcast_args_{name}",
            header=f"kernels/broadcast_args/{name}.h",
            params=Struct(f"tml_broadcast_args_params{alias}", fields),
            arguments=(*(argument for argument, _ in given), Arg("output")),
            constants=tuple(item for _, constants in given for item in constants),
            cost=Cost(_INSTRUCTIONS * max(ranks) + 10),
        )

    return Form(name, typed(left=dtype, right=dtype, output=dtype), reference, lower)


def _extent(size: int) -> Rule:
    def rule(f: Fields) -> Extent:
        ranks = (f["rank1"], f["rank2"])
        return dense(*(size * rank for rank in ranks), made=size * max(ranks))

    return rule


EXTENTS = {
    "tml_broadcast_args_params": _extent(4),
    "tml_broadcast_args_params_s64": _extent(8),
}

OPS = (
    OpSpec(
        kind="BROADCAST_ARGS",
        title="the shape that two shapes broadcast to",
        traits=(WholeNumbers(),),
        table=no_options(""),
        inputs=("left", "right"),
        constraints=(operand_count(2, 2), are_vectors),
        infer=infer,
        macs=no_macs,
        forms=(_form(INT32), _form(INT64)),
    ),
)
