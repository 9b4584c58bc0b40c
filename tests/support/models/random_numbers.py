"""A few operators on whole numbers and on what is true or not, for random graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinyml.ir.dtype import BOOL, FLOAT32, INT8, INT16, INT32, UINT8, DType
from tinyml.ir.graph import Quant
from tinyml.ops import spec_of
from tinyml.ops.lookup import NoAttrs

if TYPE_CHECKING:
    from tests.support.models.growing import Growing

_RELATIONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
_TARGETS = (INT8, INT16, INT32, BOOL)


def to_numbers(g: Growing, given: int) -> None:
    """Values as those of another type: cast, rescaled, or as the sizes of their tensor."""
    g.one_of(_cast, _cast, _rescale, _sizes)(g, given)


def _cast(g: Growing, given: int) -> None:
    target: DType = g.one_of(*_TARGETS)
    is_float = g.tensors[given].dtype == FLOAT32
    if is_float and target != BOOL and g.bound(given) >= 2.0 ** (target.bits - 1):
        return  # TFLM leaves open what comes of it
    g.finish("CAST", (given,), NoAttrs(), None, target)


def _rescale(g: Growing, given: int) -> None:
    quant = g.tensors[given].quant
    if quant is None:
        return
    target = g.one_of(INT8, INT16, INT32, UINT8)
    zero_point = {INT8: g.between(-128, 127), UINT8: g.between(0, 255)}.get(target, 0)
    around = quant.scale * 2.0 ** (g.tensors[given].dtype.bits - target.bits)
    if target == INT32:
        around = quant.scale / 16
    g.finish("QUANTIZE", (given,), NoAttrs(), Quant((g.scale(around),), (zero_point,)), target)


def _sizes(g: Growing, given: int) -> None:
    attrs = spec_of("SHAPE").attrs()
    if g.tensors[given].shape and g.finish("SHAPE", (given,), attrs, None, INT32):
        _broadcast(g, len(g.tensors) - 1)


def _broadcast(g: Growing, given: int) -> None:
    """BROADCAST_ARGS with ones, or with itself: what fits whatever the numbers are."""
    tensor = g.tensors[given]
    if len(tensor.shape) == 1:
        ones = g.constant(np.ones(g.between(1, 4), tensor.dtype.numpy), None)
        other = g.one_of(given, ones)
        pair = (given, other) if g.one_of(True, False) else (other, given)
        g.finish("BROADCAST_ARGS", pair, NoAttrs(), None, tensor.dtype)


def number_step(g: Growing, given: int) -> None:
    """One operator on integers of 32 or 64 bits."""
    makers = (_extreme, _compare, _broadcast, _zeros, look_up, _computed)
    g.one_of(*makers)(g, given)


def _other(g: Growing, given: int) -> int:
    tensor = g.tensors[given]
    if g.one_of(True, False):
        return int(g.one_of(*g.alike(given)))
    sizes = g.one_of((), tensor.shape[-1:], tensor.shape)
    data = g.rng.integers(-50, 51, sizes).astype(tensor.dtype.numpy)
    return g.constant(data, tensor.quant)


def _extreme(g: Growing, given: int) -> None:
    other = _other(g, given)
    pair = (given, other) if g.one_of(True, False) else (other, given)
    g.like(g.one_of("MAXIMUM", "MINIMUM"), pair, NoAttrs(), given)


def _computed(g: Growing, given: int) -> None:
    """Sums and products of numbers without scales; they wrap round."""
    kind = g.one_of("ADD", "SUB", "MUL", "SQUARED_DIFFERENCE")
    g.like(kind, (given, _other(g, given)), spec_of(kind).attrs(), given)


def _compare(g: Growing, given: int) -> None:
    g.finish(g.one_of(*_RELATIONS), (given, _other(g, given)), NoAttrs(), None, BOOL)


def _zeros(g: Growing, given: int) -> None:
    g.like("ZEROS_LIKE", (given,), NoAttrs(), given)


def look_up(g: Growing, given: int) -> None:
    """Rows of a table by places of greatest values, which are among the table's."""
    tensor = g.tensors[given]
    makers = [op for op in g.ops if op.outputs == (given,) and op.kind.startswith("ARG_M")]
    if not makers or tensor.dtype != INT32 or len(tensor.shape) != 1:
        return
    rows = max(g.tensors[makers[0].inputs[0]].shape)
    quant = Quant((g.scale(),), (0,))
    table = g.constant(g.bytes((rows, g.between(1, 6))), quant)
    if g.one_of(True, False):
        g.finish("EMBEDDING_LOOKUP", (given, table), NoAttrs(), quant)
        return
    if g.finish("EMBEDDING_LOOKUP", (given, table), NoAttrs(), None, FLOAT32):
        g.bounds[len(g.tensors) - 1] = 128 * quant.scale


def truth_step(g: Growing, given: int) -> None:
    """One operator on what is true or not."""
    g.one_of(_both, _both, _all, _same, _chosen)(g, given)


def _both(g: Growing, given: int) -> None:
    kind = g.one_of("LOGICAL_AND", "LOGICAL_OR", "EQUAL", "NOT_EQUAL")
    other = g.one_of(*g.alike(given))
    if g.one_of(True, False):
        other = g.constant(g.rng.random(g.tensors[given].shape) < 0.5, None)
    g.finish(kind, (given, other), NoAttrs(), None, BOOL)


def _all(g: Growing, given: int) -> None:
    rank = len(g.tensors[given].shape)
    if rank:
        axis = g.constant(np.array([g.between(-rank, rank - 1)], np.int32), None)
        attrs = spec_of("REDUCE_ALL").attrs(keep_dims=g.one_of(True, False))
        g.finish("REDUCE_ALL", (given, axis), attrs, None, BOOL)


def _same(g: Growing, given: int) -> None:
    g.finish("LOGICAL_NOT", (given,), NoAttrs(), None, BOOL)


def _chosen(g: Growing, given: int) -> None:
    """One of two tensors by it."""
    shape = g.tensors[given].shape
    fits = [
        i
        for i, tensor in enumerate(g.tensors)
        if tensor.shape == shape and tensor.data is None and i not in g.hidden
    ]
    left = g.one_of(*fits)
    g.like("SELECT_V2", (given, left, g.one_of(*g.alike(left))), NoAttrs(), left)
