"""One step of a plan as C text: params, constants, one call. The same code serves every kernel.

In a step that fuses several ops, an argument's input index counts the inputs that come from
outside the step, in the order of its ops; its output index counts the last op's outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinyml.codegen.literals import c_array, c_value, shape_text, wrap_comment
from tinyml.ir.dtype import DType, dtype_of
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, KernelCall
from tinyml.plan.values import Step


@dataclass(frozen=True, slots=True)
class ConstantView:
    """A constant array in the weights file."""

    symbol: str
    declaration: str  # "int8_t kws_l0_weights[640]"
    alignment: int
    comment: tuple[str, ...]  # lines
    initialiser: str
    is_copied: bool = False  # to RAM, by the start-up code


@dataclass(frozen=True, slots=True)
class Operand:
    """One argument of a call, resolved."""

    kind: str  # of the Arg
    dtype: DType | None  # of the elements as the kernel sees them; None for untyped scratch
    text: str  # the C expression


def step_inputs(step: Step, graph: Graph) -> tuple[int, ...]:
    """The tensors that a step reads from outside, as Arg indices count them."""
    made = {tensor for op in step.ops for tensor in graph.ops[op].outputs}
    return tuple(i for op in step.ops for i in graph.ops[op].inputs if i not in made)


def step_outputs(step: Step, graph: Graph) -> tuple[int, ...]:
    """The tensors that a step leaves behind."""
    return graph.ops[step.ops[-1]].outputs


def constant_symbols(call: KernelCall, prefix: str) -> dict[str, str]:
    """The C symbol of each of a call's constants."""
    return {item.name: f"{prefix}_{item.name}" for item in call.constants}


def constant_views(
    call: KernelCall, symbols: Mapping[str, str], title: str
) -> tuple[ConstantView, ...]:
    """The constant arrays of one call."""
    return tuple(
        ConstantView(
            symbol=symbols[item.name],
            declaration=array_declaration(item.data, symbols[item.name]),
            alignment=max(item.alignment, item.data.dtype.itemsize),
            comment=wrap_comment(f"{title}: {item.comment}"),
            initialiser=c_array(item.data),
        )
        for item in call.constants
    )


def array_declaration(data: Array, symbol: str) -> str:
    """The declarator of an array with the elements of ``data``."""
    return f"{dtype_of(data.dtype).c_type} {symbol}[{data.size}]"


def params_text(call: KernelCall, symbols: Mapping[str, str]) -> str:
    """The initialiser of a call's params struct."""
    return c_value(call.params, symbols)


def operands(
    step: Step,
    graph: Graph,
    *,
    tensors: Mapping[int, str],
    symbols: Mapping[str, str],
    scratch: str,
) -> tuple[Operand, ...]:
    """The arguments of a step's call after the params pointer."""
    call = step.call
    assert call is not None
    inputs, outputs = step_inputs(step, graph), step_outputs(step, graph)
    dtypes = {item.name: dtype_of(item.data.dtype) for item in call.constants}

    def resolve(arg: Arg) -> Operand:
        match arg.kind:
            case "constant":
                return operand_of(arg, dtypes[arg.constant], symbols[arg.constant])
            case "scratch":
                return operand_of(arg, None, scratch)
            case _:
                places = outputs if arg.kind == "output" else inputs
                tensor = places[arg.index]
                if tensor < 0:  # an optional input that the model leaves out
                    return Operand(arg.kind, arg.dtype, "NULL")
                return operand_of(arg, graph.tensors[tensor].dtype, tensors[tensor])

    return tuple(resolve(arg) for arg in call.arguments)


def parameter_texts(items: tuple[Operand, ...], params_type: str) -> tuple[str, ...]:
    """The parameters of a shared wrapper around a kernel."""
    parts = [f"const {params_type} *params"]
    for name, item in zip(_parameter_names(items), items, strict=True):
        base = item.dtype.c_type if item.dtype else "void"
        const = "const " if item.kind in ("input", "constant") else ""
        parts.append(f"{const}{base} *{name}")
    return tuple(parts)


def forwarded_texts(items: tuple[Operand, ...]) -> tuple[str, ...]:
    """The arguments with which a shared wrapper calls its kernel."""
    return ("params", *_parameter_names(items))


def _parameter_names(items: tuple[Operand, ...]) -> tuple[str, ...]:
    """What each is; those of a kind that there are several of are numbered."""
    kinds = ["variable" if item.kind == "state" else item.kind for item in items]
    return tuple(
        kind if kinds.count(kind) == 1 else f"{kind}_{kinds[:i].count(kind)}"
        for i, kind in enumerate(kinds)
    )


def moved(operand: Operand, offset: int) -> Operand:
    """The operand so many bytes further on."""
    if not offset:
        return operand
    if operand.dtype is None:
        return Operand(operand.kind, None, f"(int8_t *){operand.text} + {offset}")
    size = operand.dtype.nbytes(1)
    return Operand(operand.kind, operand.dtype, f"{operand.text} + {offset // size}")


def call_text(function: str, arguments: tuple[str, ...], *, indent: int, suffix: str) -> str:
    """A call, broken after commas so that lines stay within 100 columns where they can."""
    lines = [f"{function}("]
    column = indent + len(lines[0])
    for number, argument in enumerate(arguments):
        word = argument + ("," if number + 1 < len(arguments) else suffix)
        if number and column + 1 + len(word) > 100:
            lines.append(" " * (indent + 4) + word)
            column = len(lines[-1])
        else:
            lines[-1] += (" " if number else "") + word
            column += len(word) + (1 if number else 0)
    return "\n".join(lines)


def operand_of(arg: Arg, dtype: DType | None, text: str) -> Operand:
    """An argument with a cast where the kernel wants other elements than ``dtype``."""
    if arg.dtype is None or arg.dtype == dtype:
        return Operand(arg.kind, dtype, text)
    const = "const " if arg.kind in ("input", "constant") else ""
    target = f"({const}{arg.dtype.c_type} *)"
    through = "" if arg.kind == "scratch" else f"({const}void *)"
    return Operand(arg.kind, arg.dtype, f"{target}{through}{text}")


def layer_comment(index: int, step: Step, graph: Graph) -> tuple[str, ...]:
    """What a layer is, in front of its params."""
    first, last = graph.ops[step.ops[0]], graph.ops[step.ops[-1]]
    shapes = [
        shape_text(graph.tensors[i].shape)
        for i in first.inputs
        if i >= 0 and not graph.tensors[i].is_constant
    ]
    output = graph.tensors[last.outputs[0]]
    text = (
        f'layer {index}: {kinds_of(step, graph)} "{last.name}", '
        f"{' and '.join(shapes) or 'constants'} -> {shape_text(output.shape)}"
    )
    if step.call is None:
        text += "; the bytes stay where they are"
    elif step.call.note:
        text += f"; {step.call.note}"
    if step.call is not None and step.call.halves:
        text += "; on two cores"
    return wrap_comment(text)


def kinds_of(step: Step, graph: Graph) -> str:
    """The ops of a step with their fused activations: "CONV_2D + RELU6"."""
    return " + ".join(word for op in step.ops for word in _kind(graph.ops[op]))


def _kind(op: Op) -> tuple[str, ...]:
    activation = getattr(op.attrs, "activation", "NONE")
    return (op.kind,) if activation == "NONE" else (op.kind, str(activation))
