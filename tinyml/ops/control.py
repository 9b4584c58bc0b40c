"""Operators that name variables or call other graphs of a model: what a file says of them.

They have no kernels. ``tinyml.model.variables`` puts in their place what they stand for when a
model is read, and writes them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinyml.ir.graph import Op
from tinyml.ops.layout import viewed_op
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.select import SELECT_V2
from tinyml.ops.table import Field, Table

HANDLE, ONCE = "VAR_HANDLE", "CALL_ONCE"  # keys, for those who build such ops
CHOICE, LOOP = "IF", "WHILE"


@dataclass(frozen=True, slots=True)
class HandleAttrs:
    """Options of VAR_HANDLE: which variable; the same one for the same names."""

    container: str = ""
    shared_name: str = ""


@dataclass(frozen=True, slots=True)
class OnceAttrs:
    """Options of CALL_ONCE."""

    graph: int = 0  # number of the one that it runs, in the first inference only


@dataclass(frozen=True, slots=True)
class ChoiceAttrs:
    """Options of IF: the numbers of two graphs, of which one runs."""

    then_graph: int = 0
    else_graph: int = 0


@dataclass(frozen=True, slots=True)
class LoopCallAttrs:
    """Options of WHILE: the numbers of the graph that says whether to go on, and of the body."""

    condition: int = 0
    body: int = 0


TABLES: dict[str, Table] = {
    HANDLE: Table(
        "VarHandleOptions",
        HandleAttrs,
        (Field("container", "Container", str), Field("shared_name", "SharedName", str)),
    ),
    ONCE: Table("CallOnceOptions", OnceAttrs, (Field("graph", "InitSubgraphIndex"),)),
    CHOICE: Table(
        "IfOptions",
        ChoiceAttrs,
        (Field("then_graph", "ThenSubgraphIndex"), Field("else_graph", "ElseSubgraphIndex")),
    ),
    LOOP: Table(
        "WhileOptions",
        LoopCallAttrs,
        (Field("condition", "CondSubgraphIndex"), Field("body", "BodySubgraphIndex")),
    ),
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


def branches_of(op: Op) -> tuple[int, int] | None:
    """The numbers of the graphs that an op chooses from: if so, and if not; None for any other."""
    return (int(op.attrs.then_graph), int(op.attrs.else_graph)) if op.kind == CHOICE else None


def loop_of(op: Op) -> tuple[int, int] | None:
    """The numbers of the graphs of a loop, the condition and the body; None for any other op."""
    return (int(op.attrs.condition), int(op.attrs.body)) if op.kind == LOOP else None


def chosen_op(name: str, operands: tuple[int, int, int], made: int) -> Op:
    """One of two values by a condition of one element."""
    return Op(SELECT_V2, name, operands, (made,), NoAttrs())


def same_op(name: str, given: int, made: int, shape: tuple[int, ...]) -> Op:
    """The same value under another number."""
    return viewed_op(name, given, made, shape)
