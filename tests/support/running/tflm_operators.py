"""A tiny model of every operator of TFLM, for any types of its operands, and TFLM's verdict on it.

A template names its operands by letters: ``d`` data, ``w`` weights, ``b`` bias, ``i`` indices,
``o`` a result of its own type, ``?`` in front of a letter an operand that may be absent. All
operands with one letter are of one type. Capitals are fixed: ``I`` int32, ``B`` bool.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyml.convert import flatfile
from tinyml.convert.tables import tables
from tinyml.ir.dtype import BY_NAME
from tinyml.ir.graph import Array, Graph, Op, Quant, Source, Tensor
from tinyml.model.options import Options, options

DATA = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool")
TYPES = {
    "d": DATA,
    "o": DATA,
    "w": ("float32", "int8", "uint8", "int16"),
    "b": ("float32", "int8", "int16", "int32", "int64"),
    "i": ("int32", "int64", "int16", "int8"),
    "I": ("int32",),
    "B": ("bool",),
}
ABSENT = "absent"
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Template:
    """An operator with shapes, and letters that say what its operands are."""

    letters: str  # "d w ?b > d"
    shapes: Sequence[Shape]  # of all operands, then of the results
    constants: Mapping[int, Any] = field(default_factory=dict)  # values of operands
    options: Mapping[str, Any] = field(default_factory=dict)
    table: str = ""  # of options, where its name does not follow from the operator's
    states: Sequence[int] = ()  # operands that are variables
    scales: Mapping[str, tuple[float, int]] = field(default_factory=dict)  # of results, by types


def unary(**changes: Any) -> Template:
    return Template("d > d", ((2, 3), (2, 3)), **changes)


def binary(letters: str = "d d > d", **changes: Any) -> Template:
    return Template(letters, ((2, 3), (2, 3), (2, 3)), **changes)


def reduced(letters: str = "d i > d") -> Template:
    return Template(letters, ((2, 3), (1,), (2,)), {1: [1]}, table="ReducerOptions")


def pooled(**changes: Any) -> Template:
    window = {"FilterHeight": 2, "FilterWidth": 2, "StrideH": 2, "StrideW": 2, "Padding": 1}
    return Template("d > d", ((1, 4, 4, 2), (1, 2, 2, 2)), options=window, table="Pool2DOptions")


def windowed(kind: str) -> Template:
    stride = {"StrideH": 1, "StrideW": 1, "Padding": 1}
    shapes = {
        "CONV_2D": ((1, 4, 4, 2), (3, 2, 2, 2), (3,), (1, 3, 3, 3)),
        "DEPTHWISE_CONV_2D": ((1, 4, 4, 2), (1, 2, 2, 2), (2,), (1, 3, 3, 2)),
    }[kind]
    if kind == "DEPTHWISE_CONV_2D":
        stride["DepthMultiplier"] = 1
    return Template("d w ?b > d", shapes, {1: 1, 2: 1}, stride)


def _templates() -> dict[str, Template]:
    logistic = {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)}
    tanh = {"int8": (1 / 128, 0), "int16": (1 / 32768, 0)}
    found = {
        **dict.fromkeys(("ABS", "CEIL", "COS", "ELU", "EXP", "FLOOR", "HARD_SWISH"), unary()),
        **dict.fromkeys(("LOG", "NEG", "RELU", "RELU6", "ROUND", "RSQRT", "SIN"), unary()),
        **dict.fromkeys(("SQRT", "SQUARE", "ZEROS_LIKE"), unary()),
        **dict.fromkeys(("ADD", "SUB", "MUL", "DIV", "FLOOR_DIV", "FLOOR_MOD"), binary()),
        **dict.fromkeys(("SQUARED_DIFFERENCE", "PRELU", "ADD_N"), binary()),
        **dict.fromkeys(("MAXIMUM", "MINIMUM"), binary(table="MaximumMinimumOptions")),
        **dict.fromkeys(("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL"), binary("d d > o")),
        **dict.fromkeys(("LESS", "LESS_EQUAL"), binary("d d > o")),
        **dict.fromkeys(("LOGICAL_AND", "LOGICAL_OR"), binary()),
        **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ALL"), reduced()),
        **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"), pooled()),
        **dict.fromkeys(("CAST", "DEQUANTIZE", "QUANTIZE"), Template("d > o", ((2, 3), (2, 3)))),
        **{kind: windowed(kind) for kind in ("CONV_2D", "DEPTHWISE_CONV_2D")},
    }
    found |= {
        "LOGICAL_NOT": unary(),
        "LOGISTIC": unary(scales=logistic),
        "TANH": unary(scales=tanh),
        "L2_NORMALIZATION": unary(table="L2NormOptions", scales={"int8": (1 / 128, 0)}),
        "LEAKY_RELU": unary(options={"Alpha": 0.5}),
        "LOG_SOFTMAX": unary(scales={"int8": (16 / 256, 127)}),
        "SOFTMAX": Template(
            "d > o",
            ((2, 3), (2, 3)),
            options={"Beta": 1.0},
            scales=logistic | {"int8 to int16": (1 / 65536, -32768)},
        ),
        "ARG_MAX": Template("d i > o", ((2, 3), (1,), (2,)), {1: [1]}),
        "ARG_MIN": Template("d i > o", ((2, 3), (1,), (2,)), {1: [1]}),
        "BATCH_MATMUL": Template(
            "d w > d", ((1, 2, 3), (1, 3, 2), (1, 2, 2)), table="BatchMatMulOptions"
        ),
        "BATCH_TO_SPACE_ND": Template(
            "d i i > d", ((4, 1, 1, 1), (2,), (2, 2), (1, 2, 2, 1)), {1: [2, 2], 2: 0}
        ),
        "SPACE_TO_BATCH_ND": Template(
            "d i i > d", ((1, 2, 2, 1), (2,), (2, 2), (4, 1, 1, 1)), {1: [2, 2], 2: 0}
        ),
        "BROADCAST_ARGS": Template("i i > i", ((2,), (2,), (2,))),
        "BROADCAST_TO": Template("d i > d", ((1, 3), (2,), (2, 3)), {1: [2, 3]}),
        "CONCATENATION": Template("d d > d", ((2, 3), (2, 3), (2, 6)), options={"Axis": 1}),
        "CUMSUM": Template("d i > d", ((2, 3), (1,), (2, 3)), {1: [1]}),
        "DEPTH_TO_SPACE": Template("d > d", ((1, 1, 1, 4), (1, 2, 2, 1)), options={"BlockSize": 2}),
        "SPACE_TO_DEPTH": Template("d > d", ((1, 2, 2, 1), (1, 1, 1, 4)), options={"BlockSize": 2}),
        "DYNAMIC_UPDATE_SLICE": Template("d d i > d", ((2, 3), (1, 3), (2,), (2, 3)), {2: [0, 0]}),
        "EMBEDDING_LOOKUP": Template("i w > o", ((2,), (3, 4), (2, 4)), {1: 1}, table="-"),
        "EXPAND_DIMS": Template("d i > d", ((2, 3), (1,), (1, 2, 3)), {1: [0]}),
        "FILL": Template("i d > d", ((2,), (), (2, 3)), {0: [2, 3]}),
        "FULLY_CONNECTED": Template("d w ?b > d", ((2, 16), (4, 16), (4,), (2, 4)), {1: 1, 2: 1}),
        "GATHER": Template("d i > d", ((2, 3), (2,), (2, 3)), {1: [1, 0]}),
        "GATHER_ND": Template("d i > d", ((2, 3), (2, 1), (2, 3)), {1: [[1], [0]]}),
        "MIRROR_PAD": Template("d i > d", ((2, 3), (2, 2), (2, 5)), {1: [[0, 0], [1, 1]]}),
        "PACK": Template(
            "d d > d", ((2, 3), (2, 3), (2, 2, 3)), options={"Axis": 0, "ValuesCount": 2}
        ),
        "PAD": Template("d i > d", ((2, 3), (2, 2), (2, 5)), {1: [[0, 0], [1, 1]]}),
        "PADV2": Template(
            "d i d > d",
            ((2, 3), (2, 2), (), (2, 5)),
            {1: [[0, 0], [1, 1]], 2: 0},
            table="PadV2Options",
        ),
        "RESHAPE": Template("d ?i > d", ((2, 3), (2,), (3, 2)), {1: [3, 2]}, {"NewShape": (3, 2)}),
        "RESIZE_BILINEAR": Template("d i > d", ((1, 2, 2, 1), (2,), (1, 4, 4, 1)), {1: [4, 4]}),
        "RESIZE_NEAREST_NEIGHBOR": Template(
            "d i > d", ((1, 2, 2, 1), (2,), (1, 4, 4, 1)), {1: [4, 4]}
        ),
        "REVERSE_V2": Template("d i > d", ((2, 3), (1,), (2, 3)), {1: [1]}),
        "SELECT_V2": Template("B d d > d", ((2, 3), (2, 3), (2, 3), (2, 3))),
        "SHAPE": Template("d > o", ((2, 3), (2,))),
        "SLICE": Template("d i i > d", ((2, 3), (2,), (2,), (2, 2)), {1: [0, 1], 2: [2, 2]}),
        "SPLIT": Template("i d > d d", ((), (2, 4), (2, 2), (2, 2)), {0: 1}, {"NumSplits": 2}),
        "SPLIT_V": Template(
            "d i I > d d", ((2, 4), (2,), (), (2, 1), (2, 3)), {1: [1, 3], 2: 1}, {"NumSplits": 2}
        ),
        "SQUEEZE": Template("d > d", ((2, 1, 3), (2, 3))),
        "STRIDED_SLICE": Template(
            "d i i i > d", ((2, 3), (2,), (2,), (2,), (2, 2)), {1: [0, 1], 2: [2, 3], 3: [1, 1]}
        ),
        "SVDF": Template(
            "d w t ?b s > d",
            ((1, 3), (2, 3), (2, 4), (2,), (1, 8), (1, 2)),
            {1: 1, 2: 1, 3: 1},
            {"Rank": 1},
            "SVDFOptions",
            states=(4,),
        ),
        "TRANSPOSE": Template("d i > d", ((2, 3), (2,), (3, 2)), {1: [1, 0]}),
        "TRANSPOSE_CONV": Template(
            "i w d ?b > d",
            ((4,), (2, 2, 2, 3), (1, 2, 2, 3), (2,), (1, 4, 4, 2)),
            {0: [1, 4, 4, 2], 1: 1, 3: 1},
            {"StrideH": 2, "StrideW": 2, "Padding": 1},
        ),
        "UNPACK": Template("d > d d", ((2, 3), (3,), (3,)), options={"Num": 2, "Axis": 0}),
    }
    return found


TEMPLATES = _templates()
_LETTERS = TYPES | {"t": ("float32", "int8", "int16"), "s": ("float32", "int8", "int16")}


def combinations(template: Template) -> Iterator[tuple[str, ...]]:
    """The types of all operands and results; "absent" for an operand that is left out."""
    given, made = template.letters.split(" > ")
    words = [*given.split(), *made.split()]
    letters = list(dict.fromkeys(word[-1] for word in words))
    optional = any(word[0] == "?" for word in words)
    for is_left_out in (False, True) if optional else (False,):
        for chosen in itertools.product(*(_LETTERS[letter] for letter in letters)):
            types = dict(zip(letters, chosen, strict=True))
            yield tuple(
                ABSENT if word[0] == "?" and is_left_out else types[word[-1]] for word in words
            )


def model_of(kind: str, types: Sequence[str]) -> Graph:
    """The model of one operator; the types as ``combinations`` gives them."""
    template = TEMPLATES[kind]
    count = len(template.letters.split(" > ")[0].split())
    tensors: list[Tensor] = []
    indices = []
    for number, (dtype, shape) in enumerate(zip(types, template.shapes, strict=True)):
        if dtype == ABSENT:
            indices.append(-1)
            continue
        data = None
        if number in template.constants:
            data = np.broadcast_to(np.array(template.constants[number]), shape).astype(
                BY_NAME[dtype].numpy
            )
            data = np.ascontiguousarray(data).reshape(shape)
        scale = template.scales if number >= count else {}
        is_bias = number < count and template.letters.split()[number][-1] == "b"
        held = scale.get(f"{types[0]} to {dtype}", scale.get(dtype, (0.25 if is_bias else 0.5, 0)))
        quant = _quant(dtype, held)
        is_state = number in template.states
        tensors.append(Tensor(f"t{number}", BY_NAME[dtype], shape, quant, data, is_state))
        indices.append(len(tensors) - 1)
    given, made = tuple(indices[:count]), tuple(indices[count:])
    inputs = tuple(
        i for i in given if i >= 0 and tensors[i].data is None and not tensors[i].is_variable
    )
    op = Op(kind, "op", given, made, _options(kind, template))
    return Graph("m", Source("m.tflite", "0" * 64, 0), tuple(tensors), (op,), inputs, made)


def _quant(dtype: str, held: tuple[float, int]) -> Quant | None:
    if dtype in ("float32", "bool"):
        return None
    return Quant((float(np.float32(held[0])),), (held[1],))


def _options(kind: str, template: Template) -> Options:
    import tflite

    words = kind.split("_")
    name = template.table or tables().get(kind, "".join(w.capitalize() for w in words) + "Options")
    return options(name, **template.options) if hasattr(tflite, name) else Options()


def file_of(graph: Graph) -> bytes:
    """The .tflite of such a model."""
    return flatfile.write(graph)


def verdicts(models: Sequence[bytes], samples: Sequence[Sequence[Array]]) -> list[str]:
    """What TFLM does with each: "runs", "refuses", or "stops" where the process ends.

    Each runs in a child of a process that has TFLM loaded; whatever it prints is dropped.
    """
    found: list[str] = []
    while len(found) < len(models):
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            _serve(models[len(found) :], samples[len(found) :], write_end)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            answers = pipe.read()
        os.waitpid(child, 0)
        found += ["runs" if answer == 1 else "refuses" for answer in answers]
        if len(found) < len(models):
            found.append("stops")
    return found


def _serve(models: Sequence[bytes], samples: Sequence[Sequence[Array]], pipe: int) -> None:
    from tflite_micro.python.tflite_micro import runtime

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for data, values in zip(models, samples, strict=True):
        answer = 1
        try:
            interpreter = runtime.Interpreter.from_bytes(data, arena_size=1 << 16)
            for number, value in enumerate(values):
                interpreter.set_input(value, number)
            interpreter.invoke()
        except Exception:
            answer = 0
        os.write(pipe, bytes([answer]))
    os._exit(0)


def ones(graph: Graph) -> list[Array]:
    """One sample: ones everywhere, which no operator minds but for roots of what is below zero."""
    value = 9 if graph.ops[0].kind == "RSQRT" else 1
    return [
        np.full(graph.tensors[i].shape, value, graph.tensors[i].dtype.numpy) for i in graph.inputs
    ]
