"""What lowering produces: a call of one C kernel with everything it needs, as plain data.

A ``KernelCall`` is rendered by one generic template into a params struct, constant arrays and one
call; nothing in it is C text. The planner reads its scratch, overlap and cost; nobody else does.

A ``Stream`` is several ops computed row by row: stages that pass on rows instead of whole tensors.
Each stage is an ordinary kernel call on a small image. ``firmware/kernels/stream.h`` runs them, the
deepest one that has its rows first; the fields here are those of its tables. Rows of a tensor count
from its padding above: row ``above`` is the first of the image.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from tinyml.ir.dtype import DType
from tinyml.ir.graph import Array, Graph
from tinyml.ir.progress import Progress, progress_of


@dataclass(frozen=True, slots=True)
class Struct:
    """A C struct value: its fields in the order of the C declaration."""

    type: str  # "tml_conv_2d_params", "tml_requant"
    fields: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of one of the call's constants, by its name."""

    constant: str


@dataclass(frozen=True, slots=True)
class Enumerator:
    """A constant that the kernel's header names, so that a reader need not count."""

    name: str  # "TML_RESCALE_HIGH"


Value: TypeAlias = (
    "int | bool | float | Struct | Ref | Enumerator | tuple[int, ...]"  # floats are float32
)


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant array in flash, owned by one call."""

    name: str  # unique in the call, e.g. "weights"; the generator prefixes model and layer
    data: Array  # 1-D; its dtype decides the C type
    comment: str  # what it is and how it is laid out, for the reader of the C file
    alignment: int = 4  # bytes


@dataclass(frozen=True, slots=True)
class Arg:
    """One C argument after the params pointer."""

    # state: an input that is written too; run: number, of a stage
    kind: Literal["input", "output", "state", "constant", "scratch", "run"]
    index: int = 0  # of the op's inputs or outputs
    constant: str = ""  # name of a Constant
    dtype: DType | None = None  # of the elements to cast a tensor to when not the tensor's own


@dataclass(frozen=True, slots=True)
class Overlap:
    """Output 0 may share memory with input ``input`` when it starts early enough.

    The kernel is right whenever ``input_offset - output_offset >= distance_bytes`` (and also when
    the two ranges do not touch). 0 is plain in-place; negative lets the output start later.
    ``progress`` proves it: how much the kernel has written at each point of its work, and from
    where on it still reads. An empty one means that reads and writes go in lock-step per element
    (elementwise kernels), or that ``reason`` says why order does not matter.
    """

    input: int
    distance_bytes: int
    progress: tuple[Progress, ...] = ()
    reason: str = ""


def row_overlap(input: int, rows: Sequence[tuple[int, int]]) -> Overlap:
    """The overlap that a kernel allows which works through its input in ``rows`` steps.

    After step i it has written ``rows[i][0]`` bytes from the start of the output and will read
    nothing of the input below byte ``rows[i][1]`` any more; during it, from ``rows[i-1][1]`` on.
    """
    kept = (0, *(keep for _, keep in rows[:-1]))
    return overlap_of(input, progress_of([written for written, _ in rows], kept))


def overlap_of(input: int, progress: tuple[Progress, ...]) -> Overlap:
    """The overlap that a kernel allows which works like that.

    The output must end as much before the input as the writes run ahead of the reads.
    """
    return Overlap(input, max(item.ahead_bytes() for item in progress), progress)


def scaled_overlap(overlap: Overlap, element_bytes: int) -> Overlap:
    """An overlap that counts bytes of one that counts elements, as many read as written."""
    return replace(
        overlap,
        distance_bytes=overlap.distance_bytes * element_bytes,
        progress=tuple(item.scaled(element_bytes) for item in overlap.progress),
    )


@dataclass(frozen=True, slots=True)
class Cost:
    """Predicted work of one call on one core family, from the kernel's cost formula."""

    instructions: int = 0
    code_bytes: int = 0  # flash that this call adds when specialised


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a tensor, or the window of them that is in use."""

    tensor: int  # of the graph
    place: Literal["input", "output", "scratch"]  # all of the step's input or output, or a window
    count: int  # of the image, without padding
    pitch: int  # bytes from row to row; 0: every row is written to the same place
    capacity: int  # rows that there is room for
    offset: int = 0  # of the window in the step's scratch, bytes
    lead: int = 0  # bytes of padding in front of a row's first pixel
    above: int = 0  # rows of padding
    below: int = 0
    fill: int = 0  # value of the padding
    is_padded: bool = False  # on any side


@dataclass(frozen=True, slots=True)
class Reading:
    """What a stage reads of one tensor: run ``i`` reads ``need`` rows from ``start + i * step``."""

    rows: int  # index into Stream.rows
    start: int
    need: int
    step: int
    skip: int = 0  # bytes in front of each row that are left out


@dataclass(frozen=True, slots=True)
class KernelCall:
    """One kernel invocation that computes one op, or several that were fused."""

    function: str  # "tml_conv_2d_s8"
    header: str  # "kernels/conv_2d/s8.h", relative to firmware/
    params: Struct
    arguments: tuple[Arg, ...]
    constants: tuple[Constant, ...] = ()
    scratch_bytes: int = 0
    overlaps: tuple[Overlap, ...] = ()
    cost: Cost = field(default=Cost())
    isa: str = ""  # instruction-set feature that the kernel needs, "" for plain C
    note: str = ""  # one clause for the report: which form was chosen and why
    stream: Stream | None = None  # set when the call runs other kernels, row by row
    form: str = ""  # of the op that it computes, "s8"; "" for what runs other kernels
    helpers: tuple[str, ...] = ()  # C functions that other kernels call too, once in the image
    element_bytes: int = 1  # of what the params count
    control: Control | None = None  # set when the call runs graphs
    reads_constants_once: bool = False  # also where a cache does not hold all of them
    pixels_at_once: int = 1  # of which each weight that was read is multiplied
    times_read: int = 1  # all constants, where the op's products do not tell it
    halves: tuple[Half, ...] = ()  # two: each runs on a core of its own, together they are the call

    def constant_bytes(self) -> int:
        """Flash taken by the constant arrays."""
        return sum(int(item.data.nbytes) for item in self.constants)

    @property
    def instructions(self) -> int:
        """Predicted work, of both cores where two share it; ``cost`` is what is waited for."""
        return sum(half.instructions for half in self.halves) or self.cost.instructions

    def kernels(self) -> Iterator[KernelCall]:
        """This call and those that it makes; their constants are among this call's."""
        yield self
        for stage in self.stream.stages if self.stream is not None else ():
            if stage.call is not None:
                yield stage.call
        for inner in self.control.inner() if self.control is not None else ():
            yield from inner.call.kernels()


