"""Float values as integers: inside of the model, and for the application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, INT16, UINT8
from tinyml.ir.graph import Op, Quant, Tensor

_SUM_SHIFT = {8: 20, 16: 15}  # bits by which ADD and SUB scale up before adding


def check_sum(op: Op, scales: Sequence[float], result: float, bits: int) -> None:
    """Raises ModelError where kernels of sums would stop: terms that all but cancel out.

    ``scales`` are those of the terms, ``result`` that of the sum.
    """
    if max(scales) >= result * 2 ** (_SUM_SHIFT[bits] - 1):
        raise ModelError(
            f"{op.kind} '{op.name}' adds values up to {max(scales) / result:.0f} times as "
            "large as its results, which integer kernels cannot do",
            hint="calibrate with samples on which the layer does something, or remove it.",
        )


def integer(tensor: Tensor, quant: Quant, bits: int) -> Tensor:
    """A float value as integers of a width, under its name."""
    return Tensor(tensor.name, INT8 if bits == 8 else INT16, tensor.shape, quant)


def as_io(tensor: Tensor, inner: Tensor, io: str) -> Tensor:
    """What the application sees of a value that the graph holds as ``inner``."""
    quant = inner.quant
    if quant is None or io == inner.dtype.name:
        return inner
    if io == "float32":
        return replace(tensor, quant=None)
    if inner.dtype == INT16:
        raise ModelError(
            f"'{tensor.name}' has 16-bit values, which cannot be fed or read as {io}",
            hint="take --io int8 (the model's own 16-bit integers) or --io float32.",
        )
    return Tensor(tensor.name, UINT8, tensor.shape, Quant(quant.scales, (quant.zero_point + 128,)))
