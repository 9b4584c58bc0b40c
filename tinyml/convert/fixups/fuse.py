"""PAD into the convolution behind it, activations into the layer before them."""

from __future__ import annotations

from dataclasses import replace

from tinyml.convert.tables import with_attrs
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.table import ACTIVATIONS
from tinyml.ops.traits import Activation, ClampsOutput, Pads, ReadsPadding
from tinyml.passes.fuse import padded_attrs
from tinyml.passes.rewrite import maker, only_reader, with_ops

_NONE = 0  # ActivationFunctionType
_SAME = 0  # Padding


def fuse_activations(graph: Graph) -> Graph:
    """Lets the op before a RELU, RELU6 or RELU_N1_TO_1 clamp its result itself.

    Only between float values: at two integer scales the activation would round once more.
    """
    for activation in graph.ops:
        trait = trait_of(activation.kind, Activation)
        before = maker(graph, activation.inputs[0]) if trait is not None else None
        # Kernels of others (CONCATENATION) have the field and refuse anything in it.
        if trait is None or before is None or trait_of(before.kind, ClampsOutput) is None:
            continue
        if only_reader(graph, activation.inputs[0]) is not activation:
            continue
        given, made = (graph.tensors[i] for i in (activation.inputs[0], activation.outputs[0]))
        if (
            given.dtype != FLOAT32
            or dict(before.attrs.values).get("FusedActivationFunction") != _NONE
        ):
            continue
        if given.quant is not None and made.quant is None:
            # Trained scales of the value before the clamp serve the value behind it.
            tensors = list(graph.tensors)
            tensors[activation.outputs[0]] = replace(made, quant=given.quant)
            graph = replace(graph, tensors=tuple(tensors))
        attrs = before.attrs.having(FusedActivationFunction=ACTIVATIONS.index(trait.name))
        fused = replace(before, name=activation.name, outputs=activation.outputs, attrs=attrs)
        graph = with_ops(graph, {id(before): fused, id(activation): None})
    return graph


def fuse_pads(graph: Graph) -> Graph:
    """Lets a VALID convolution behind a PAD read the unpadded image with padding SAME.

    Only where SAME means exactly the rows and columns that PAD adds, and both add the value 0.
    """
    for pad in tuple(op for op in graph.ops if _pads_zeros(op)):
        op = only_reader(graph, pad.outputs[0])
        if op is not None and _is_same_padding(graph, pad, op):
            attrs = op.attrs.having(Padding=_SAME)
            fused = replace(op, inputs=(pad.inputs[0], *op.inputs[1:]), attrs=attrs)
            graph = with_ops(graph, {id(op): fused, id(pad): None})
    return graph


def _pads_zeros(op: Op) -> bool:
    trait = trait_of(op.kind, Pads)
    return trait is not None and trait.value is None


def _is_same_padding(graph: Graph, pad: Op, op: Op) -> bool:
    if trait_of(op.kind, ReadsPadding) is None:
        return False
    attrs = padded_attrs(graph, pad, with_attrs(op))
    return attrs is not None and attrs.padding == "SAME"