@dataclass(frozen=True, slots=True)
class Half:
    """What one of two cores does of a call: the same kernel, on a part of the data."""

    params: Struct
    offsets: tuple[int, ...]  # bytes that each argument's pointer lies further on
    scratch_bytes: int  # of its own, from the offset of the scratch on
    instructions: int  # predicted


@dataclass(frozen=True, slots=True)
class Stage:
    """One kernel, run ``runs`` times; without a call it copies single rows."""

    op: int  # of the graph; -1 when it copies
    call: KernelCall | None
    inputs: tuple[Reading, ...]
    output: int  # index into Stream.rows
    band: int  # rows that a run writes
    runs: int
    scratch_offset: int = 0  # of the kernel's own scratch in the step's scratch, bytes
    copied_bytes: int = 0  # of a row, when it copies


@dataclass(frozen=True, slots=True)
class Stream:
    """The tables of one step; stages in the order of their depth."""

    rows: tuple[Rows, ...]
    stages: tuple[Stage, ...]
    window_bytes: int  # of the step's scratch, without the kernels' own scratch


@dataclass(frozen=True, slots=True)
class Spot:
    """Where bytes lie: in an operand of the step, or in its scratch."""

    kind: Literal["input", "output", "scratch"]
    index: int = 0  # of the op's inputs or outputs
    offset: int = 0  # bytes
    step: int = 0  # bytes further on in each round


@dataclass(frozen=True, slots=True)
class Copy:
    """Bytes that are handed to a graph, or back."""

    given: Spot
    made: Spot
    nbytes: int


@dataclass(frozen=True, slots=True)
class Inner:
    """A kernel call of a graph that a step runs."""

    op: int  # of that graph
    call: KernelCall
    scratch_offset: int = 0  # of the kernel's own scratch in the step's scratch, bytes


@dataclass(frozen=True, slots=True)
class Routine:
    """A graph as a C function: its values lie in the scratch of the step that runs it."""

    graph: Graph
    calls: tuple[Inner, ...]
    offsets: tuple[int, ...]  # of each tensor in the step's scratch, bytes; -1: needs no memory

    def spot(self, tensor: int) -> Spot:
        """Where a tensor lies."""
        return Spot("scratch", 0, self.offsets[tensor])


@dataclass(frozen=True, slots=True)
class Control:
    """Graphs that a step runs, and what is copied between them and its operands.

    Copies are for: before all rounds, before each, after each, after all. A LOOP runs its one graph
    ``rounds`` times, a WHILE the first for as long as the second says so.
    """

    routines: tuple[Routine, ...]
    copies: tuple[tuple[Copy, ...], ...]
    rounds: int = 0

    def inner(self) -> Iterator[Inner]:
        """The calls of all graphs, in order."""
        return (inner for routine in self.routines for inner in routine.calls)


def of_elements(call: KernelCall, element_bytes: int) -> KernelCall:
    """A call whose params and overlaps count elements of that size, input's and output's alike."""
    if element_bytes == 1:
        return call
    overlaps = tuple(scaled_overlap(item, element_bytes) for item in call.overlaps)
    return replace(call, overlaps=overlaps, element_bytes=element_bytes)


def distinct_constant_bytes(calls: Iterable[KernelCall]) -> int:
    """Flash taken by the constants of several calls: equal arrays are kept once."""
    alignments: dict[tuple[str, bytes], int] = {}
    total = 0
    for item in (constant for call in calls for constant in call.constants):
        alignment = max(item.alignment, item.data.dtype.itemsize)
        key = (item.data.dtype.name, item.data.tobytes())
        if key not in alignments or alignments[key] < alignment:
            alignments.setdefault(key, alignment)
            total += int(item.data.nbytes)
    return total


def field_value(struct: Struct, name: str) -> Any:
    """The value of a field of a struct."""
    return dict(struct.fields)[name]
