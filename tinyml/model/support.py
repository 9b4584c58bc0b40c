"""Whether we can compile a well-formed graph: its operators, their constraints and shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tinyml import ops
from tinyml.base.errors import ModelError, Unsupported, UnsupportedOps
from tinyml.ir.graph import Graph, Op
from tinyml.model.arithmetic import is_float
from tinyml.ops.forms import Form, sentence
from tinyml.ops.traits import State, Variable

_QUANTISE_HINT = (
    "quantise it: tinyml convert MODEL --calibration DATA (typical inputs); --runtime tflm runs it "
    "as it is."
)
_TYPES_HINT = (
    "convert the float model to int8, for which all operators have kernels: tinyml convert MODEL "
    "--calibration DATA; or try --runtime tflm, which has kernels for some other types."
)
_FORM = "Its types must be those of a form:"
# What the code of an operator may run into on operands that it has already complained about.
CONFUSIONS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

# 'tinyml convert' made the model: it has nothing else to put in the place of these operators.
_CONVERTED = (
    "take --runtime tflm, which has more operators, or replace the layers named above in the model "
    "and convert it again; 'tinyml ops' lists what is supported."
)


def check_supported(graph: Graph) -> None:
    """Returns when every op is of a known kind and meets all its constraints.

    Raises UnsupportedOps with all unmet ones.
    """
    found = _types_once(
        [item for number, op in enumerate(graph.ops) for item in _unsupported(graph, number, op)]
    )
    if found:
        raise UnsupportedOps(graph.source.file_name, found, _hint(graph, found))


def _types_once(found: list[Unsupported]) -> tuple[Unsupported, ...]:
    """What was found, with ops of one kind and the same types told in one line."""
    kept: dict[tuple[str, str, str], list[Unsupported]] = {}
    for item in found:
        is_type = item.constraint.startswith(_FORM)
        who = item.op.split(" ")[0] if is_type else item.op
        kept.setdefault((who, item.constraint, item.found), []).append(item)
    return tuple(
        replace(items[0], op=items[0].op + f" and {len(items) - 1} like it" * (len(items) > 1))
        for items in kept.values()
    )


def _hint(graph: Graph, found: tuple[Unsupported, ...]) -> str | None:
    """What to do; None for what helps in general."""
    if is_float(graph):
        return _QUANTISE_HINT
    if any(item.constraint.startswith(_FORM) and "int16" in item.found for item in found):
        return _TYPES_HINT
    return _CONVERTED if graph.source.metadata.producer.startswith("tinyml ") else None


def has_reference(graph: Graph) -> bool:
    """Whether every op has an integer reference to compare with; what only TFLM knows has none."""
    return all(
        op.attrs is not None and not any(_unsupported(graph, number, op))
        for number, op in enumerate(graph.ops)
    )


def check_shapes(graph: Graph) -> None:
    """Returns when the declared output shapes are those that the op's rule gives.

    Raises ModelError naming the first op that disagrees.
    """
    for number, op in enumerate(graph.ops):
        declared = tuple(tensor.shape for tensor in graph.op_outputs(op))
        try:
            inferred = ops.spec_of(op.kind).infer(op, graph)
        except (ModelError, *CONFUSIONS) as error:
            raise ModelError(f"{_label(number, op)}: no output shape follows ({error})") from error
        if inferred != declared:
            raise ModelError(
                f"{_label(number, op)} declares the output {_shapes(declared)}, "
                f"its inputs and options give {_shapes(inferred)}",
                hint="the file is damaged, or its shapes were edited; convert it again.",
            )


def _unsupported(graph: Graph, number: int, op: Op) -> Iterator[Unsupported]:
    label = _label(number, op)
    if ops.find_spec(op.kind) is None:
        yield Unsupported(label, "The operator must be a supported one.", op.kind)
        return
    for demand, found in unmet(op, graph):
        yield Unsupported(label, demand, found)


def unmet(op: Op, graph: Graph) -> Iterator[tuple[str, str]]:
    """What a known operator demands and an op does not meet, and what was found."""
    spec = ops.spec_of(op.kind)
    has_operands = spec.constraints[0]  # all others may rely on those being there
    found = has_operands(op, graph)
    if found is not None:
        yield sentence(has_operands), found
        return
    form = ops.find_form(op, graph)
    if form is None:
        nearest = ops.nearest_text(op, graph)
        near = f" The nearest is {nearest}." if nearest else ""
        yield f"{_FORM} {ops.forms_text(spec)}.{near}", ops.operands_text(op, graph)
    is_clean = form is not None
    for constraint in (
        states_are_variables,
        *spec.constraints[1:],
        *(form.constraints if form is not None else ()),
    ):
        try:
            found = constraint(op, graph)
        except ModelError as error:
            found = error.message
        except (*CONFUSIONS, AssertionError) as error:
            # When an earlier constraint was unmet already, this is only its consequence. Without
            # one, what is asserted is for us to make true.
            if is_clean and isinstance(error, AssertionError):
                raise
            found = f"operands that make no sense ({error})" if is_clean else None
        if found is not None:
            is_clean = False
            yield sentence(constraint), found
    if is_clean and form is not None and form.numbers is not None:
        yield from _beyond_limits(form, op, graph)


def _beyond_limits(form: Form, op: Op, graph: Graph) -> Iterator[tuple[str, str]]:
    assert form.numbers is not None
    try:
        numbers = form.numbers(op, graph)
        unmet_limits = [(limit, limit(numbers)) for limit in form.limits]
    except ModelError as error:  # a factor that no multiplier holds
        unmet_limits = [(limit, error.message) for limit in form.limits[:1]]
    yield from ((sentence(limit), found) for limit, found in unmet_limits if found is not None)


def states_are_variables(op: Op, graph: Graph) -> str | None:
    """State must be a variable of the model, and variables must be state of their operator."""
    state = ops.trait_of(op.kind, State)
    states = state.operands if state is not None else ()
    inputs = op.inputs
    if ops.trait_of(op.kind, Variable) is not None:
        first, inputs = op.inputs[0], op.inputs[1:]
        if not _is_value_of_a_variable(first, graph):
            return f"operand 0, '{graph.tensors[first].name}'"
    for position, i in enumerate(inputs):
        if i >= 0 and graph.tensors[i].is_variable != (position in states):
            place = position + len(op.inputs) - len(inputs)
            return f"operand {place}, '{graph.tensors[i].name}'"
    return None


def _is_value_of_a_variable(tensor: int, graph: Graph) -> bool:
    """Whether a tensor is a variable, or one that no other ops make than those that assign."""
    held = graph.tensors[tensor]
    traits = (ops.trait_of(op.kind, Variable) for op in graph.ops if tensor in op.outputs)
    is_other = held.is_constant or tensor in graph.inputs
    is_assigned = all(trait is not None and trait.is_written for trait in traits)
    return held.is_variable or (is_assigned and not is_other)


def _label(number: int, op: Op) -> str:
    return f"{op.kind} '{op.name}' (op {number})"


def _shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    return " and ".join(str(list(shape)) for shape in shapes) or "nothing"
