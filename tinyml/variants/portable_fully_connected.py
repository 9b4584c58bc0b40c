"""Matrix products for cores without DSP instructions: one multiplication for two outputs.

``firmware/kernels/portable/fully_connected_s8.h`` has two forms: one brings the inputs into a
stream for all outputs, the other needs no memory for that and reads them where they are.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from tinyml.ir.dtype import UINT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ops.common import result
from tinyml.ops.extents import rows
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.target.cores import Family
from tinyml.variants import Variant
from tinyml.variants.families import FAMILIES
from tinyml.variants.portable_gemm import (
    cut_down,
    note,
    pointwise,
    rescale_cost,
    rest_constant,
)
from tinyml.variants.portable_rescale import IntArray, Rescale, rescale_of

CHUNKS = (4, 8)  # inputs whose products fields of 16 bits are to hold


def streamed(family: Family, op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    """FULLY_CONNECTED of any number of rows."""
    numbers = numbers.with_bounded_sums
    rows = result(op, graph).elements // len(numbers.bias)
    if rows > 1:
        return pointwise(family, numbers, rows)
    return _cheapest(family, numbers, CHUNKS, is_direct=False)


def direct(family: Family, op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """FULLY_CONNECTED of one row, without scratch."""
    numbers = numbers.with_bounded_sums
    outputs, features = numbers.weights.shape
    if result(op, graph).elements > outputs:
        return "more than one row"
    chunks = tuple(chunk for chunk in CHUNKS if features % chunk == 0)
    if not chunks:
        return f"{features} inputs are no multiple of {CHUNKS[0]}"
    return _cheapest(family, numbers, chunks, is_direct=True)


def _cheapest(
    family: Family, numbers: WeightedSum, chunks: tuple[int, ...], *, is_direct: bool
) -> KernelCall:
    """Time counts, and flash in proportion."""
    rescale = numbers.once(rescale_of, family)
    calls = [_Quads(family, numbers, rescale, chunk).call(is_direct) for chunk in chunks]
    return min(calls, key=lambda call: call.cost.instructions * call.constant_bytes())


class _Quads:
    """The weights of a layer as fully_connected_s8.h wants them."""

    def __init__(self, family: Family, numbers: WeightedSum, rescale: Rescale, chunk: int) -> None:
        """``chunk``: inputs whose sums fields hold."""
        self.outputs, self.features = numbers.weights.shape
        self.family, self.rescale, self.chunk = family, rescale, chunk
        self.chunks, self.block = -(-self.features // chunk), 4 * family.quads
        spread = np.zeros((self.outputs, self.chunks * chunk), np.int64)
        spread[:, : self.features] = numbers.weights
        self.kept, self.rest = cut_down(spread, chunk)
        self.blocks = -(-self.outputs // self.block)

    def call(self, is_direct: bool) -> KernelCall:
        """A call of ``tml_portable_fully_connected_s8``."""
        return KernelCall(
            "tml_portable_fully_connected_s8",
            "kernels/portable/fully_connected_s8.h",
            Struct(
                "tml_portable_fully_connected_params",
                (
                    ("in_features", self.features),
                    ("out_features", self.outputs),
                    ("chunk", self.chunk),
                    ("quads", self.family.quads),
                    ("is_direct", is_direct),
                    ("has_rest", bool(self.rest.any())),
                    ("rescale", self.rescale.struct),
                ),
            ),
            (
                Arg("input", INPUT),
                *(Arg("constant", constant=item) for item in ("weights", "scales", "rest")),
                Arg("output"),
                Arg("scratch", dtype=UINT32),
            ),
            (
                self._weights(),
                self.rescale.constant(self.blocks * self.block),
                rest_constant(self.rest, lambda tap: tap),
            ),
            scratch_bytes=0 if is_direct else 4 * (self.chunk + 2) * self.chunks,
            cost=Cost(self._instructions(is_direct), code_bytes=500),
            isa=self.family.name,
            note=note(self.rescale, self.rest),
        )

    def _weights(self) -> Constant:
        filled: IntArray = np.zeros((self.blocks * self.block, self.kept.shape[1]), np.int64)
        filled[: self.outputs] = self.kept
        packed = (filled + 128).reshape(self.blocks, self.block, -1).transpose(0, 2, 1)
        return Constant(
            "weights",
            packed.reshape(-1).astype(np.uint8).view(np.uint32),
            f"plus 128; {self.block} outputs side by side, a byte each",
        )

    def _instructions(self, is_direct: bool) -> int:
        """The formula of fully_connected_s8.h, and what is around it."""
        chunk, quads, cut = self.chunk, self.family.quads, int(np.count_nonzero(self.rest))
        each = 7 + chunk * (1 + 7 * quads) + 8 * quads
        each += 5 + chunk + 3 * quads if is_direct else 0
        once = 0 if is_direct else 8 * self.features
        per_output = 12 + rescale_cost(self.family, self.rescale) + 5 * (cut > 0)
        work = self.blocks * (20 + self.chunks * each) + self.outputs * per_output
        return int(work + once + 7 * cut)


EXTENTS = {
    "tml_portable_fully_connected_params": rows("", "in_features", "out_features"),
}

VARIANTS = (
    *(
        Variant(
            f"{family.name}/fully_connected",
            "FULLY_CONNECTED",
            "s8",
            family.name,
            partial(streamed, family),
        )
        for family in FAMILIES
    ),
    *(
        Variant(
            f"{family.name}/fully_connected_direct",
            "FULLY_CONNECTED",
            "s8",
            family.name,
            partial(direct, family),
        )
        for family in FAMILIES
        if family.has_signed_loads
    ),
)
