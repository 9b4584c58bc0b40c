"""Depthwise convolution of int16 values for cores with DSP instructions, two channels at a time.

The kernel is firmware/kernels/dsp/depthwise_conv_2d_s16.h; how it rescales is in dsp_s16.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct
from tinyml.ops.common import clamp_struct, result
from tinyml.ops.extents import Extent, Fields, walked
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.variants import Variant
from tinyml.variants.dsp_planes import Band, Lines, cheapest, layouts, overlaps_of
from tinyml.variants.dsp_s16 import ONCE, SHIFTED, Form, choose_form, pad_rows

IntArray = NDArray[np.int64]

_BYTES, _WORD = 2, 4
_SCRATCH_BYTES = 2048  # a band takes no more, unless that were fewer than four output lines ...
_MOST_SCRATCH_BYTES = 4096  # ... and then no more than this, unless one line needs it
_SINGLE, _THREE, _NINE = range(3)  # as in depthwise_pairs_s16.h
_FOUR = {ONCE: 39, SHIFTED: 49}  # instructions per four outputs, without chunks
_THREE_CHUNK = {1: 33, 2: 36}  # by stride
_SINGLE_CHUNK = 15


@dataclass(frozen=True, slots=True)
class Taps:
    """How a filter's taps are gone through, along the lines: words of elements throughout."""

    chunk: int  # taps at a time, 1 or 3
    chunks: int  # per line of taps
    reach: int  # elements from the first that an output reads to the last, and one

    @property
    def is_three(self) -> bool:
        """Whether three taps share what they read."""
        return self.chunk == 3


