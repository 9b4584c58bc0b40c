"""What slices and transpositions share: a nested walk through the input, and the kernel for it.

Both write their output from front to back and only differ in which elements they read. Dimensions
that lie next to one another in memory are merged, so that the kernel moves runs as long as can be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import ALL, BOOL, FLOAT32, INT8, INT16, INT32, INT64, UINT32
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct, row_overlap
from tinyml.ops.extents import Extent, Fields, walked
from tinyml.ops.operands import input_argument, move_instructions

MAX_LOOPS = 5  # that the kernel has
MOVED = frozenset((FLOAT32, INT8, INT16, INT32))  # types that TFLM's kernels for moves take
MOVED_TOO = MOVED | {BOOL}  # those of slices
ANY_MOVED = frozenset(ALL) - {UINT32}  # those of kernels that look at no value
WHOLE = frozenset((INT32, INT64))  # of operands that say what to move
_MAX_OVERLAP_ROWS = 4096  # beyond, a proof of overlap is not worth its size
_LOOP_INSTRUCTIONS = 4  # around each run


@dataclass(frozen=True, slots=True)
class Walk:
    """Which elements of the input make the output, outermost dimension of the output first."""

    start: int  # first element
    counts: tuple[int, ...]
    steps: tuple[int, ...]  # elements of the input from one index of a dimension to the next


def strides_of(shape: Sequence[int]) -> tuple[int, ...]:
    """Elements from one index of each dimension to the next."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def whole_numbers(tensor: Tensor | None, what: str) -> tuple[int, ...]:
    """The values of a constant operand of integers; raises ModelError when it is none."""
    if tensor is None or tensor.data is None:
        raise ModelError(f"{what} computed at run time")
    if tensor.dtype not in (INT32, INT64) or len(tensor.shape) > 1:
        raise ModelError(f"{what} of type {tensor.dtype}{list(tensor.shape)}")
    return tuple(tensor.data.reshape(-1).tolist())


def axis_in(axis: int, rank: int) -> int:
    """An axis counted from the front; raises ModelError when there is none."""
    if not -rank <= axis < rank:
        raise ModelError(f"there is no axis {axis} in {rank} dimensions")
    return axis % rank


def loops_of(walk: Walk) -> int:
    """Loops that the kernel needs for a walk; it has ``MAX_LOOPS``."""
    return len(_merged(walk, 1)[0])


def lower_walk(op: Op, graph: Graph, walk: Walk, source: int = 0) -> KernelCall | None:
    """A call of ``tml_slice_s8``, which moves bytes whatever they are; None when none is moved.

    ``source`` is the operand whose elements are moved.
    """
    given = graph.tensors[op.inputs[source]]
    unit = given.dtype.nbytes(1)
    loops, run = _merged(walk, unit)
    argument, constants = input_argument(op, graph, source)
    is_read = argument.kind == "input"
    if is_read and not loops and run == given.nbytes:
        return None
    return _walk_call((loops, run, walk.start * unit), argument, constants, source)


def constant_call(values: Array) -> KernelCall:
    """A call that writes values which are known: for an output of the model."""
    array = Constant("value", np.ravel(values), "the value, row by row")
    return _walk_call(((), values.nbytes, 0), Arg("constant", constant="value"), (array,), 0)


def _walk_call(
    way: tuple[tuple[tuple[int, int], ...], int, int],
    argument: Arg,
    constants: tuple[Constant, ...],
    source: int,
) -> KernelCall:
    """The call for loops around a run of bytes that begin at some byte."""
    loops, run, start = way
    spare = MAX_LOOPS - len(loops)
    runs = math.prod(count for count, _ in loops)
    is_aligned = all(n % 4 == 0 for n in (run, start, *(step for _, step in loops)))
    each = move_instructions((run,), is_aligned=is_aligned) + _LOOP_INSTRUCTIONS
    fields = (
        ("count", (1,) * spare + tuple(count for count, _ in loops)),
        ("step", (0,) * spare + tuple(step for _, step in loops)),
        ("start", start),
        ("run", run),
    )
    return KernelCall(
        function="tml_slice_s8",
        header="kernels/slice/s8.h",
        params=Struct("tml_slice_params", fields),
        arguments=(
            Arg(argument.kind, argument.index, argument.constant, dtype=INT8),
            Arg("output", dtype=INT8),
        ),
        constants=constants,
        overlaps=_overlap(source, way) if argument.kind == "input" else (),
        cost=Cost(10 + runs * each),
        note=f"{runs} x {run} bytes",
    )


def _merged(walk: Walk, unit: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """Loops as (count, step in bytes), outermost first, around a run of bytes."""
    loops: list[tuple[int, int]] = []
    run = unit
    for count, step in reversed(tuple(zip(walk.counts, walk.steps, strict=True))):
        nbytes = step * unit
        if count == 1:
            continue
        if not loops and nbytes == run:
            run *= count
        elif loops and nbytes == loops[-1][0] * loops[-1][1]:
            loops[-1] = (loops[-1][0] * count, loops[-1][1])
        else:
            loops.append((count, nbytes))
    return tuple(reversed(loops)), run


def _overlap(source: int, way: tuple[tuple[tuple[int, int], ...], int, int]) -> tuple[Overlap, ...]:
    """How far the output may run into the input, when the walk goes forward only."""
    loops, run, start = way
    if not loops:
        reason = "everything is moved at once, by memmove"
        return (Overlap(source, -(start + run), reason=reason),)
    if math.prod(count for count, _ in loops) > _MAX_OVERLAP_ROWS:
        return ()
    first: NDArray[np.int64] = np.array([start])
    for count, step in loops:
        first = (first[:, None] + np.arange(count) * step).reshape(-1)
    if (np.diff(first) < run).any():
        return ()
    written = np.arange(1, len(first) + 1) * run
    kept = np.append(first[1:], first[-1] + run)
    return (row_overlap(source, tuple(zip(written.tolist(), kept.tolist(), strict=True))),)


def _extent(f: Fields) -> Extent:
    made = math.prod(f["count"]) * f["run"]
    return Extent((walked(f["count"], f["step"], f["run"], f["start"]),), (0, made), made)


EXTENTS = {"tml_slice_params": _extent}
