"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED by ESP-NN, Espressif's library for the ESP32-S3.

Its rescaling rounds as ours does (read in its source). Its vector instructions run on no emulator
that we know of, so it is used only when asked for. Costs follow Espressif's own measurements.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, Value
from tinyml.ir.shapes import Window
from tinyml.ops import conv_2d, depthwise_conv_2d, fully_connected
from tinyml.ops.common import clamp_struct, result
from tinyml.ops.extents import images, multiplied_images, rows
from tinyml.ops.weighted import INPUT, WEIGHTS, WeightedSum
from tinyml.ops.windows import filter_windows, window_struct
from tinyml.variants import Variant
from tinyml.variants.esp_nn_issues import Layer, known_fault
from tinyml.variants.esp_nn_scratch import conv_scratch_bytes, depthwise_scratch_bytes

FASTER = 4  # than the plain kernel, at least, by the table in ESP-NN's README (ESP32-S3)
LONGEST = 65535  # lengths and sizes are 16 bits wide
STACK_WORDS = 256  # arrays of so many words on the stack are as much as we let it take
ALIGNMENT = 16
NOTE = "Espressif's; 'tinyml verify' compares it on the board"


def convolution(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of ``tml_esp_nn_conv_2d_s8``."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    if weights.shape[3] != given.shape[3]:
        return "the convolution is grouped"
    numbers = numbers.with_bounded_sums
    layer = _layer(op, graph, numbers)
    reason = _why_not(op, graph, numbers, layer) or known_fault("conv_2d", layer)
    if reason is not None:
        return reason
    fields = (*_window_fields(layer), ("out_channels", weights.shape[0]))
    scratch_bytes = conv_scratch_bytes(layer, weights.shape[0])
    return _call("conv_2d", fields, numbers, conv_2d.lower(op, graph, numbers), scratch_bytes)


def depthwise(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of ``tml_esp_nn_depthwise_conv_2d_s8``."""
    given, multiplier = graph.tensors[op.inputs[INPUT]], op.attrs.depth_multiplier
    numbers = numbers.with_bounded_sums
    layer = _layer(op, graph, numbers, multiplier)
    if multiplier % 4 and (multiplier > 1 or given.shape[3] <= 3):
        return f"{given.shape[3]} channels with {multiplier} filters each: no vector kernel"
    if given.shape[3] % 16 and 3 * len(numbers.bias) > STACK_WORDS:
        return f"{len(numbers.bias)} channels, for which it takes three words of stack each"
    reason = _why_not(op, graph, numbers, layer) or known_fault("depthwise_conv_2d", layer)
    if reason is not None:
        return reason
    fields = (*_window_fields(layer), ("depth_multiplier", multiplier))
    weights = graph.tensors[op.inputs[WEIGHTS]].data
    assert weights is not None
    own = Constant("weights", weights.reshape(-1), "row, column, channel")  # the plain one repacks
    plain = replace(depthwise_conv_2d.lower(op, graph, numbers), constants=(own,))
    return _call("depthwise_conv_2d", fields, numbers, plain, depthwise_scratch_bytes(layer))


def matrix_product(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of ``tml_esp_nn_fully_connected_s8``."""
    numbers = numbers.with_bounded_sums
    outputs, length = numbers.weights.shape
    rows = result(op, graph).elements // outputs
    if not ALIGNMENT <= length <= LONGEST:
        return f"rows of {length} inputs; it takes {ALIGNMENT} to {LONGEST}"
    if outputs > STACK_WORDS:
        return f"{outputs} outputs, for which it takes a word of stack each"
    layer = Layer(_axis(rows), _axis(1), length, zero_point=numbers.input_zero_point)
    reason = _why_not_rescaled(numbers) or known_fault("fully_connected", layer)
    if reason is not None:
        return reason
    fields = (
        ("batches", rows),
        ("in_features", length),
        ("out_features", outputs),
        ("per_channel", not numbers.is_uniform),
    )
    return _call("fully_connected", fields, numbers, fully_connected.lower(op, graph, numbers), 0)


def _window_fields(layer: Layer) -> tuple[tuple[str, Value], ...]:
    return (
        ("height", window_struct(layer.rows)),
        ("width", window_struct(layer.columns)),
        ("in_channels", layer.in_channels),
    )


def _call(
    name: str,
    fields: tuple[tuple[str, Value], ...],
    numbers: WeightedSum,
    plain: KernelCall,
    scratch_bytes: int,
) -> KernelCall:
    """The call; its weights are the first constant of the plain one, as the model has them."""
    scratch = (Arg("scratch"),) if scratch_bytes else ()
    planned = (("scratch_bytes", scratch_bytes),) if scratch_bytes else ()
    constants = _constants(numbers, plain, has_one_scale=name == "fully_connected")
    return KernelCall(
        f"tml_esp_nn_{name}_s8",
        f"kernels/esp_nn/{name}_s8.h",
        Struct(
            f"tml_esp_nn_{name}_params",
            (
                *fields,
                ("input_offset", -numbers.input_zero_point),
                ("output_offset", numbers.output_zero_point),
                ("clamp", clamp_struct(numbers.bounds)),
                *planned,
            ),
        ),
        (
            Arg("input"),
            *(Arg("constant", constant=item.name) for item in constants),
            Arg("output"),
            *scratch,
        ),
        constants,
        scratch_bytes=scratch_bytes,
        cost=Cost(200 + plain.cost.instructions // FASTER, code_bytes=120),
        isa="esp_nn",
        note=NOTE,
    )


def _constants(
    numbers: WeightedSum, plain: KernelCall, *, has_one_scale: bool
) -> tuple[Constant, ...]:
    is_one = has_one_scale and numbers.is_uniform
    channels = slice(0, 1) if is_one else slice(None)
    scales = np.concatenate((numbers.multiplier[channels], numbers.shift[channels]))
    each = "one each" if is_one else "per channel"
    return (
        replace(plain.constants[0], alignment=ALIGNMENT),
        Constant("bias", numbers.bias.astype(np.int32), "per output channel", ALIGNMENT),
        Constant(
            "scales",
            scales.astype(np.int32),
            f"rescaling: multipliers, then shifts, {each}",
            ALIGNMENT,
        ),
    )


def _layer(op: Op, graph: Graph, numbers: WeightedSum, multiplier: int = 1) -> Layer:
    rows, columns = filter_windows(op, graph)
    channels = graph.tensors[op.inputs[INPUT]].shape[3]
    return Layer(rows, columns, channels, multiplier, numbers.input_zero_point)


def _why_not(op: Op, graph: Graph, numbers: WeightedSum, layer: Layer) -> str | None:
    given = graph.tensors[op.inputs[INPUT]]
    if given.shape[0] != 1:
        return f"{given.shape[0]} images at once"
    if (layer.rows.dilation, layer.columns.dilation) != (1, 1):
        return "the filter is dilated"
    if op.attrs.pads is not None:
        return "the padding is neither SAME nor VALID, the only ones that it was tested with"
    if max(*given.shape, *result(op, graph).shape) > LONGEST:
        return f"a dimension is above {LONGEST}"
    return _why_not_rescaled(numbers)


def _why_not_rescaled(numbers: WeightedSum) -> str | None:
    return "rescaling shifts to the left" if bool(np.any(numbers.shift > 0)) else None


def _axis(size: int) -> Window:
    return Window(in_size=size, kernel=1, stride=1, dilation=1, pad=0, out_size=size)


EXTENTS = {
    "tml_esp_nn_conv_2d_params": images("in_channels", "out_channels"),
    "tml_esp_nn_depthwise_conv_2d_params": multiplied_images,
    "tml_esp_nn_fully_connected_params": rows("batches", "in_features", "out_features"),
}

VARIANTS = (
    Variant("esp_nn/conv_2d", "CONV_2D", "s8", "esp_nn", convolution, is_streamable=False),
    Variant(
        "esp_nn/depthwise", "DEPTHWISE_CONV_2D", "s8", "esp_nn", depthwise, is_streamable=False
    ),
    Variant(
        "esp_nn/fully_connected",
        "FULLY_CONNECTED",
        "s8",
        "esp_nn",
        matrix_product,
        is_streamable=False,
    ),
)
