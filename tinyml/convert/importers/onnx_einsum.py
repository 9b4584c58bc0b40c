"""ONNX Einsum: axes moved, sums, matrix products and products, an operand after the other."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.convert.importers.onnx_elementwise import two
from tinyml.convert.importers.onnx_products import dense, product
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_reductions import reduced
from tinyml.convert.importers.onnx_values import Handler, Reader

_DOTS = [chr(0x3B1 + k) for k in range(16)]  # letters of the axes that "..." stands for


@dataclass(frozen=True, slots=True)
class _Term:
    """A value and the letters of its axes."""

    value: int
    axes: str


def einsum(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Einsum of any number of operands, none of them with a diagonal."""
    equation = attrs.text("equation", "").replace(" ", "")
    values = [reader.value(name) for name in node.input]
    shapes = [reader.new.shape(value) for value in values]
    terms, wanted = _letters(equation, [len(shape) for shape in shapes])
    if any(len(set(term)) != len(term) for term in (*terms, wanted)):
        raise Unknown(f"a diagonal, in the equation {equation}")
    size: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, count in zip(term, shape, strict=True):
            size[letter] = max(size.get(letter, 1), count)
    given = [_without_ones(reader, _Term(*pair), size) for pair in zip(values, terms, strict=True)]
    name, made = node.output[0], given[0]
    for number, other in enumerate(given[1:], 1):
        needed = {*wanted, *(letter for term in given[number + 1 :] for letter in term.axes)}
        called = name if number == len(given) - 1 else f"{name}/{number}"
        made = _product(reader, (made, other), needed, called)
    made = _summed(reader, made, wanted, f"{name}/sum")
    return reader.new.transpose(made.value, [made.axes.index(letter) for letter in wanted])


def _letters(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The letters of each operand's axes, and those of the result."""
    reads, arrow, writes = equation.partition("->")
    written = reads.split(",")
    if len(written) != len(ranks):
        raise Unknown(f"{len(ranks)} operands for the equation {equation}")
    hidden = [
        rank - len(term.replace("...", "")) for term, rank in zip(written, ranks, strict=True)
    ]
    if any(count and "..." not in term for term, count in zip(written, hidden, strict=True)):
        raise Unknown(f"operands with other axes than those of the equation {equation}")
    dots = ["".join(_DOTS[len(_DOTS) - count :]) for count in hidden]
    terms = [term.replace("...", own) for term, own in zip(written, dots, strict=True)]
    most = max(dots, key=len)
    if arrow:
        return terms, writes.replace("...", most)
    read = reads.replace("...", "").replace(",", "")
    return terms, most + "".join(sorted(letter for letter in read if read.count(letter) == 1))


def _without_ones(reader: Reader, term: _Term, size: dict[str, int]) -> _Term:
    """The operand without axes of one element that are longer elsewhere."""
    shape = reader.new.shape(term.value)
    kept = [(c, n) for c, n in zip(term.axes, shape, strict=True) if n == size[c]]
    axes = "".join(letter for letter, _ in kept)
    return _Term(reader.new.reshape(term.value, [count for _, count in kept]), axes)


def _summed(reader: Reader, term: _Term, needed: Collection[str], name: str) -> _Term:
    """The sum along all axes that nobody needs."""
    gone = tuple(k for k, letter in enumerate(term.axes) if letter not in needed)
    if not gone:
        return term
    axes = "".join(letter for letter in term.axes if letter in needed)
    return _Term(reduced(reader, "SUM", (term.value, gone, False), name), axes)


def _product(reader: Reader, pair: tuple[_Term, _Term], needed: set[str], name: str) -> _Term:
    """Two operands multiplied, and summed along what they share and nobody needs."""
    a = _summed(reader, pair[0], needed | set(pair[1].axes), f"{name}/left")
    b = _summed(reader, pair[1], needed | set(a.axes), f"{name}/right")
    size = {c: n for t in (a, b) for c, n in zip(t.axes, reader.new.shape(t.value), strict=True)}
    both = [c for c in a.axes if c in b.axes and c in needed]
    summed = [c for c in a.axes if c in b.axes and c not in needed]
    left, right = ([c for c in t.axes if c not in (*both, *summed)] for t in (a, b))
    one = _grouped(reader, a, (both, left, summed), size)
    other = _grouped(reader, b, (both, summed, right), size)
    if not summed:  # [both, left, 1] by [both, 1, right]
        made = two(reader, "MUL", (one, other), name)
    else:
        held = reader.new.tensors[other].data
        if held is not None and not both:
            zeros = np.zeros(held.shape[-1], np.float32)
            made = dense(reader, one, held.reshape(held.shape[-2:]).T, zeros, name)
        else:
            made = product(reader, one, other, name)
    axes = "".join((*both, *left, *right))
    return _Term(reader.new.reshape(made, [size[c] for c in axes]), axes)


def _grouped(
    reader: Reader, term: _Term, parts: Sequence[Sequence[str]], size: dict[str, int]
) -> int:
    """An operand with its axes in groups, each of them one axis."""
    order = [term.axes.index(c) for part in parts for c in part]
    shape = [math.prod(size[c] for c in part) for part in parts]
    return reader.new.reshape(reader.new.transpose(term.value, order), shape)


HANDLERS: dict[str, Handler] = {"Einsum": einsum}
