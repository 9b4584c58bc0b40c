"""The model as a frozen graph: tensors, and ops in execution order that name tensors by index.

A pass never changes a graph; it returns a new one (``dataclasses.replace``). ``check`` states what
every graph must satisfy and runs after load and after every pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

from numpy.typing import NDArray

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, DType
from tinyml.ir.metadata import Metadata

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Quant:
    """Affine quantisation, real = scale * (q - zero_point).

    One scale for the whole tensor, or one per slice along ``axis``. Scales are float32 values.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0  # meaningful only when there are several scales

    @property
    def is_per_channel(self) -> bool:
        """Whether every slice along ``axis`` has a scale of its own."""
        return len(self.scales) > 1

    @property
    def scale(self) -> float:
        """The scale of a per-tensor quantisation."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a per-tensor quantisation."""
        return self.zero_points[0]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value in the graph; constant when ``data`` is set."""

    name: str
    dtype: DType  # one of ir.dtype.ALL
    shape: tuple[int, ...]  # NHWC for images; () for a scalar
    quant: Quant | None = None
    data: Array | None = field(default=None, compare=False)  # read-only, of this shape and dtype
    is_variable: bool = False  # state: keeps its value from one inference to the next
    initial: Array | None = field(default=None, compare=False)  # of a variable, after a reset

    @property
    def is_constant(self) -> bool:
        """Whether the value is known at compile time."""
        return self.data is not None

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Size of the value in bytes."""
        return self.dtype.nbytes(self.elements)

    @property
    def reset_byte(self) -> int:
        """What every byte of a variable without ``initial`` is before the first inference.

        Source: TensorFlow Lite Micro, ResetTensorData (micro_interpreter_graph.cc).
        """
        return self.quant.zero_point if self.dtype == INT8 and self.quant is not None else 0


@dataclass(frozen=True, slots=True)
class Op:
    """One operator; inputs and outputs are tensor indices, -1 for an absent optional input."""

    kind: str  # TFLite builtin name, e.g. "CONV_2D"
    name: str  # for people: taken from the output tensor
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attrs: Any  # frozen dataclass of the op's family


@dataclass(frozen=True, slots=True)
class Source:
    """Where a graph came from, so that later stages need no other carrier."""

    file_name: str
    sha256: str
    nbytes: int
    metadata: Metadata = field(default_factory=Metadata)  # what the file says about itself


@dataclass(frozen=True, slots=True)
class Carried:
    """A variable that ops assign: each time, another tensor stands for its new value.

    All of them lie in the variable's memory. ``last`` is what ``first`` is in the next inference.
    """

    first: int  # tensor; a variable
    last: int  # tensor, made by an op


@dataclass(frozen=True, slots=True)
class Submodel:
    """One of several models that a graph holds side by side; they share no value."""

    name: str  # a C identifier in lower case: what its functions begin with
    inputs: int  # how many of the graph's inputs are its own, behind those of the parts before
    outputs: int
    source: Source


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole model, or several in one program."""

    name: str  # a C identifier in lower case; prefix of all generated symbols
    source: Source
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    carried: tuple[Carried, ...] = ()  # variables that ops assign
    parts: tuple[Submodel, ...] = ()  # the models that it holds; (): it is one

    @property
    def file_names(self) -> tuple[str, ...]:
        """The files that its models are from, without directories."""
        return tuple(part.source.file_name for part in self.parts) or (self.source.file_name,)

    def op_inputs(self, op: Op) -> tuple[Tensor | None, ...]:
        """The input tensors of an op, None where an optional one is absent."""
        return tuple(self.tensors[i] if i >= 0 else None for i in op.inputs)

    def op_outputs(self, op: Op) -> tuple[Tensor, ...]:
        """The output tensors of an op."""
        return tuple(self.tensors[i] for i in op.outputs)

    @property
    def variables(self) -> tuple[int, ...]:
        """The variables that ops read and write, in the order of the tensors."""
        used = {i for op in self.ops for i in op.inputs if i >= 0}
        return tuple(i for i in sorted(used) if self.tensors[i].is_variable)

    @property
    def is_streaming(self) -> bool:
        """Whether samples are parts of one sequence: the model keeps what it needs of the last."""
        return bool(self.carried)

    @property
    def results(self) -> tuple[int, ...]:
        """The tensors that outlast an inference: outputs, and the last values of variables."""
        return (*self.outputs, *(item.last for item in self.carried))


def check(graph: Graph) -> Graph:
    """The graph itself, when it is well formed.

    Each tensor has one producer, ops are in order, indices are in range, data agrees with shape and
    dtype. Whether values are quantised is asked by the operators that need it.
    Raises ModelError naming the first thing that is wrong.
    """
    for problem in _problems(graph):
        raise ModelError(problem, where=graph.source.file_name)
    return graph


def _problems(graph: Graph) -> Iterator[str]:
    count = len(graph.tensors)
    for tensor in graph.tensors:
        if tensor.data is not None and (
            tensor.data.shape != tensor.shape or tensor.data.dtype != tensor.dtype.numpy
        ):
            yield (
                f"tensor '{tensor.name}' holds {tensor.data.dtype}{list(tensor.data.shape)} "
                f"but is declared {tensor.dtype}{list(tensor.shape)}"
            )
        if any(size <= 0 for size in tensor.shape):
            yield f"tensor '{tensor.name}' has the impossible shape {list(tensor.shape)}"
    known = {i for i, t in enumerate(graph.tensors) if t.is_constant or t.is_variable}
    for i in graph.inputs:
        if not 0 <= i < count:
            yield f"model input {i} is not one of the {count} tensors"
        elif i in known:
            yield f"model input '{graph.tensors[i].name}' is constant, a variable or listed twice"
        known.add(i)
    for number, op in enumerate(graph.ops):
        label = f"op {number} ({op.kind})"
        for i in op.inputs:
            if not -1 <= i < count:
                yield f"{label} reads tensor {i}, but there are only {count}"
            elif i >= 0 and i not in known:
                yield f"{label} reads '{graph.tensors[i].name}' before any op has written it"
        for i in op.outputs:
            if not 0 <= i < count:
                yield f"{label} writes tensor {i}, but there are only {count}"
            elif i in known:
                yield f"{label} writes '{graph.tensors[i].name}', which already has a value"
            known.add(i)
    for i in graph.outputs:
        if not 0 <= i < count or i not in known:
            yield f"model output {i} is never written"
    yield from _carried_problems(graph)
    yield from _part_problems(graph)


def _part_problems(graph: Graph) -> Iterator[str]:
    for word, ends, counts in (
        ("inputs", graph.inputs, [part.inputs for part in graph.parts]),
        ("outputs", graph.outputs, [part.outputs for part in graph.parts]),
    ):
        if graph.parts and sum(counts) != len(ends):
            yield f"its models have {sum(counts)} {word}, and it has {len(ends)}"


def _carried_problems(graph: Graph) -> Iterator[str]:
    made = {i for op in graph.ops for i in op.outputs}
    for item in graph.carried:
        if not 0 <= item.first < len(graph.tensors) or item.last not in made:
            yield f"variable {item.first} gets the value {item.last}, which no op makes"
            continue
        first, last = graph.tensors[item.first], graph.tensors[item.last]
        if not first.is_variable or (first.dtype, first.shape) != (last.dtype, last.shape):
            yield f"'{first.name}' is no variable that could become '{last.name}'"
