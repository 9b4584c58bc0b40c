"""SPACE_TO_DEPTH, DEPTH_TO_SPACE, SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND: blocks of pixels that move.

A border, or what is cut off, is an operator of its own: a PAD in front, a SLICE behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import FLOAT32, INT8, INT32
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import is_image, operand, operand_count, result
from tinyml.ops.forms import Form, Like, as_constraint, typed
from tinyml.ops.lookup import NoAttrs, no_options
from tinyml.ops.moves import Walk, lower_walk
from tinyml.ops.operands import no_macs
from tinyml.ops.spec import Expansion, OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import DealsOut, MovesOnly, Scales, WholeNumbers

SPACE_TO_DEPTH, DEPTH_TO_SPACE = "SPACE_TO_DEPTH", "DEPTH_TO_SPACE"  # keys, for those who
SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND = "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"  # build such ops

MOVED = frozenset((INT8, FLOAT32))  # types that TFLM's kernels take

Sides = tuple[tuple[int, int], tuple[int, int]]  # before and after, of rows and of columns


@dataclass(frozen=True, slots=True)
class BlockAttrs:
    """Options of SPACE_TO_DEPTH and DEPTH_TO_SPACE."""

    block: int = 0  # rows and columns of a block


def _image(shape: Sequence[int]) -> tuple[int, int, int, int]:
    """Batch, height, width, channels; a sequence is an image of one column."""
    if len(shape) == 3:
        return shape[0], shape[1], 1, shape[2]
    if len(shape) != 4:
        raise ModelError(f"shape {list(shape)}")
    return shape[0], shape[1], shape[2], shape[3]


def infer_depth(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """An image with blocks in place of pixels, or pixels in place of blocks; raises ModelError."""
    batch, height, width, channels = _image(graph.tensors[op.inputs[0]].shape)
    block = int(op.attrs.block)
    if op.kind == SPACE_TO_DEPTH:
        if block < 1 or height % block or width % block:
            raise ModelError(f"blocks of {block} in {height} x {width}")
        return ((batch, height // block, width // block, channels * block * block),)
    if block < 1 or channels % (block * block):
        raise ModelError(f"blocks of {block} in {channels} channels")
    return ((batch, height * block, width * block, channels // block // block),)


@as_constraint
def blocks_fit(op: Op, graph: Graph) -> None:
    """Blocks must divide rows and columns, or their pixels the channels."""
    infer_depth(op, graph)


def _depth_walk(op: Op, graph: Graph) -> Walk:
    """Loops over the output's batch, rows and columns, and what is behind one pixel of it."""
    batch, height, width, channels = _image(graph.tensors[op.inputs[0]].shape)
    block = int(op.attrs.block)
    if op.kind == SPACE_TO_DEPTH:
        rows, columns, line = height // block, width // block, width * channels
        wide = (batch, rows, columns, block, block * channels)
        return Walk(0, wide, (height * line, block * line, block * channels, line, 1))
    made, line = channels // block // block, width * channels
    counts = (batch * height, block, width, block * made)
    return Walk(0, counts, (line, block * made, channels, 1))


def blocks_of(op: Op, graph: Graph) -> tuple[int, int]:
    """Rows and columns of a block of batches; raises ModelError when they are not constant."""
    rank = len(graph.tensors[op.inputs[0]].shape)
    found = _numbers(operand(op, graph, 1), (rank - 2,))
    if min(found) < 1:
        raise ModelError(f"blocks of {list(found)}")
    return (found[0], found[1]) if rank == 4 else (found[0], 1)


def sides_of(op: Op, graph: Graph) -> Sides:
    """What is added to rows and columns, or cut off; raises ModelError when it is not constant."""
    rank = len(graph.tensors[op.inputs[0]].shape)
    found = _numbers(operand(op, graph, 2), (rank - 2, 2))
    if min(found) < 0:
        raise ModelError(f"borders of {list(found)}")
    return (found[0], found[1]), (found[2], found[3]) if rank == 4 else (0, 0)


