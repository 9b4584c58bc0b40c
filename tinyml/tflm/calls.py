"""Graphs that ops of others run, and the variables that they share, as TFLM's kernels take them.

IF, WHILE and CALL_ONCE name graphs by their numbers and copy values in and out, byte for byte. A
variable is known by a number that VAR_HANDLE makes; its memory is taken when the first
ASSIGN_VARIABLE that stands behind one in the same graph is prepared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Tensor
from tinyml.tflm.graphs import Outline

_DAMAGED = "the file may be damaged; convert it again."
_MADE, _ASSIGNED = "made", "assigned"  # what ops.toml says of handles


def called(outline: Outline, number: int) -> tuple[int, ...]:
    """The numbers of the graphs that an op runs, in the order in which TFLM plans them."""
    options = outline.options[number]
    return tuple(int(options.get(name, 0)) for name in outline.facts(number).calls)


def check_calls(outline: Outline) -> None:
    """Returns when all calls and variables are such that TFLM runs them; raises ModelError."""
    for item in outline.graphs:
        for number, op in enumerate(item.graph.ops):
            label = f"{op.kind} '{op.name}' (op {number})"
            for graph in called(item, number):
                if not 0 <= graph < len(outline.graphs):
                    raise ModelError(
                        f"{label} runs graph {graph} of {len(outline.graphs)}", hint=_DAMAGED
                    )
            rule = item.facts(number).passes
            if rule:
                for what, given, taken in _PASSES[rule](outline, item, number):
                    _check_same(f"{label}: {what}", given, taken)
    _refuse_circles(outline, 0, ())
    _check_variables(outline)


def variables_of(outline: Outline) -> tuple[object, ...]:
    """The variables that ops of any graph make handles of."""
    handles = (handle for item in outline.graphs for handle in _handles(item).values())
    return tuple(dict.fromkeys(handles))


def taken_bytes(outline: Outline) -> Mapping[tuple[int, int], int]:
    """By graph and op: the bytes of a variable whose memory that op asks for, being the first."""
    found: dict[tuple[int, int], int] = {}
    known: set[object] = set()
    for graph, item in enumerate(outline.graphs):
        handles = _handles(item)
        for number, op in enumerate(item.graph.ops):
            if item.facts(number).handle == _ASSIGNED and op.inputs[0] in handles:
                variable = handles[op.inputs[0]]
                if variable not in known:
                    known.add(variable)
                    found[graph, number] = item.graph.tensors[op.inputs[1]].nbytes
    return found


def handles_of(outline: Outline) -> frozenset[int]:
    """The tensors of a graph that lie in the kernel which makes a handle, not in the arena."""
    return frozenset(_handles(outline))


def _handles(outline: Outline) -> dict[int, object]:
    """Of each handle that ops of the graph make, its variable: what names it in the file."""
    return {
        op.outputs[0]: op.attrs
        for number, op in enumerate(outline.graph.ops)
        if outline.facts(number).handle == _MADE
    }


_Pair = tuple[str, Sequence[Tensor], Sequence[Tensor]]  # what, as it is given, as it is taken


def _choice(outline: Outline, item: Outline, number: int) -> Iterator[_Pair]:
    """A condition, then what both graphs take; both make what the op makes."""
    op = item.graph.ops[number]
    for graph in called(item, number):
        given, made = _ends(outline.graphs[graph])
        yield f"inputs of graph {graph}", _tensors(item, op.inputs[1:]), given
        yield f"outputs of graph {graph}", made, _tensors(item, op.outputs)


def _loop(outline: Outline, item: Outline, number: int) -> Iterator[_Pair]:
    """Values that both graphs take, and that the second one makes anew; the first makes a bool."""
    op = item.graph.ops[number]
    condition, body = (_ends(outline.graphs[graph]) for graph in called(item, number))
    given, made = _tensors(item, op.inputs), _tensors(item, op.outputs)
    yield "inputs of the condition", given, condition[0]
    yield "inputs of the body", given, body[0]
    yield "results", given, made
    yield "outputs of the body", body[1], made


_PASSES: dict[str, Callable[[Outline, Outline, int], Iterator[_Pair]]] = {
    "choice": _choice,
    "loop": _loop,
}


def _ends(item: Outline) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Inputs and outputs of a graph."""
    return _tensors(item, item.graph.inputs), _tensors(item, item.graph.outputs)


def _tensors(item: Outline, indices: Sequence[int]) -> tuple[Tensor, ...]:
    return tuple(item.graph.tensors[i] for i in indices if i >= 0)


def _check_same(what: str, given: Sequence[Tensor], taken: Sequence[Tensor]) -> None:
    if len(given) != len(taken):
        raise ModelError(f"{what}: {len(given)} values for {len(taken)}", hint=_DAMAGED)
    for value, place in zip(given, taken, strict=True):
        if (value.dtype, value.nbytes) != (place.dtype, place.nbytes):
            raise ModelError(
                f"{what}: '{value.name}' is {value.dtype}{list(value.shape)}, '{place.name}' is "
                f"{place.dtype}{list(place.shape)}; TFLM copies bytes",
                hint=_DAMAGED,
            )


def _refuse_circles(outline: Outline, graph: int, above: tuple[int, ...]) -> None:
    if graph in above:
        raise ModelError(f"graph {graph} runs itself, which TFLM does not end", hint=_DAMAGED)
    item = outline.graphs[graph]
    for number in range(len(item.graph.ops)):
        for inner in called(item, number):
            _refuse_circles(outline, inner, (*above, graph))


def _check_variables(outline: Outline) -> None:
    """Raises ModelError for a variable that is used and for which TFLM takes no memory."""
    firsts = taken_bytes(outline)
    held = {
        _handles(outline.graphs[g])[outline.graphs[g].graph.ops[n].inputs[0]]: nbytes
        for (g, n), nbytes in firsts.items()
    }
    for item in outline.graphs:
        handles = _handles(item)
        for number, op in enumerate(item.graph.ops):
            if item.facts(number).handle in ("", _MADE):
                continue
            value = op.outputs[0] if op.outputs else op.inputs[1]
            is_known = op.inputs[0] in handles
            mine = [handles[op.inputs[0]]] if is_known else [*variables_of(outline)]
            for variable in mine or [None]:
                if variable not in held:
                    raise ModelError(
                        f"'{op.name}' uses a variable that nothing assigns where it is named; TFLM "
                        "takes no memory for it",
                        hint="leave out --runtime tflm: such variables are compiled ahead of time.",
                    )
                if is_known and held[variable] != item.graph.tensors[value].nbytes:
                    raise ModelError(
                        f"'{op.name}' has {item.graph.tensors[value].nbytes} bytes of a variable "
                        f"of {held[variable]}",
                        hint=_DAMAGED,
                    )
