"""Operators that name variables or call other graphs of a model: what a file says of them.

They have no kernels. ``tinyml.model.variables`` puts in their place what they stand for when a
model is read, and writes them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinyml.ir.graph import Op
from tinyml.ops.table import Field, Table

HANDLE, ONCE = "VAR_HANDLE", "CALL_ONCE"  # keys, for those who build such ops


@dataclass(frozen=True, slots=True)
class HandleAttrs:
    """Options of VAR_HANDLE: which variable; the same one for the same names."""

    container: str = ""
    shared_name: str = ""


@dataclass(frozen=True, slots=True)
class OnceAttrs:
    """Options of CALL_ONCE."""

    graph: int = 0  # number of the one that it runs, in the first inference only


TABLES: dict[str, Table] = {
    HANDLE: Table(
        "VarHandleOptions",
        HandleAttrs,
        (Field("container", "Container", str), Field("shared_name", "SharedName", str)),
    ),
    ONCE: Table("CallOnceOptions", OnceAttrs, (Field("graph", "InitSubgraphIndex"),)),
}


def handle_op(name: str, tensor: int) -> Op:
    """A VAR_HANDLE that makes a handle of the variable with that name."""
    return Op(HANDLE, name, (), (tensor,), HandleAttrs("", name))


def once_op(graph: int) -> Op:
    """A CALL_ONCE."""
    return Op(ONCE, "once", (), (), OnceAttrs(graph))


def named_by(op: Op) -> Any:
    """The names of the variable that an op makes a handle of; None for any other op."""
    return op.attrs if op.kind == HANDLE else None


def called_once_by(op: Op) -> int | None:
    """The number of the graph that an op runs in the first inference; None for any other op."""
    return int(op.attrs.graph) if op.kind == ONCE else None
