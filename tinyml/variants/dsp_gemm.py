"""Matrix times vector for cores with DSP instructions, and what it shares with convolution.

Each lowering proves its kernel exact for the layer (``choose_form``) or says why it is not, packs
the weights and states the cost in instructions on a Cortex-M4, counted from the kernel's code.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, Value
from tinyml.ops.common import clamp_struct, result
from tinyml.ops.extents import rows
from tinyml.ops.weighted import INPUT, WEIGHTS, WeightedSum
from tinyml.ops.windows import blocks_overlap, filter_windows
from tinyml.variants import Variant
from tinyml.variants.dsp_streams import (
    DIRECT,
    LINEAR,
    ROUNDING,
    SUMS,
    UNIFORM_WORDS,
    WIDE_ROUNDING,
    WIDE_SUMS,
    Form,
    choose_uniform_form,
    group_words,
    quad_stream,
    stream_order,
    unrolled,
)
from tinyml.variants.needs import Needs

# Instructions per group of filters besides its steps, by form: gemm_block.h, row_block.h.
_PAIR = {DIRECT: 32, LINEAR: 35, ROUNDING: 51, SUMS: 23, WIDE_ROUNDING: 48, WIDE_SUMS: 20}
_QUAD = {LINEAR: 26, ROUNDING: 44, SUMS: 21, WIDE_ROUNDING: 42, WIDE_SUMS: 17}
_UNIFORM = 30  # linear, with the same constants for all filters
_RESCALE = 40  # per output of the forms that leave sums
_TAIL = {  # as _PAIR, for one pixel and for two: gemm_tail.h
    DIRECT: {1: 18, 2: 25},
    LINEAR: {1: 19, 2: 27},
    ROUNDING: {1: 26, 2: 40},
}
_TAIL_STEP = {1: 9, 2: 13}
_TAIL_SHARE = 0.05  # of a layer's instructions, for which 300 bytes of code are worth it


def single_pixel(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """A convolution whose filter covers the whole input: one output pixel per image."""
    return why_not_single(op, graph) or _one_row(layer, result(op, graph).elements)


def why_not_single(op: Op, graph: Graph) -> str | None:
    """Why a convolution is none whose filters cover the whole input."""
    for axis in filter_windows(op, graph):
        if axis.kernel != axis.in_size or axis.out_size != 1 or axis.dilation != 1:
            return "the filter does not cover the input"
    return why_not_dense(op, graph)


def fully_connected_row(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """FULLY_CONNECTED, one row of inputs at a time."""
    return _one_row(layer, result(op, graph).elements)


def why_not_dense(op: Op, graph: Graph) -> str | None:
    """Why a convolution is none in which every filter sees all channels."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    return "the convolution is grouped" if weights.shape[3] != given.shape[3] else None