def _numbers(tensor: Tensor | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    if tensor is None or tensor.data is None:
        raise ModelError("blocks or borders computed at run time")
    if tensor.shape != shape:
        raise ModelError(f"'{tensor.name}' has shape {list(tensor.shape)}")
    return tuple(int(value) for value in tensor.data.reshape(-1))


def infer_batch(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The image with more or fewer batches; raises ModelError when blocks do not divide it."""
    shape = graph.tensors[op.inputs[0]].shape
    batch, height, width, channels = _image(shape)
    block, sides = blocks_of(op, graph), sides_of(op, graph)
    area = block[0] * block[1]
    if op.kind == SPACE_TO_BATCH_ND:
        sizes = (height + sum(sides[0]), width + sum(sides[1]))
        if sizes[0] % block[0] or sizes[1] % block[1]:
            raise ModelError(f"blocks of {list(block)} in {list(sizes)}")
        made = (batch * area, sizes[0] // block[0], sizes[1] // block[1], channels)
    else:
        sizes = (height * block[0] - sum(sides[0]), width * block[1] - sum(sides[1]))
        if batch % area or min(sizes) < 1:
            raise ModelError(f"blocks of {list(block)} in {batch} batches of {height} x {width}")
        made = (batch // area, *sizes, channels)
    return (made if len(shape) == 4 else (made[0], made[1], made[3]),)


@as_constraint
def batches_fit(op: Op, graph: Graph) -> None:
    """Blocks and borders must be constant, and fit an input of 3 or 4 dimensions."""
    infer_batch(op, graph)


def _batch_walk(op: Op, graph: Graph) -> Walk:
    """Loops in the order of the output, where there are no borders."""
    batch, height, width, channels = _image(graph.tensors[op.inputs[0]].shape)
    block_h, block_w = blocks_of(op, graph)
    line = width * channels
    image = height * line
    if op.kind == SPACE_TO_BATCH_ND:
        counts = (block_h, block_w, batch, height // block_h, width // block_w, channels)
        return Walk(0, counts, (line, channels, image, block_h * line, block_w * channels, 1))
    made = batch // (block_h * block_w)
    counts = (made, height, block_h, width, block_w, channels)
    return Walk(0, counts, (image, line, block_w * made * image, channels, made * image, 1))


def _taken(values: Array, walk: Walk) -> Array:
    """The elements of a walk, one after the other."""
    places = np.array([walk.start])
    for count, step in zip(walk.counts, walk.steps, strict=True):
        places = (places[:, None] + np.arange(count) * step).reshape(-1)
    return np.asarray(values.reshape(-1)[places])


def depth_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The same elements in other places."""
    assert inputs[0] is not None
    return (_taken(inputs[0], _depth_walk(op, graph)).reshape(result(op, graph).shape),)


def batch_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The same elements in other places, and zeros around them or less of them.

    A border is of zero points, as in TensorFlow Lite; TFLM fills it with what its memory held.
    """
    values = inputs[0]
    assert values is not None
    made, sides = result(op, graph), sides_of(op, graph)
    image = _image(values.shape)
    block, area = blocks_of(op, graph), image
    values = values.reshape(image)
    if op.kind == SPACE_TO_BATCH_ND:
        zero = made.quant.zero_point if made.quant is not None else 0
        values = np.pad(values, ((0, 0), *sides, (0, 0)), constant_values=zero)
        area = _image(values.shape)
        batch, height, width, channels = area
        rows, columns = height // block[0], width // block[1]
        cut = values.reshape(batch, rows, block[0], columns, block[1], channels)
        return (cut.transpose(2, 4, 0, 1, 3, 5).reshape(made.shape),)
    batch, height, width, channels = image
    cut = values.reshape(*block, batch // block[0] // block[1], height, width, channels)
    whole = cut.transpose(2, 3, 0, 4, 1, 5)
    whole = whole.reshape(-1, height * block[0], width * block[1], channels)
    (top, bottom), (left, right) = sides
    kept = whole[:, top : whole.shape[1] - bottom, left : whole.shape[2] - right]
    return (np.ascontiguousarray(kept).reshape(made.shape),)


def lower_depth(op: Op, graph: Graph) -> KernelCall | None:
    """A call of ``tml_slice_s8``."""
    return lower_walk(op, graph, _depth_walk(op, graph))


def lower_batch(op: Op, graph: Graph) -> KernelCall | None:
    """A call of ``tml_slice_s8``."""
    return lower_walk(op, graph, _batch_walk(op, graph))


def expand_batch(op: Op, graph: Graph) -> Expansion | None:
    """A PAD in front, or a SLICE behind, where there is a border."""
    sides = sides_of(op, graph)
    if not any(any(side) for side in sides):
        return None
    given, made = graph.tensors[op.inputs[0]], result(op, graph)
    axes = len(given.shape) - 2
    first = len(graph.tensors)
    none = _constant(f"{op.name}/no_border", np.zeros((axes, 2), np.int32))
    if op.kind == SPACE_TO_BATCH_ND:
        widths = np.array([(0, 0), *sides[:axes], (0, 0)], np.int32)
        shape = tuple(n + int(w.sum()) for n, w in zip(given.shape, widths, strict=True))
        padded = replace(made, name=f"{op.name}/padded", shape=shape)
        pad = Op("PAD", padded.name, (op.inputs[0], first), (first + 1,), NoAttrs())
        rest = replace(op, inputs=(first + 1, op.inputs[1], first + 2))
        return Expansion((pad, rest), (_constant(f"{op.name}/border", widths), padded, none))
    plain = replace(op, inputs=(*op.inputs[:2], first), outputs=(first + 1,))
    block = blocks_of(op, graph)[:axes]
    sizes = tuple(n * b for n, b in zip(given.shape[1:-1], block, strict=True))
    whole = replace(made, name=f"{op.name}/whole", shape=(made.shape[0], *sizes, made.shape[-1]))
    first_kept = np.array([0, *(side[0] for side in sides[:axes]), 0], np.int32)
    begins = _constant(f"{op.name}/begin", first_kept)
    taken = _constant(f"{op.name}/size", np.array(made.shape, np.int32))
    cut = Op("SLICE", op.name, (first + 1, first + 2, first + 3), op.outputs, NoAttrs())
    return Expansion((plain, cut), (none, whole, begins, taken))


def _constant(name: str, data: Array) -> Tensor:
    data.setflags(write=False)
    return Tensor(name, INT32, data.shape, None, data)


def _depth_spec(kind: str, title: str, table: str) -> OpSpec:
    return OpSpec(
        kind=kind,
        title=title,
        traits=(MovesOnly("block"), Scales("same")),
        table=Table(table, BlockAttrs, (Field("block", "BlockSize"),)),
        inputs=("input",),
        constraints=(operand_count(1, 1), is_image, blocks_fit),
        infer=infer_depth,
        macs=no_macs,
        forms=(
            Form("bytes", typed(input=MOVED, output=Like("input")), depth_reference, lower_depth),
        ),
    )


def _batch_spec(kind: str, title: str, border: str, table: str) -> OpSpec:
    types = typed(input=MOVED, block=INT32, **{border: INT32}, output=Like("input"))
    return OpSpec(
        kind=kind,
        title=title,
        traits=(
            DealsOut(blocks_of, sides_of, kind == BATCH_TO_SPACE_ND),
            Scales("same"),
            WholeNumbers(),
        ),
        table=no_options(table),
        inputs=("input", "block", border),
        constraints=(operand_count(3, 3), batches_fit),
        infer=infer_batch,
        macs=no_macs,
        forms=(Form("bytes", types, batch_reference, lower_batch),),
        expand=expand_batch,
    )


OPS = (
    _depth_spec(SPACE_TO_DEPTH, "blocks of pixels as one pixel", "SpaceToDepthOptions"),
    _depth_spec(DEPTH_TO_SPACE, "pixels as blocks of smaller ones", "DepthToSpaceOptions"),
    _batch_spec(
        SPACE_TO_BATCH_ND,
        "every n-th pixel as an image of its own, behind a border",
        "paddings",
        "SpaceToBatchNDOptions",
    ),
    _batch_spec(
        BATCH_TO_SPACE_ND,
        "images put together pixel by pixel, less what is cut off",
        "crops",
        "BatchToSpaceNDOptions",
    ),
)
