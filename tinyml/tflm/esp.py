"""ESP-NN under TFLM on the ESP32-S3: the scratch that its kernels ask for, and its known faults.

The formulas and the table of faults are those of the compiled kernels' variant. On chips without
the vector unit the library's kernels ask for no scratch and have none of the faults.
"""

from __future__ import annotations

from math import prod

from tinyml.base.errors import PlanError
from tinyml.ir.dtype import INT8
from tinyml.ir.shapes import Window
from tinyml.ops import trait_of
from tinyml.ops.traits import Channels, Rows, Weights
from tinyml.ops.windows import filter_windows
from tinyml.tflm.graphs import Outline
from tinyml.tflm.layer import Layer
from tinyml.variants import esp_nn_issues
from tinyml.variants.esp_nn_scratch import conv_scratch_bytes, depthwise_scratch_bytes

VERSION = "1.2.3"  # what the project's manifest pins: sizes and faults change between versions
_PLAIN_BYTES = 32  # of a depthwise that runs on no vector kernel


def convolution(layer: Layer) -> int:
    """Bytes for an int8 CONV_2D."""
    return conv_scratch_bytes(_described(layer), layer.output.shape[3])


def depthwise(layer: Layer) -> int:
    """Bytes for an int8 DEPTHWISE_CONV_2D."""
    found = _described(layer)
    is_plain = found.multiplier % 4 if found.multiplier > 1 else found.in_channels <= 3
    return _PLAIN_BYTES if is_plain else depthwise_scratch_bytes(found)


def softmax(layer: Layer) -> int:
    """Bytes for an int8 SOFTMAX, on every chip."""
    shape = layer.data_input.shape
    return 4 * shape[1] if len(shape) > 1 else 4 * shape[0]


def refuse_faults(outline: Outline) -> None:
    """Raises PlanError that names every layer which ESP-NN is known to compute wrong."""
    found = []
    layers = (
        Layer(item, number) for item in outline.graphs for number in range(len(item.graph.ops))
    )
    for layer in layers:
        op, number = layer.op, layer.index
        if trait_of(op.kind, Channels) is None or trait_of(op.kind, Weights) is None:
            continue
        if layer.data_input.dtype != INT8:
            continue
        reason = esp_nn_issues.known_fault(op.kind.lower(), _described(layer), VERSION)
        if reason is not None:
            found.append(f"{op.kind} '{op.name}' (op {number}): {reason}")
    if found:
        raise PlanError(
            f"ESP-NN {VERSION}, which TFLM uses on this chip, is known to compute {len(found)} "
            "layer(s) wrong:\n  " + "\n  ".join(found),
            hint="--runtime aot computes them with kernels of ours",
        )


def _described(layer: Layer) -> esp_nn_issues.Layer:
    quant = layer.data_input.quant
    zero_point = quant.zero_point if quant else 0
    if trait_of(layer.op.kind, Rows) is None:
        rows = prod(layer.output.shape[:-1])
        length = layer.input(1).shape[-1]
        return esp_nn_issues.Layer(_axis(rows), _axis(1), length, zero_point=zero_point)
    window_rows, window_columns = filter_windows(layer.op, layer.outline.graph)
    return esp_nn_issues.Layer(
        window_rows,
        window_columns,
        layer.data_input.shape[3],
        layer.number("DepthMultiplier", 1) if layer.is_depthwise else 1,
        zero_point,
    )


def _axis(size: int) -> Window:
    return Window(size, 1, 1, 1, 0, size)
