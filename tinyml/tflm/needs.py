"""What each kernel of TFLM asks the allocator for, as functions of the layer's shapes.

A rule returns the buffers that the kernel keeps for good (beside its own struct) and the scratch
that it needs while it runs, in the order in which it asks. Kernels without a rule ask for nothing.
Source: the kernels of tflite-micro and their common parts; CMSIS-NN's documentation of
``arm_…_get_buffer_size`` is in ``tinyml.tflm.cmsis``, ESP-NN's in ``tinyml.tflm.esp``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.graph import Op, Tensor
from tinyml.tflm import cmsis, esp
from tinyml.tflm.graphs import Outline
from tinyml.tflm.layer import Layer
from tinyml.tflm.table import Kernels

_INT = 4  # bytes
_SOFTMAX_TABLE_BYTES = 2 * 513  # int16 values of exp and of 1 / (1 + x)


@dataclass(frozen=True, slots=True)
class Needs:
    """Requests of one kernel, in bytes, in their order."""

    kept: tuple[int, ...] = ()  # buffers for good
    scratch: tuple[int, ...] = ()  # only while the kernel runs


def needs_of(outline: Outline, number: int, kernels: Kernels) -> Needs:
    """What op ``number`` asks for when it is prepared."""
    asks = outline.facts(number).asks
    return _RULES[asks](Layer(outline, number), kernels) if asks else Needs()


def _convolution(layer: Layer, kernels: Kernels) -> Needs:
    if kernels.name == "cmsis_nn" and not layer.is_integer:
        return Needs()
    is_depthwise, scratch = layer.is_depthwise, 0
    channels = layer.input(1).shape[3 if is_depthwise else 0]
    kept = (channels * _INT, channels * _INT)  # multiplier and shift of each channel
    if kernels.name == "cmsis_nn":
        size = cmsis.depthwise if is_depthwise else cmsis.convolution
        scratch = size(layer, kernels.isa)
    elif _is_esp_vector(layer, kernels):
        scratch = esp.depthwise(layer) if is_depthwise else esp.convolution(layer)
    return Needs(kept, (scratch,) if scratch else ())


def _is_esp_vector(layer: Layer, kernels: Kernels) -> bool:
    return kernels.name == "esp_nn" and kernels.isa == "pie" and layer.data_input.dtype == INT8


def _transpose_convolution(layer: Layer, kernels: Kernels) -> Needs:
    weights, dtype = layer.input(1), layer.data_input.dtype
    kept = (weights.shape[0] * _INT, weights.shape[0] * _INT)
    scratch: list[int] = []
    if dtype == INT8 and kernels.name == "cmsis_nn":
        scratch += cmsis.transpose_convolution(layer, kernels.isa)
    elif dtype == INT8:
        scratch.append(layer.output.elements * 4)
    elif dtype == INT16:
        scratch.append(layer.output.elements * 8)
        bias = layer.optional(3)
        if bias is not None and bias.dtype == INT16:
            scratch.append(bias.elements * 8)
    return Needs(kept, tuple(scratch))


def _fully_connected(layer: Layer, kernels: Kernels) -> Needs:
    weights = layer.input(1)
    if not layer.is_integer:
        return Needs()
    is_per_channel = weights.quant is not None and weights.quant.is_per_channel
    kept: tuple[int, ...] = ()
    if is_per_channel and weights.quant is not None:
        kept = (len(weights.quant.scales) * _INT,) * 2
    if kernels.name != "cmsis_nn" or layer.data_input.dtype != INT8:
        return Needs(kept)
    if len(layer.output.shape) > 2 and weights.shape[-1] % 4 == 0:  # runs as a convolution
        return Needs(kept, () if is_per_channel else (layer.output.shape[-1] * 2 * _INT,))
    sums = cmsis.kernel_sums(layer.output.shape[-1], kernels.isa)
    if not sums:
        return Needs(kept)
    bias = layer.optional(2)
    is_constant = weights.is_constant and (bias is None or bias.is_constant)
    return Needs((*kept, sums)) if is_constant else Needs(kept, (sums,))


def _average_pool(layer: Layer, kernels: Kernels) -> Needs:
    if kernels.name != "cmsis_nn" or not layer.is_integer:
        return Needs()
    scratch = cmsis.average_pool(layer, kernels.isa)
    return Needs((), (scratch,) if scratch else ())


def _reduce(layer: Layer, kernels: Kernels) -> Needs:
    iterators = (len(layer.data_input.shape) * _INT, layer.input(1).elements * _INT)
    return Needs((), iterators)


def _sum(layer: Layer, kernels: Kernels) -> Needs:
    sums = (layer.output.elements * _INT,) if layer.is_integer else ()
    return Needs((), (*sums, *_reduce(layer, kernels).scratch))


def _softmax(layer: Layer, kernels: Kernels) -> Needs:
    is_int16 = layer.data_input.dtype == INT16
    kept = (_SOFTMAX_TABLE_BYTES,) * 2 if is_int16 else ()
    is_esp = kernels.name == "esp_nn" and layer.data_input.dtype == layer.output.dtype == INT8
    return Needs(kept, (esp.softmax(layer),) if is_esp else ())


def _svdf(layer: Layer, kernels: Kernels) -> Needs:
    batches, filters = layer.data_input.shape[0], layer.input(1).shape[0]
    if not layer.is_integer:
        return Needs((), (batches * filters * _INT,))
    units = filters // layer.number("Rank", 1)
    scratch = (batches * filters * _INT, batches * units * _INT)
    sums = cmsis.kernel_sums(filters, kernels.isa) if kernels.name == "cmsis_nn" else 0
    return Needs((sums,) if sums else (), scratch)


def _lstm(layer: Layer, kernels: Kernels) -> Needs:
    hidden, cell = layer.input(18), layer.input(19)
    buffer = prod(hidden.shape) * cell.dtype.nbytes(1)
    if kernels.name != "cmsis_nn" or not layer.is_integer:
        return Needs((), (buffer,) * 4)
    sums = hidden.shape[-1] * (8 if layer.data_input.dtype == INT16 else _INT)
    return Needs((sums,) * 8, (buffer,) * 3)


def _batch_matmul(layer: Layer, kernels: Kernels) -> Needs:
    kept = [28] if layer.is_integer else []
    transposed = [layer.input(0)] if layer.number("AdjX", 0) else []
    transposed += [] if layer.number("AdjY", 0) else [layer.input(1)]
    for tensor in transposed:
        kept += [12, _dims(tensor), tensor.nbytes]
    kept.append(_dims(layer.output))
    scratch = 0
    if kernels.name == "cmsis_nn" and layer.data_input.dtype == INT8:
        scratch = cmsis.kernel_sums(layer.output.shape[-1], kernels.isa)
    return Needs(tuple(kept), (scratch,) if scratch else ())


def _add_n(layer: Layer, kernels: Kernels) -> Needs:
    return Needs((40,) if layer.is_integer else (), (len(layer.op.inputs) * _INT,))


def _mirror_pad(layer: Layer, kernels: Kernels) -> Needs:
    return Needs((), (len(layer.data_input.shape) * _INT,) * 2)


def _own_shape(layer: Layer, kernels: Kernels) -> Needs:
    """Kernels that write the shape of their output, for which they need a copy in RAM."""
    return Needs((_dims(layer.output),))


def _embedding(layer: Layer, kernels: Kernels) -> Needs:
    return Needs((8, _dims(layer.output)))


def _if_integer(nbytes: int) -> Callable[[Layer, Kernels], Needs]:
    def rule(layer: Layer, kernels: Kernels) -> Needs:
        return Needs((nbytes,) if layer.output.dtype == INT8 else ())

    return rule


def _dims(tensor: Tensor) -> int:
    return _INT + len(tensor.shape) * _INT


def operands(op: Op) -> tuple[int, ...]:
    """The tensors that an op names, absent ones left out."""
    return tuple(i for i in (*op.inputs, *op.outputs) if i >= 0)


_RULES: dict[str, Callable[[Layer, Kernels], Needs]] = {  # by their names in ops.toml
    "add_n": _add_n,
    "average_pool": _average_pool,
    "batch_matmul": _batch_matmul,
    "convolution": _convolution,
    "embedding": _embedding,
    "fully_connected": _fully_connected,
    "keeps_28_bytes": _if_integer(28),
    "keeps_36_bytes": _if_integer(36),
    "lstm": _lstm,
    "mirror_pad": _mirror_pad,
    "own_shape": _own_shape,
    "reduce": _reduce,
    "softmax": _softmax,
    "sum": _sum,
    "svdf": _svdf,
    "transpose_convolution": _transpose_convolution,
}
