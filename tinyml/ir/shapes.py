"""Padding and output-size arithmetic of windowed operators, one image axis at a time.

Output element ``o`` of an axis reads the inputs ``o * stride - pad + k * dilation`` for the taps
``k`` in ``range(kernel)``; inputs outside ``range(in_size)`` are padding.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.base.errors import ModelError


@dataclass(frozen=True, slots=True)
class Window:
    """A filter or pooling window sliding along one axis."""

    in_size: int
    kernel: int  # taps
    stride: int
    dilation: int  # inputs between taps; 1 = dense
    pad: int  # padding before the first input; what follows the last is implied
    out_size: int

    @property
    def extent(self) -> int:
        """Inputs from the first tap to the last, both included."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def pad_after(self) -> int:
        """Padding that the last output reads behind the last input."""
        last = (self.out_size - 1) * self.stride - self.pad + self.extent
        return max(0, last - self.in_size)

    def origin(self, out: int) -> int:
        """The input below the first tap of an output; negative in the padding."""
        return out * self.stride - self.pad

    def taps(self, out: int) -> tuple[int, int]:
        """The half-open range of taps of an output that lie inside the input."""
        origin = self.origin(out)
        start = max(0, -(origin // self.dilation))
        end = min(self.kernel, (self.in_size - 1 - origin) // self.dilation + 1)
        return start, max(start, end)

    def first_needed(self, out: int) -> int:
        """The lowest input that output ``out`` or any later one may read."""
        return min(max(0, self.origin(out)), self.in_size)

    def used_taps(self) -> int:
        """Taps inside the input, summed over all outputs."""
        return sum(end - start for start, end in map(self.taps, range(self.out_size)))

    def whole_outputs(self) -> int:
        """Outputs whose taps all lie inside the input."""
        return sum(self.taps(out) == (0, self.kernel) for out in range(self.out_size))


# Six parameters: the numbers of one axis.
def padded_window(
    in_size: int, kernel: int, stride: int, dilation: int, before: int, after: int
) -> Window:
    """The window of an axis with ``before`` and ``after`` elements of padding around it."""
    extent = (kernel - 1) * dilation + 1
    out_size = (in_size + before + after - extent) // stride + 1
    return Window(in_size, kernel, stride, dilation, before, out_size)


def window(padding: str, in_size: int, kernel: int, stride: int, dilation: int = 1) -> Window:
    """The window that TFLite's padding rule gives for one axis.

    Raises ModelError when stride, dilation or kernel are not positive, or no output is left.
    Source: TensorFlow Lite, kernels/padding.h (SAME puts the odd pixel of padding at the end).
    """
    if min(in_size, kernel, stride, dilation) < 1:
        raise ModelError(
            f"a window of {kernel} taps, stride {stride}, dilation {dilation} over {in_size} "
            "inputs is impossible: each must be at least 1"
        )
    extent = (kernel - 1) * dilation + 1
    if padding == "SAME":
        out_size = (in_size + stride - 1) // stride
    else:
        out_size = (in_size + stride - extent) // stride
    if out_size < 1:
        raise ModelError(f"a window that spans {extent} inputs does not fit into {in_size}")
    total = max(0, (out_size - 1) * stride + extent - in_size)
    return Window(in_size, kernel, stride, dilation, total // 2, out_size)