def lower_pairs(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of ``tml_dsp_depthwise_conv_2d_s16``, lines along the cheaper axis."""
    if op.attrs.depth_multiplier != 1:
        return "channels have several filters"
    form = numbers.once(choose_form)
    if isinstance(form, str):
        return form
    if form.kind not in _FOUR:
        return f"{form.name}, which the kernel cannot"
    return cheapest([_call(op, graph, form, lines) for lines in layouts(op, graph)])


def _call(op: Op, graph: Graph, form: Form, lines: Lines) -> KernelCall:
    taps = _taps_of(lines)
    band = _band_of(lines, taps)
    filters = _filters(form, lines, taps, band.pitch)
    batches = graph.tensors[op.inputs[INPUT]].shape[0]
    pairs = -(-len(form.weights) // 2)
    clamping = 5 * result(op, graph).elements if form.is_clamped else 0
    work = batches * pairs * _cost(form, lines, taps, band) + clamping
    kind = _kind_of(lines, taps)
    stride = "" if kind == _SINGLE else f"_{lines.along.stride}"
    return KernelCall(
        "tml_dsp_depthwise_conv_2d_s16",
        "kernels/dsp/depthwise_conv_2d_s16.h",
        _params(op, graph, form, lines, band),
        (
            Arg("input", INPUT),
            Arg("constant", constant="filters"),
            Arg("output"),
            Arg("scratch", dtype=INT32),
        ),
        (filters,),
        scratch_bytes=band.scratch_bytes,
        overlaps=_overlaps(op, graph, lines, band),
        cost=Cost(150 + work),
        isa="dsp",
        note=f"{'columns' if lines.is_transposed else 'rows'} as lines, {form.name}",
        helpers=(
            f"tml_dsp_depthwise_s16_{('single', 'three', 'nine')[kind]}{stride}_{form.block}",
            "tml_dsp_load_pairs_s16",
        ),
    )


def _taps_of(lines: Lines) -> Taps:
    """Three at a time where that is cheaper: filled up with weights of 0."""
    along = lines.along
    threes = -(-along.kernel // 3)
    per_three = _THREE_CHUNK.get(along.stride)
    if per_three is None or along.dilation > 1:
        return Taps(1, along.kernel, along.extent)
    if threes * per_three < along.kernel * (_SINGLE_CHUNK + 3):
        return Taps(3, threes, 3 * threes)
    return Taps(1, along.kernel, along.extent)


def _kind_of(lines: Lines, taps: Taps) -> int:
    if not taps.is_three:
        return _SINGLE
    return _NINE if taps.chunks * lines.across.kernel % 3 == 0 else _THREE


def _band_of(lines: Lines, taps: Taps) -> Band:
    """Scratch lines for as many output lines as may be, evenly divided."""
    along, across = lines.along, lines.across
    fours = -(-along.out_size // 4)
    pitch = max(along.pad, (4 * fours - 1) * along.stride + taps.reach)
    count = max(0, min(along.in_size, pitch - along.pad))
    line_bytes = _WORD * pitch
    four_lines = line_bytes * (across.extent + 3 * across.stride)
    allowed = max(_SCRATCH_BYTES, min(_MOST_SCRATCH_BYTES, four_lines))
    most = (allowed // line_bytes - across.extent) // across.stride + 1
    bands = -(-across.out_size // max(1, most))
    height = -(-across.out_size // bands)
    return Band(height, (height - 1) * across.stride + across.extent, line_bytes, along.pad, count)


def _overlaps(op: Op, graph: Graph, lines: Lines, band: Band) -> tuple[Overlap, ...]:
    """In place, unless the outputs of an image could reach the next image."""
    given, made = graph.tensors[op.inputs[INPUT]], result(op, graph)
    if given.shape[0] > 1 and made.elements > given.elements:
        return ()
    return overlaps_of(op, lines, band)


def _params(op: Op, graph: Graph, form: Form, lines: Lines, band: Band) -> Struct:
    given, made = graph.tensors[op.inputs[INPUT]], result(op, graph)
    along, across, taps = lines.along, lines.across, _taps_of(lines)
    chunk_words = across.kernel * taps.chunks * (taps.chunk + 1)
    return Struct(
        "tml_dsp_depthwise_conv_2d_s16_params",
        (
            ("batches", given.shape[0]),
            ("channels", given.shape[3]),
            ("in_step", _BYTES * lines.in_steps[0]),
            ("in_line_step", _BYTES * lines.in_steps[1]),
            ("in_lines", across.in_size),
            ("pad_lines", across.pad),
            ("lead", band.lead),
            ("count", band.count),
            ("pitch", band.pitch // _WORD),
            ("lines", band.rows),
            ("kept", max(0, across.extent - across.stride)),
            ("line_stride", across.stride),
            ("stride", along.stride),
            ("outs", along.out_size),
            ("out_step", _BYTES * lines.out_steps[0]),
            ("out_line_step", _BYTES * lines.out_steps[1]),
            ("out_lines", across.out_size),
            ("band", band.lines),
            ("in_bytes", given.nbytes),
            ("out_bytes", made.nbytes),
            ("taps", _kind_of(lines, taps)),
            ("chunk_words", chunk_words),
            ("group_words", 2 + chunk_words + 2 * int(form.constants.shape[1])),
            ("form", form.kind),
            ("is_relu", form.is_relu),
            ("is_clamped", form.is_clamped),
            ("clamp", clamp_struct(form.bounds)),
        ),
    )


def _filters(form: Form, lines: Lines, taps: Taps, line_bytes: int) -> Constant:
    """The stream of depthwise_block_s16.h."""
    along, across = lines.along, lines.across
    channels = len(form.weights)
    shape = (along.kernel, across.kernel) if lines.is_transposed else (across.kernel, along.kernel)
    rows = form.weights.reshape(channels, *shape)
    rows = rows.transpose(0, 2, 1) if lines.is_transposed else rows
    missing = taps.chunks * taps.chunk - along.kernel
    rows = np.pad(rows, ((0, channels % 2), (0, 0), (0, missing)))
    pairs = rows.reshape(-1, 2, across.kernel * taps.chunks, taps.chunk).transpose(0, 2, 3, 1)
    words = np.ascontiguousarray(pairs).astype(np.int16).view(np.int32)[..., 0]
    steps = np.broadcast_to(_steps(lines, taps, line_bytes)[:, None], (*words.shape[:2], 1))
    chunks = np.concatenate((words, steps.astype(np.int32)), axis=2)
    bias = pad_rows(form.bias[:, None], 2).astype(np.int32)
    constants = pad_rows(form.constants, 2).astype(np.uint32).view(np.int32)
    parts = [part.reshape(len(words), -1) for part in (bias, chunks, constants)]
    return Constant(
        "filters",
        np.concatenate(parts, axis=1).reshape(-1),
        "per two channels: biases, chunks of taps with their steps, rescaling",
    )


def _steps(lines: Lines, taps: Taps, line_bytes: int) -> IntArray:
    """Bytes in the lines from each chunk to the next; the last one's do not matter."""
    step = _WORD * (3 if taps.is_three else lines.along.dilation)
    steps = np.full((lines.across.kernel, taps.chunks), step, np.int64)
    steps[:, -1] = line_bytes * lines.across.dilation - step * (taps.chunks - 1)
    steps[-1, -1] = 0
    return steps.reshape(-1)


def _cost(form: Form, lines: Lines, taps: Taps, band: Band) -> int:
    """Instructions of a pair of channels."""
    along, across = lines.along, lines.across
    kind, chunks = _kind_of(lines, taps), across.kernel * taps.chunks
    chunk = _THREE_CHUNK[along.stride] if taps.is_three else _SINGLE_CHUNK
    four = _FOUR[form.kind] + chunks * chunk + 3 * (chunks // 3 if kind == _NINE else chunks)
    line = 60 + -(-along.out_size // 4) * four + (80 if along.out_size < 4 else 0)
    bands = -(-across.out_size // band.lines)
    moved = (bands - 1) * max(0, across.extent - across.stride) * (band.pitch // _WORD) * 5
    brought = across.in_size * (20 + 8 * (band.count // 4) + 10 * (band.count % 4))
    return 30 + across.out_size * line + moved + brought


def _extent(f: Fields) -> Extent:
    """Channel by channel; where input and output overlap, the whole of the input is moved first."""
    batches, channels = f["batches"], f["channels"]
    counts_in = (batches, channels, f["in_lines"], f["count"])
    steps_in = (f["in_bytes"] // batches, _BYTES, f["in_line_step"], f["in_step"])
    counts_out = (batches, channels, f["out_lines"], f["outs"])
    steps_out = (f["out_bytes"] // batches, _BYTES, f["out_line_step"], f["out_step"])
    first, last = walked(counts_in, steps_in, _BYTES)
    written = walked(counts_out, steps_out, _BYTES)
    made = _BYTES * int(np.prod(counts_out))
    return Extent(((first, max(last, f["in_bytes"])),), written, made)


EXTENTS = {"tml_dsp_depthwise_conv_2d_s16_params": _extent}

VARIANTS = (Variant("dsp/depthwise_s16", "DEPTHWISE_CONV_2D", "s16", "dsp", lower_pairs),)
