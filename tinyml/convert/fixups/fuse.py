"""PAD into the convolution behind it, activations into the layer before them."""

from __future__ import annotations

from dataclasses import replace

from tinyml.convert.tables import with_attrs
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops.table import ACTIVATIONS
from tinyml.passes.fuse import padded_attrs, with_clamps, without_pads

_NONE = 0  # ActivationFunctionType
_SAME = 0  # Padding


def fuse_activations(graph: Graph) -> Graph:
    """Lets the op before a RELU, RELU6 or RELU_N1_TO_1 clamp its result itself.

    Only between float values: at two integer scales the activation would round once more.
    """
    return with_clamps(graph, _clamped)


def _clamped(graph: Graph, op: Op, activation: Op, name: str) -> Op | None:
    is_float = graph.tensors[activation.inputs[0]].dtype == FLOAT32
    if not is_float or dict(op.attrs.values).get("FusedActivationFunction") != _NONE:
        return None
    attrs = op.attrs.having(FusedActivationFunction=ACTIVATIONS.index(name))
    return replace(op, name=activation.name, attrs=attrs)


def fuse_pads(graph: Graph) -> Graph:
    """Lets a VALID convolution behind a PAD read the unpadded image with padding SAME.

    Only where SAME means exactly the rows and columns that PAD adds, and both add the value 0.
    """
    return without_pads(graph, _padded)


def _padded(graph: Graph, pad: Op, op: Op) -> Op | None:
    attrs = padded_attrs(graph, pad, with_attrs(op))
    is_same = attrs is not None and attrs.padding == "SAME"
    return replace(op, attrs=op.attrs.having(Padding=_SAME)) if is_same else None
