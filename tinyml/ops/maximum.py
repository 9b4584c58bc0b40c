"""MAXIMUM, MINIMUM, LOGICAL_OR and LOGICAL_AND: the greater or the lesser of two values.

Of bools the greater is OR, the lesser AND: their kernels are those of bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinyml.ir.dtype import BOOL, INT8, INT16, INT32, INT64, DType
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import operand_count
from tinyml.ops.elementwise import has_few_dimensions, infer
from tinyml.ops.extents import broadcast, of_width
from tinyml.ops.float_elementwise import float_binary
from tinyml.ops.forms import Form, typed
from tinyml.ops.halves import cut_broadcast
from tinyml.ops.lookup import no_options
from tinyml.ops.operands import no_macs
from tinyml.ops.pairs import TYPE_NAMES, PairKernel, pair_call
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Table
from tinyml.ops.traits import Axes, Rows, Scales, Trait, WholeNumbers

MAXIMUM, MINIMUM = "MAXIMUM", "MINIMUM"  # keys, for those who build such ops

_INSTRUCTIONS = 9


def _form(name: str, dtype: DType, *, is_greater: bool) -> Form:
    """The greater or the lesser of values of one type, whatever they stand for, as in TFLM."""
    choose: Callable[..., Array] = np.maximum if is_greater else np.minimum
    seen_as = INT8 if dtype == BOOL else None
    kernel = PairKernel(
        "maximum", "maximum" if is_greater else "minimum", name, _INSTRUCTIONS, seen_as, seen_as
    )

    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        return (np.asarray(choose(*inputs)),)

    def lower(op: Op, graph: Graph) -> KernelCall:
        return pair_call(op, graph, kernel)

    types = typed(left=dtype, right=dtype, output=dtype)
    return Form("bool" if dtype == BOOL else name, types, reference, lower)


def _spec(
    kind: str, title: str, table: Table, traits: tuple[Trait, ...], forms: tuple[Form, ...]
) -> OpSpec:
    return OpSpec(
        kind=kind,
        title=title,
        traits=(*traits, Axes("broadcast")),
        table=table,
        inputs=("left", "right"),
        constraints=(operand_count(2, 2), has_few_dimensions),
        infer=infer,
        macs=no_macs,
        forms=forms,
    )


def _extreme(kind: str, title: str, *, is_greater: bool) -> OpSpec:
    forms = tuple(
        _form(TYPE_NAMES[dtype], dtype, is_greater=is_greater)
        for dtype in (INT8, INT16, INT32, INT64)
    )
    choose = (
        (lambda a, b: np.where(a > b, a, b)) if is_greater else (lambda a, b: np.where(a < b, a, b))
    )
    forms = (*forms, float_binary(kind.lower(), choose))
    traits = (Rows(), Scales("same", (8, 16)), WholeNumbers())
    return _spec(kind, title, no_options("MaximumMinimumOptions"), traits, forms)


def _logical(kind: str, title: str, *, is_greater: bool) -> OpSpec:
    table = no_options(f"Logical{kind[8:].capitalize()}Options")
    form = _form("s8", BOOL, is_greater=is_greater)
    return _spec(kind, title, table, (), (form,))


EXTENTS = {
    "tml_maximum_params": broadcast,
    "tml_maximum_params_s16": of_width(broadcast, 2, 2),
    "tml_maximum_params_s32": of_width(broadcast, 4, 4),
    "tml_maximum_params_s64": of_width(broadcast, 8, 8),
}

HALVES = dict.fromkeys(EXTENTS, cut_broadcast)

OPS = (
    _extreme(MAXIMUM, "the greater of two values, with broadcasting", is_greater=True),
    _extreme(MINIMUM, "the lesser of two values, with broadcasting", is_greater=False),
    _logical("LOGICAL_OR", "whether one of two holds, with broadcasting", is_greater=True),
    _logical("LOGICAL_AND", "whether both of two hold, with broadcasting", is_greater=False),
)