def _one_row(layer: WeightedSum, outputs: int) -> KernelCall:
    filters, features = layer.weights.shape
    rows = outputs // filters
    form = layer.once(choose_uniform_form)
    order = stream_order(1, features, 8)
    taps = len(order)
    loops, entry = unrolled(taps // 8, 4, 84 if form.is_wide else 108)
    gemm = _gemm_struct(form, layer, (taps // 2, entry), group_words(form, taps, 4), taps // 2)
    steps = (21 if form.is_wide else 27) * (taps // 8) + 3 * loops
    rescale = _RESCALE * filters if form.leaves_sums else 0
    quad = _UNIFORM if form.is_uniform and form.kind == LINEAR else _QUAD[form.kind]
    per_row = 75 + 6 * (features // 4) - (-filters // 4) * (steps + quad) + rescale
    sums_bytes = 4 * (-(-filters // 4) * 4) if form.leaves_sums else 0
    return matrix_call(
        MatrixKernel("fully_connected", "row"),
        (
            ("rows", rows),
            ("in_features", features),
            ("uniform_words", UNIFORM_WORDS if form.is_uniform else 0),
            ("gemm", gemm),
        ),
        quad_stream(form, order),
        form,
        Needs(
            2 * taps + sums_bytes,
            blocks_overlap(rows, 1, features, filters),
            40 + rows * per_row,
        ),
    )


@dataclass(frozen=True, slots=True)
class MatrixKernel:
    """A kernel around a block of assembly that multiplies matrices."""

    name: str  # of tml_dsp_<name>_s8
    block: str = "gemm"  # first word in the names of its blocks
    is_shared: bool = True  # by all layers; otherwise a body of its own

    @property
    def function(self) -> str:
        """The name in C."""
        return f"tml_dsp_{self.name}{'' if self.is_shared else '_own'}_s8"


def matrix_call(
    kernel: MatrixKernel,
    fields: tuple[tuple[str, Value], ...],
    weights: Constant,
    form: Form,
    needs: Needs,
) -> KernelCall:
    """The call of a kernel: input, weights, output, scratch."""
    helpers = (f"tml_dsp_{kernel.block}_{form.block}",)
    return KernelCall(
        kernel.function,
        f"kernels/dsp/{kernel.name}_s8.h",
        Struct(f"tml_dsp_{kernel.name}_params", fields),
        (
            Arg("input", 0),
            Arg("constant", constant=weights.name),
            Arg("output", 0),
            Arg("scratch", dtype=INT32),
        ),
        (weights,),
        scratch_bytes=needs.scratch_bytes,
        overlaps=(needs.overlap,),
        cost=Cost(needs.instructions),
        isa="dsp",
        note=form.name,
        pixels_at_once=2,
        helpers=(*helpers, "tml_dsp_rescale_sums") if form.leaves_sums else helpers,
    )


def gemm_params(form: Form, layer: WeightedSum, taps: int) -> Struct:
    """The ``tml_dsp_gemm_params`` of gemm_block.h for a number of taps filled up to 4."""
    loop = unrolled_steps(form, taps)
    return _gemm_struct(form, layer, loop, group_words(form, taps, 2), taps * 3 // 2)


def unrolled_steps(form: Form, taps: int) -> tuple[int, int]:
    """Passes over the block's steps of 4 taps, and the bytes of them that the first pass skips."""
    return unrolled(taps // 4, 8, 64 if form.is_wide else 68)


def _gemm_struct(
    form: Form, layer: WeightedSum, loop: tuple[int, int], words: int, widened_words: int
) -> Struct:
    """``loop``: its passes, and the bytes of it that the first pass skips."""
    loops, entry = loop
    return Struct(
        "tml_dsp_gemm_params",
        (
            ("form", form.kind),
            ("shift", form.shift),
            ("out_channels", len(form.weights)),
            ("loops", loops),
            ("entry", entry),
            ("group_words", words),
            ("sums", widened_words if form.leaves_sums else 0),
            ("output_offset", layer.output_zero_point),
            ("clamp", clamp_struct(layer.bounds)),
        ),
    )


def gemm_scratch(form: Form, taps: int) -> int:
    """Bytes for the widened inputs of three pixels, and for their sums where they are left."""
    filters = len(form.weights) + len(form.weights) % 2
    return 6 * taps + (12 * filters if form.leaves_sums else 0)


def gemm_cost(form: Form, taps: int) -> int:
    """Instructions of all filters over three pixels: gemm_run.h."""
    filters = len(form.weights)
    loops, _ = unrolled(taps // 4, 8, 0)
    pair = _PAIR[form.kind] + (16 if form.is_wide else 17) * (taps // 4) + 2 * loops
    rescale = (20 + 3 * _RESCALE) * filters if form.leaves_sums else 0
    return 35 + -(-filters // 2) * pair + rescale + (30 if filters % 2 else 0)


@dataclass(frozen=True, slots=True)
class Tail:
    """The block for the pixels that three at a time leave over: gemm_tail.h."""

    pixels: int = 0  # 1 or 2; 0 without
    loops: int = 0  # passes over its unrolled steps
    entry: int = 0  # bytes of them that the first pass skips
    saved: int = 0  # instructions each time

    def helpers(self, form: Form) -> tuple[str, ...]:
        """The name of the block."""
        return (f"tml_dsp_tail_{self.pixels}_{form.block}",) if self.pixels else ()


def choose_tail(form: Form, taps: int, pixels: int) -> Tail:
    """A block of its own for what ``pixels`` leave over, where it takes much of the time off."""
    left = pixels % 3
    if not left or form.kind not in _TAIL:
        return Tail()
    steps = taps // 4
    loops, entry = unrolled(steps, 4, 4 * _TAIL_STEP[left])
    pair = _TAIL[form.kind][left] + _TAIL_STEP[left] * steps + 2 * loops
    whole = _PAIR[form.kind] + 17 * steps + loops
    saved = -(-len(form.weights) // 2) * (whole - pair)
    if saved < _TAIL_SHARE * -(-pixels // 3) * gemm_cost(form, taps):
        return Tail()
    return Tail(left, loops, entry, saved)


EXTENTS = {
    "tml_dsp_fully_connected_params": rows("rows", "in_features", "gemm.out_channels"),
    "tml_dsp_pointwise_params": rows("pixels", "in_channels", "gemm.out_channels"),
}

VARIANTS = (
    Variant("dsp/single_pixel", "CONV_2D", "s8", "dsp", single_pixel),
    Variant("dsp/row", "FULLY_CONNECTED", "s8", "dsp", fully_connected_row),
)
