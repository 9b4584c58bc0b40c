"""Roughly how many instructions TFLM's kernels take: CMSIS-NN's on a Cortex-M4.

Measured per output and per multiply-accumulate on the emulated core, kernels at -O3; within a third
for the usual layers. It serves watchdogs and the report's prediction, where there is no better one.
"""

from __future__ import annotations

from math import prod

from tinyml.ops import macs_of, trait_of
from tinyml.ops.traits import Rows, Weights
from tinyml.tflm.layer import Layer

_PER_OUTPUT = 40  # requantisation
_OTHER = 30  # per element, of kernels that were not measured
_POOLED = 6.4  # per input element that a window covers
_DEPTHWISE = {9: 9.0}  # per multiply-accumulate, by size of the window
_FEW_CHANNELS = 8


def instructions(layer: Layer) -> int:
    """The estimate for one layer; one that copies to a variable is as large as what it reads."""
    op = layer.op
    if not op.outputs:
        return sum(t.elements for t in layer.outline.graph.op_inputs(op) if t is not None)
    outputs = layer.output.elements
    macs = macs_of(op, layer.outline.graph)
    if layer.is_depthwise:
        area = prod(layer.input(1).shape[1:3])
        return int(macs * _DEPTHWISE.get(area, 15.0))
    rows = trait_of(op.kind, Rows)
    if trait_of(op.kind, Weights) is not None:
        is_first = rows is not None and layer.data_input.shape[-1] < _FEW_CHANNELS
        return int(outputs * _PER_OUTPUT + macs * (2.5 if is_first else 1.6))
    if rows is not None and rows.windows is not None:
        window = layer.number("FilterHeight", 1) * layer.number("FilterWidth", 1)
        return int(outputs * window * _POOLED)
    return outputs * (layer.outline.facts(layer.index).instructions or _OTHER)
