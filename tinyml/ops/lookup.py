"""Maps of one 8-bit value to another: 256 bytes tabulated at compile time, one kernel for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT8, DType
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct
from tinyml.ops.common import result
from tinyml.ops.extents import elementwise
from tinyml.ops.forms import typed
from tinyml.ops.halves import cut_elements
from tinyml.ops.operands import input_argument
from tinyml.ops.table import Table

_INSTRUCTIONS = 4  # per element, counted on Armv7-M


@dataclass(frozen=True, slots=True)
class NoAttrs:
    """Options of an operator that has none."""


NO_OPTIONS = Table("", NoAttrs)


def no_options(table: str) -> Table:
    """Options that hold nothing, in a table that files may have or leave out."""
    return Table(table, NoAttrs)


def input_values(dtype: DType) -> NDArray[np.int64]:
    """All values of an 8-bit type, in the order of their bytes read as unsigned numbers."""
    return np.arange(256, dtype=np.uint8).view(dtype.numpy).astype(np.int64)


def look_up(table: Array, values: Array) -> Array:
    """The table's entry for each 8-bit value, by its byte."""
    return np.asarray(table[values.astype(np.uint8)])


def lookup_call(op: Op, graph: Graph, table: Array, *, what: str) -> KernelCall:
    """A call of ``tml_lookup_s8`` with a table in the order of ``input_values``."""
    out = result(op, graph)
    given, constants = input_argument(op, graph, 0)
    entries = Constant(
        "table", table.view(np.int8), f"{what} of every input byte, as an unsigned index", 1
    )
    return KernelCall(
        function="tml_lookup_s8",
        header="kernels/lookup/s8.h",
        params=Struct("tml_lookup_params", (("count", out.elements),)),
        arguments=(
            Arg(given.kind, given.index, given.constant, dtype=INT8),
            Arg("constant", constant="table"),
            Arg("output", dtype=INT8),
        ),
        constants=(*constants, entries),
        overlaps=(Overlap(0, 0),) if given.kind == "input" else (),
        cost=Cost(_INSTRUCTIONS * out.elements + 10),
        note="table of 256 bytes",
    )


BYTE_MAP = typed(input=INT8, output=INT8)
"""The types of a map of one int8 value to another."""

EXTENTS = {"tml_lookup_params": elementwise()}

HALVES = {"tml_lookup_params": cut_elements()}
