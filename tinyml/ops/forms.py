"""Forms of an operator: for which types of operands it can be computed, and how.

What is true of an operator whatever its types stands in its ``OpSpec``; a form adds the types that
it takes per operand, what it demands of their values, its reference and its plain kernel. A kernel
is of one form and is offered where the operands' types are that form's, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, TypeAlias, TypeVar

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import ALL, DType
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall

Constraint = Callable[[Op, Graph], "str | None"]
"""Returns None when met, else what was found; its first docstring line is what the user reads."""

Limit = Callable[["Numbers"], "str | None"]
"""As a Constraint, on the numbers of a layer."""

ANY = frozenset(ALL)


@dataclass(frozen=True, slots=True)
class Like:
    """The type that the operand of another role has."""

    role: str


Types: TypeAlias = "frozenset[DType] | Like"
Reference: TypeAlias = "Callable[[Op, Graph, Sequence[Array | None]], tuple[Array, ...]]"
States: TypeAlias = "Callable[[Op, Graph, Sequence[Array | None]], Mapping[int, Array]]"
Numbers: TypeAlias = Any  # whatever a form's lowerings share: a ``WeightedSum``, an ``LstmLayer``
Lowered = TypeVar("Lowered")


@dataclass(frozen=True, slots=True)
class Form:
    """An operator for some types of operands.

    ``reference`` computes all outputs in integer arithmetic (float only where TFLM uses float).
    ``lower`` returns the plain-C kernel call that is always right, or None when the output is the
    input's bytes unchanged (RESHAPE): then the planner gives both the same memory.
    ``numbers`` are what its kernels are made of and take long to compute: the rows and factors of a
    weighted layer. They are computed once, and every lowering of the form, of variants too, gets
    them as its third argument. ``states`` are the values of variables after an inference, by
    operand; ``reference`` gives the outputs only. ``limits`` ask the numbers what they must meet,
    once all constraints hold; ``fast_limits`` what variants rely on, where the plain kernel does
    without.
    """

    name: str  # "s8"; its kernels' names end with it where a kernel is of one type
    types: tuple[tuple[str, Types], ...]  # per role of the operator's operands, results included
    reference: Reference
    lower: Callable[..., KernelCall | None]
    constraints: tuple[Constraint, ...] = ()  # beside the operator's own
    numbers: Callable[[Op, Graph], Numbers] | None = None
    limits: tuple[Limit, ...] = ()
    states: States | None = None  # of an operator with the trait State
    fast_limits: tuple[Limit, ...] = ()

    def types_of(self, role: str) -> Types:
        """The types that operands of a role may have; none for a role that it does not name."""
        return dict(self.types).get(role, frozenset())


@dataclass(frozen=True, slots=True)
class Layer:
    """An op's form, and the numbers that all lowerings of the op share."""

    form: Form
    numbers: Numbers = None

    def lowered(self, lower: Callable[..., Lowered], op: Op, graph: Graph) -> Lowered:
        """What a lowering of the form says of the op that this is of; a call names the form."""
        numbers = () if self.form.numbers is None else (self.numbers,)
        found = lower(op, graph, *numbers)
        return replace(found, form=self.form.name) if isinstance(found, KernelCall) else found


def as_constraint(check: Callable[[Op, Graph], object]) -> Constraint:
    """The constraint of a check that raises a ModelError with what it found."""

    @wraps(check)
    def asked(op: Op, graph: Graph) -> str | None:
        try:
            check(op, graph)
        except ModelError as error:
            return error.message
        return None

    return asked


def sentence(constraint: Constraint | Limit) -> str:
    """What a constraint demands, as its docstring's first line says."""
    return (constraint.__doc__ or "").strip().split("\n")[0]


def typed(**roles: DType | frozenset[DType] | Like) -> tuple[tuple[str, Types], ...]:
    """The types of a form by role: one, several or those of another operand."""
    return tuple(
        (role, frozenset((types,)) if isinstance(types, DType) else types)
        for role, types in roles.items()
    )


def roles_of(names: Sequence[str], count: int) -> tuple[str, ...] | None:
    """The role of each of ``count`` operands; None where there cannot be so many.

    A name that ends in "?" is that of an operand that may be absent, one in "*" of one or more.
    """
    if names and names[-1].endswith("*"):
        names = (*names, *(names[-1],) * (count - len(names)))
    least = len([name for name in names if not name.endswith("?")])
    return tuple(names[:count]) if least <= count <= len(names) else None


def takes(form: Form, operands: Sequence[tuple[str, DType | None]]) -> bool:
    """Whether a form is for operands of such roles and types; None is the type of an absent one."""
    return not differences(form, operands)


def differences(form: Form, operands: Sequence[tuple[str, DType | None]]) -> dict[str, str]:
    """What a form wants of the operands that it does not take as they are, by role."""
    first: dict[str, DType] = {}
    wrong: dict[str, str] = {}
    for role, dtype in operands:
        plain = role.rstrip("?*")
        wanted = form.types_of(plain)
        is_free = dtype is None and role.endswith("?")
        taken = {first.get(wanted.role)} if isinstance(wanted, Like) else set(wanted)
        if not is_free and dtype not in taken:
            wrong[plain] = _words(wanted) if wanted else "none"
        if dtype is not None:
            first.setdefault(plain, dtype)
    return wrong


def form_text(form: Form, names: Sequence[str]) -> str:
    """A form in a few words: "s8 (input int8, filter int8, bias int32 or none, output int8)"."""
    parts = []
    for name in dict.fromkeys(names):
        role, optional = name.rstrip("?*"), " or none" if name.endswith("?") else ""
        types = form.types_of(role)
        if types:
            parts.append(f"{role} {_words(types)}{optional}")
    return f"{form.name} ({', '.join(parts)})"


def types_text(operands: Sequence[tuple[str, DType | None]]) -> str:
    """Types by role in a few words: "input int16, filter int8, output int16"."""
    found: dict[str, dict[str, None]] = {}
    for role, dtype in operands:
        if dtype is not None:
            found.setdefault(role.rstrip("?*"), {})[dtype.name] = None
    return ", ".join(f"{role} {' and '.join(names)}" for role, names in found.items())


def _words(types: Types) -> str:
    if isinstance(types, Like):
        return f"as {types.role}"
    if types == ANY:
        return "of any type"
    return " or ".join(dtype.name for dtype in ALL if dtype in types)
