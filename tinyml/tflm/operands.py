"""What TFLM's kernels take: operands, types, dimensions and options, asked before sizes are.

``ops.toml`` lists the types of each kernel as ``"i8 i8 ?i32 > i8"``: operands, then results. ``|``
parts types that will do, ``T`` is one of those behind the colon, the same everywhere, ``any`` a
value of any type; ``*`` means one or more. ``?`` marks an operand that may be absent, ``+`` one
that may only be left off the end of the list (the kernel looks at an absent one), ``-`` one that
must be absent.
``tests/test_tflm_operators.py`` holds the table against TFLM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tinyml.ir.dtype import BY_SHORT, RESOURCE, DType
from tinyml.ir.graph import Graph, Op
from tinyml.ops.forms import sentence
from tinyml.tflm.scales import rules_of
from tinyml.tflm.table import OpFacts

_TYPES = {
    **{name: frozenset({dtype}) for name, dtype in BY_SHORT.items()},
    "resource": frozenset({RESOURCE}),
    "any": frozenset({*BY_SHORT.values(), RESOURCE}),
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One operand of a kernel, or all that are left of them."""

    types: frozenset[DType]  # none: it must be absent
    is_optional: bool = False
    is_left_off: bool = False  # optional, but never absent with others behind it
    is_many: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """Types that a kernel takes together."""

    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]


def unmet(
    op: Op, graph: Graph, facts: OpFacts, options: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    """What the op's kernel demands and the op does not have: (demand, found)."""
    given = [None if tensor is None else tensor.dtype for tensor in graph.op_inputs(op)]
    made = [tensor.dtype for tensor in graph.op_outputs(op)]
    signatures = [item for text in facts.types for item in signatures_of(text)]
    if not any(_fits(item.inputs, given) and _fits(item.outputs, made) for item in signatures):
        yield (
            "Operands and their types must be what TFLM's kernel takes: " + _listed(facts) + ".",
            f"{_words(given)} to {_words(made)}",
        )
        return
    for word, tensors, ranks in (
        ("input", graph.op_inputs(op), facts.ranks),
        ("output", graph.op_outputs(op), facts.output_ranks),
    ):
        for number, (tensor, rank) in enumerate(zip(tensors, ranks, strict=False)):
            if tensor is not None and not _has_rank(rank, len(tensor.shape)):
                yield (
                    f"TFLM's kernel wants {rank.replace('+', ' or more')} dimensions of its "
                    f"{word} {number}.",
                    f"'{tensor.name}' has the shape {list(tensor.shape)}",
                )
    for name in facts.positive:
        if options.get(name, 0) < 1:
            yield f"The option {name} must be positive.", f"{options.get(name, 'no options')}"
    for rule in rules_of(facts):
        found = rule(op, graph)
        if found is not None:
            yield sentence(rule), found


def signatures_of(text: str) -> tuple[Signature, ...]:
    """A line of the table, with each type that ``T`` stands for."""
    words, _, bound = text.partition(":")
    given, made = words.split(">")
    return tuple(
        Signature(
            tuple(_slot(word, chosen) for word in given.split()),
            tuple(_slot(word, chosen) for word in made.split()),
        )
        for chosen in bound.split() or [""]
    )


def _slot(word: str, chosen: str) -> Slot:
    if word == "-":
        return Slot(frozenset(), is_optional=True)
    mark = word[0] if word[0] in "?+" else ""
    names = word.strip("?+*").split("|")
    types = frozenset().union(*(_TYPES[chosen if name == "T" else name] for name in names))
    return Slot(types, bool(mark), mark == "+", word.endswith("*"))


def _fits(slots: Sequence[Slot], found: Sequence[DType | None]) -> bool:
    if slots and slots[-1].is_many:
        slots = [*slots[:-1], *[slots[-1]] * max(1, len(found) - len(slots) + 1)]
    if len(found) > len(slots) or not all(slot.is_optional for slot in slots[len(found) :]):
        return False
    return all(
        dtype in slot.types if dtype is not None else slot.is_optional and not slot.is_left_off
        for slot, dtype in zip(slots, found, strict=False)
    )


def _has_rank(wanted: str, found: int) -> bool:
    if wanted == "*":
        return True
    return found >= int(wanted[:-1]) if wanted.endswith("+") else found == int(wanted)


def _words(types: Sequence[DType | None]) -> str:
    return " ".join(dtype.name if dtype else "absent" for dtype in types) or "nothing"


def _listed(facts: OpFacts) -> str:
    return "; ".join(text.replace(">", "to").replace(": ", " with T ") for text in facts.types)
