"""BATCH_MATMUL for cores with DSP instructions: a right matrix as the weights of a layer."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct
from tinyml.ir.requant import Rescaling, Rounding, solve_rounding
from tinyml.ops import batch_matmul
from tinyml.ops.batch_matmul import Sizes, factor, sizes_of
from tinyml.ops.common import clamp_struct, quant_of, result
from tinyml.variants import Variant
from tinyml.variants.dsp_streams import UNIFORM_WORDS, WIDE_ROUNDING, unrolled

_GROUP = 4  # columns at a time
_WIDEST = 255  # magnitude of a value less its zero point


def lower(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_batch_matmul_s8``."""
    plain = batch_matmul.lower(op, graph)
    sizes = sizes_of(op, graph)
    if op.attrs.adj_x and sizes.depth > 1:
        return "the left matrices lie transposed"
    rescaling = _rescaling(op, graph, sizes.depth)
    rounding = solve_rounding(rescaling)
    if isinstance(rounding, str):
        return rounding
    taps = -(-sizes.depth // 8) * 8
    groups = -(-sizes.columns // _GROUP)
    stream = UNIFORM_WORDS + groups * _GROUP * (1 + taps // 2)
    return replace(
        plain,
        function="tml_dsp_batch_matmul_s8",
        header="kernels/dsp/batch_matmul_s8.h",
        params=Struct(
            "tml_dsp_batch_matmul_params",
            (
                ("matmul", plain.params),
                ("product", _product(sizes, taps, rescaling)),
                ("constants", _constants(rounding)),
            ),
        ),
        arguments=(*plain.arguments, Arg("scratch", dtype=INT32)),
        scratch_bytes=2 * taps + 4 * stream,
        cost=Cost(_instructions(sizes, taps, groups), code_bytes=600),
        isa="dsp",
        helpers=("tml_dsp_row_uniform_wide_rounding",),
    )


def _rescaling(op: Op, graph: Graph, depth: int) -> Rescaling:
    """What all outputs do with their sums, which may be any that the depth allows."""
    multiplier, shift = factor(op, graph)
    made = result(op, graph)
    reach = np.array([depth * _WIDEST * _WIDEST], np.int64)
    return Rescaling(
        np.array([multiplier], np.int64),
        np.array([shift], np.int64),
        quant_of(made).zero_point,
        made.dtype.limits,
        -reach,
        reach,
    )


def _constants(rounding: Rounding) -> tuple[int, ...]:
    return tuple(int(item[0]) for item in (rounding.multiplier, rounding.offset, rounding.shift))


def _product(sizes: Sizes, taps: int, rescaling: Rescaling) -> Struct:
    """A ``tml_dsp_fully_connected_params`` whose weights are a stream in scratch."""
    gemm = (
        ("form", WIDE_ROUNDING),
        ("shift", 0),
        ("out_channels", sizes.columns),
        ("loops", taps // 2),
        ("entry", unrolled(taps // 8, 4, 84)[1]),
        ("group_words", _GROUP * (1 + taps // 2)),
        ("sums", 0),
        ("output_offset", rescaling.zero_point),
        ("clamp", clamp_struct(rescaling.bounds)),
    )
    return Struct(
        "tml_dsp_fully_connected_params",
        (
            ("rows", sizes.rows),
            ("in_features", sizes.depth),
            ("uniform_words", UNIFORM_WORDS),
            ("gemm", Struct("tml_dsp_gemm_params", gemm)),
        ),
    )


def _instructions(sizes: Sizes, taps: int, groups: int) -> int:
    """The formula of batch_matmul_s8.h."""
    loops = unrolled(taps // 8, 4, 84)[0]
    per_row = 75 + 6 * (sizes.depth // 4) + groups * (42 + 21 * (taps // 8) + 3 * loops)
    per_matrix = 60 + sizes.rows * per_row
    per_matrix += sizes.columns * (50 + 9 * sizes.depth) // 2
    return 30 + math.prod(sizes.batches) * per_matrix


EXTENTS = {"tml_dsp_batch_matmul_params": lambda f: batch_matmul.extent(f["matmul"])}

VARIANTS = (Variant("dsp/batch_matmul", batch_matmul.BATCH_MATMUL, "s8", "dsp", lower),)
