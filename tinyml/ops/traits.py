"""What may be done to an operator: facts that passes, planner, converter and runtime ask about.

Nobody else names operators. A trait that is missing is always safe, it only means that nothing is
done; one that is there is a promise about what the references of its forms compute, and
``tests/test_traits*.py`` hold each of them against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tinyml.ir.graph import Array, Graph, Op, Quant
from tinyml.ir.shapes import Window

Windows: TypeAlias = tuple[Window, Window]  # over rows, over columns


@dataclass(frozen=True, slots=True)
class Rows:
    """An image's output rows can be computed band by band, each from a window of input rows.

    Without ``windows`` the operator works element by element on operands of the output's shape, or,
    where it ``joins`` them, puts each pixel's channels of two operands beside each other.
    """

    windows: Callable[[Op, Graph], Windows] | None = None
    fill: Literal["zero point", "lowest"] | None = "zero point"  # what padding is; None: left out
    has_wide_kernels: bool = False  # faster ones, for rows that hold the padding to the sides
    can_add_up: bool = False  # a window over the whole image can be summed up band by band
    joins: Callable[[Op, Graph], bool] = lambda op, graph: False


@dataclass(frozen=True, slots=True)
class Channels:
    """What a channel of the output (along the last axis) is made of.

    With ``mixes`` of all channels of the input, else of one alone, in order, where ``keeps`` says
    so: of channel c come ``times`` channels, from c * times on.
    """

    mixes: bool = False
    times: Callable[[Op], int] = lambda op: 1
    keeps: Callable[[Op, Graph], bool] = lambda op, graph: True


@dataclass(frozen=True, slots=True)
class Weights:
    """Sums of products of a value with constant weights, and a bias: where the operands are.

    The numbers of a form of such an operator are a ``WeightedSum``.
    """

    value: int = 0
    weights: int = 1
    bias: int = 2
    axis: int = 0  # of the weights, along output channels
    may_be_negative: bool = False  # TFLM takes scales below zero


@dataclass(frozen=True, slots=True)
class ByteMap:
    """Each element of the output depends on the same element of the only operand, in one way.

    ``real`` is the function that it stands for, where the converter wants to compute it.
    """

    real: Callable[[Array], Array] | None = None


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two operands element by element, with broadcasting: what stands for real numbers."""

    sign: Literal["+", "-", "*", "/"]
    compute: Callable[[Array, Array], Array]


@dataclass(frozen=True, slots=True)
class MovesOnly:
    """Elements of the output are elements of the inputs, unchanged; numbers only choose which.

    ``parts`` gives, for each axis of the input, the positions that a "cut" takes.
    """

    how: Literal[
        "view",
        "transpose",
        "cut",
        "join",
        "stack",
        "pick",
        "reverse",
        "repeat",
        "split",
        "block",
    ]
    parts: Callable[[Op, Graph], Any] | None = None


@dataclass(frozen=True, slots=True)
class Pads:
    """The output is the input within a border: of zeros, or of the number in an operand."""

    amounts: int = 1  # operand: rows of before and after, one for each axis
    value: int | None = None  # operand


@dataclass(frozen=True, slots=True)
class ClampsOutput:
    """The option ``activation`` clamps what would come out without it."""


@dataclass(frozen=True, slots=True)
class ReadsPadding:
    """The options ``padding`` and ``pads`` do what a border of zeros around the input would."""


@dataclass(frozen=True, slots=True)
class DealsOut:
    """Every n-th pixel of an image becomes an image of its own, row by row of a block; or back.

    ``block`` says how many rows and columns a block has, ``sides`` how much border there is around
    rows and columns before the pixels are dealt out, or is cut off after they were put back.
    """

    block: Callable[[Op, Graph], tuple[int, int]]
    sides: Callable[[Op, Graph], tuple[tuple[int, int], tuple[int, int]]]
    puts_back: bool = False


@dataclass(frozen=True, slots=True)
class Activation:
    """Does on its own what the fused activation of that name does."""

    name: str


