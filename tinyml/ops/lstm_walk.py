"""Where the steps of an LSTM layer lie, whatever its types."""

from __future__ import annotations

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Value
from tinyml.ops.extents import Extent, Fields, walked
from tinyml.ops.lstm_constraints import CELL, HIDDEN

STATES = (Arg("state", HIDDEN), Arg("state", CELL))


def walk_fields(op: Op, graph: Graph) -> tuple[tuple[str, Value], ...]:
    """The params that say where the steps lie."""
    given, units = graph.tensors[op.inputs[0]].shape, graph.tensors[op.inputs[HIDDEN]].shape[-1]
    outer, inner, features = given
    batches, steps = (inner, outer) if op.attrs.time_major else (outer, inner)

    def strides(size: int) -> tuple[int, ...]:
        return (size, batches * size) if op.attrs.time_major else (steps * size, size)

    return (
        ("batches", batches),
        ("steps", steps),
        ("in_features", features),
        ("units", units),
        ("input_stride", strides(features)),
        ("output_stride", (units, 0) if op.attrs.is_last_only else strides(units)),
    )


def extent(f: Fields) -> Extent:
    """What a layer reads and writes; its states are the output, and the cell in 16 bits."""
    counts, units = (f["batches"], f["steps"]), f["units"]
    written = walked(counts, f["output_stride"], units)
    steps = f["steps"] if f["output_stride"][1] else 1  # else each step overwrites the one before
    held = f["batches"] * units
    read = walked(counts, f["input_stride"], f["in_features"])
    return Extent((read,), written, held * steps, (held, 2 * held))


def wide_extent(f: Fields) -> Extent:
    """The same in elements of 16 bits."""
    found = extent(f)
    held = f["batches"] * f["units"]
    return Extent(found.read, found.written, found.written_bytes, (held, held))
