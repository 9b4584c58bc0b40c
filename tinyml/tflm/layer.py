"""One op of an outline with its tensors and options at hand, for the rules of what kernels need."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.graph import Op, Tensor
from tinyml.ops import trait_of
from tinyml.ops.traits import Channels, Weights
from tinyml.tflm.graphs import Outline

_SAME = 0  # value of the schema's Padding


@dataclass(frozen=True, slots=True)
class Window:
    """The geometry of a convolution or a pooling."""

    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    pad_h: int  # above
    pad_w: int  # to the left


@dataclass(frozen=True, slots=True)
class Layer:
    """Op ``number`` of an outline."""

    outline: Outline
    index: int

    @property
    def op(self) -> Op:
        """The op."""
        return self.outline.graph.ops[self.index]

    @property
    def output(self) -> Tensor:
        """Its first output."""
        return self.outline.graph.tensors[self.op.outputs[0]]

    @property
    def data_input(self) -> Tensor:
        """The input that holds the values to compute on."""
        trait = trait_of(self.op.kind, Weights)
        return self.input(trait.value if trait is not None else 0)

    @property
    def is_depthwise(self) -> bool:
        """Whether it has weights, and makes each channel of one channel."""
        channels = trait_of(self.op.kind, Channels)
        has_weights = trait_of(self.op.kind, Weights) is not None
        return has_weights and channels is not None and not channels.mixes

    @property
    def is_integer(self) -> bool:
        """Whether it computes in int8 or int16."""
        return self.data_input.dtype in (INT8, INT16)

    def input(self, number: int) -> Tensor:
        """An input that the operator must have; raises ModelError when it does not."""
        tensor = self.optional(number)
        if tensor is None:
            raise ModelError(
                f"'{self.op.name}' ({self.op.kind}, op {self.index}) lacks its input {number}",
                hint="the file is damaged; convert it again",
            )
        return tensor

    def optional(self, number: int) -> Tensor | None:
        """An input, or None when it is absent."""
        if number >= len(self.op.inputs) or self.op.inputs[number] < 0:
            return None
        return self.outline.graph.tensors[self.op.inputs[number]]

    def number(self, name: str, default: int) -> int:
        """An option, named as in the schema."""
        return int(self.outline.options[self.index].get(name, default))

    def window(self, kernel_h: int, kernel_w: int) -> Window:
        """The window of a convolution whose filter is that large, padded as the kernel will."""
        stride = self.number("StrideH", 1), self.number("StrideW", 1)
        dilation = self.number("DilationHFactor", 1), self.number("DilationWFactor", 1)
        is_same = self.number("Padding", _SAME) == _SAME
        pads = [
            max(0, (out - 1) * s + (k - 1) * d + 1 - size) // 2 if is_same else 0
            for out, s, d, k, size in zip(
                self.output.shape[1:3],
                stride,
                dilation,
                (kernel_h, kernel_w),
                self.data_input.shape[1:3],
                strict=True,
            )
        ]
        return Window(kernel_h, kernel_w, *stride, *dilation, *pads)