@dataclass(frozen=True, slots=True)
class Homogeneous:
    """f(s * x) = s * f(x) for a positive factor per channel, for real numbers."""


@dataclass(frozen=True, slots=True)
class Scales:
    """How the scales of results follow: what a quantiser may choose.

    "same": all values have one; "own": each has its own; "fixed": the kernels demand one for the
    result, by width; "none": the result is no quantised value.
    """

    how: Literal["same", "own", "fixed", "none"]
    widths: tuple[int, ...] = (8,)  # bits of values that the converter can let it compute in
    fixed: Mapping[int, Quant] = field(default_factory=dict, hash=False)
    carries_range: bool = False  # though the scales are its own, the result reaches no further


UNIT = {8: Quant((1 / 256,), (-128,)), 16: Quant((1 / 32768,), (0,))}  # results in 0..1
SIGNED_UNIT = {8: Quant((1 / 128,), (0,)), 16: Quant((1 / 32768,), (0,))}  # in -1..1


@dataclass(frozen=True, slots=True)
class Axes:
    """How the operator goes along with a value whose axes lie in another order.

    "each": element by element, one operand; "broadcast": several operands; "per_axis":
    ``operands`` hold an element or row for each axis (``has_masks``: and options a bit);
    "listed": an operand lists axes; "number": an operand is one; "option": an option is one;
    "last": only along the last one; "order": an operand is the new order; "view": only the order
    of elements counts; "flat": a row of elements, in an order that constant weights follow.
    """

    how: Literal[
        "each",
        "broadcast",
        "per_axis",
        "listed",
        "number",
        "option",
        "last",
        "order",
        "view",
        "flat",
    ]
    operands: tuple[int, ...] = ()
    has_masks: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Operands that are read and written: variables, kept from one inference to the next."""

    operands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """Operand 0 is a variable as a whole, or what an op of this kind has made of one.

    With ``is_written`` the output is the variable's next value, in the same memory; the value
    before is not looked at, and nobody may read it afterwards. ``in_place`` is an option.
    """

    is_written: bool = False


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs graphs that its options hold; ``having`` gives the op with others in their place."""

    graphs: Callable[[Op], tuple[Graph, ...]]
    having: Callable[[Op, tuple[Graph, ...]], Op]


@dataclass(frozen=True, slots=True)
class Steps:
    """One output per step, in order; where the option ``is_last_only`` is set, the last alone."""


@dataclass(frozen=True, slots=True)
class ShapeOperand:
    """An operand is the shape of the result."""

    operand: int


@dataclass(frozen=True, slots=True)
class FromShape:
    """The result follows from the operand's shape: its values are never looked at."""


@dataclass(frozen=True, slots=True)
class Converts:
    """Leads from one kind of numbers to another and computes nothing: to "integers", "floats"."""

    to: Literal["integers", "floats"]


@dataclass(frozen=True, slots=True)
class Unsigned:
    """TFLite computes of uint8 values what int8 kernels compute of those less 128, in every bit.

    With ``counts``, which gives how many values an output is the average of, only where those are
    odd: halves are rounded up of uint8, and away from zero of int8.
    """

    counts: Callable[[Op, Graph], Array] | None = None


@dataclass(frozen=True, slots=True)
class Casts:
    """The same numbers in another type, as far as that can hold them."""


@dataclass(frozen=True, slots=True)
class WholeNumbers:
    """Works on whole numbers of 32 and of 64 bits alike, as long as they fit."""


Trait: TypeAlias = (
    Rows
    | Channels
    | Weights
    | ByteMap
    | Arithmetic
    | MovesOnly
    | Pads
    | ClampsOutput
    | ReadsPadding
    | DealsOut
    | Activation
    | Homogeneous
    | Scales
    | Axes
    | State
    | Variable
    | Runs
    | Steps
    | ShapeOperand
    | FromShape
    | Converts
    | Casts
    | Unsigned
    | WholeNumbers
)
