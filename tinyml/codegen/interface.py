"""The inputs and outputs of a model as the application sees them, as C text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinyml.codegen.literals import c_argument, c_comment, c_float, shape_text
from tinyml.codegen.names import short_identifier
from tinyml.ir.graph import Graph, Tensor
from tinyml.ir.parts import models_of


@dataclass(frozen=True, slots=True)
class IoView:
    """One input or output of the model."""

    name: str  # "kws_input", or "kws_input_accel" when there are several
    macro: str  # the same in upper case
    quantise: str  # C functions: "kws_quantise_input" and so on
    quantise_raw: str
    dequantise: str
    argmax: str
    title: str  # 'input "x": int8 [1, 28, 28, 1]'
    c_type: str
    index: tuple[str, str] | None  # "[y, x]" and its number, where there are several dimensions
    elements: int
    nbytes: int
    pointer: str  # C expression of its address
    descriptor: str  # initialiser of its tml_tensor
    is_quantised: bool
    scale: str
    zero_point: str
    lowest: str  # of the dtype
    highest: str


def io_names(word: str, graph: Graph, tensors: Sequence[int]) -> tuple[str, ...]:
    """What the inputs or outputs are called in the C interface.

    Where there are several, by their names in the model; by their numbers when those do not tell
    them apart. The C prefix of the model is not part of it.
    """
    if len(tensors) == 1:
        return (word,)
    names = [short_identifier(graph.tensors[index].name) for index in tensors]
    names = [name.removeprefix(f"{word}_") for name in names]
    if not all(names) or len(set(names)) < len(names):
        names = [str(number) for number in range(len(tensors))]
    return tuple(f"{word}_{name}" for name in names)


def io_functions(word: str, graph: Graph) -> tuple[str, ...]:
    """The C functions that give the addresses of all inputs, or with "output" of all outputs."""
    return tuple(
        f"{model.name}_{name}"
        for model in models_of(graph)
        for name in io_names(word, model, model.inputs if word == "input" else model.outputs)
    )


def io_views(
    graph: Graph, tensors: tuple[int, ...], word: str, places: Mapping[int, str]
) -> tuple[IoView, ...]:
    """The inputs or outputs of one model; ``word`` names them."""
    suffixes = io_names(word, graph, tensors)
    views: list[IoView] = []
    for number, index in enumerate(tensors):
        tensor = graph.tensors[index]
        suffix = suffixes[number]
        dtype = tensor.dtype
        lowest, highest = dtype.limits if dtype.is_quantised else (0, 0)
        is_quantised = tensor.quant is not None and dtype.is_quantised
        views.append(
            IoView(
                name=f"{graph.name}_{suffix}",
                macro=f"{graph.name}_{suffix}".upper(),
                quantise=f"{graph.name}_quantise_{suffix}",
                quantise_raw=f"{graph.name}_quantise_raw_{suffix}",
                dequantise=f"{graph.name}_dequantise_{suffix}",
                argmax=f"{graph.name}_argmax_{suffix}",
                title=f'{word} {number} "{c_comment(tensor.name)}": '
                f"{tensor.dtype} {shape_text(tensor.shape)}",
                c_type=tensor.dtype.c_type,
                index=_index(tensor.shape),
                elements=tensor.elements,
                nbytes=tensor.nbytes,
                pointer=places[index],
                descriptor=descriptor(tensor, places[index]),
                is_quantised=is_quantised,
                scale=c_float(tensor.quant.scale) if tensor.quant and is_quantised else "",
                zero_point=c_argument(tensor.quant.zero_point)
                if tensor.quant and is_quantised
                else "",
                lowest=c_argument(lowest),
                highest=c_argument(highest),
            )
        )
    return tuple(views)


def _index(shape: tuple[int, ...]) -> tuple[str, str] | None:
    """How an element is named, and its number: dimensions of 1 in front are left out."""
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) < 2:
        return None
    letters = tuple("ijklmnop"[: len(shape)])
    number = letters[0]
    for letter, size in zip(letters[1:], shape[1:], strict=True):
        before = number if number == letters[0] else f"({number})"
        number = f"{before} * {size} + {letter}"
    return f"[{', '.join(letters)}]", number


def descriptor(tensor: Tensor, place: str) -> str:
    """The initialiser of the tml_tensor that describes a tensor to code for any model."""
    scale = c_float(tensor.quant.scale) if tensor.quant else "0.0f"
    zero_point = tensor.quant.zero_point if tensor.quant else 0
    data = f"(void *){place}" if tensor.is_constant else place
    return (
        f"{{.data = {data}, .bytes = {tensor.nbytes}, .scale = {scale}, "
        f".zero_point = {zero_point}, .dtype = '{tensor.dtype.letter or '?'}'}}"
    )
