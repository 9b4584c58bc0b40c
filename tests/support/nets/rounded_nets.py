"""What quantisation may cost: the float model with its values and weights rounded, all at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.convert import flatfile
from tinyml.convert.layers import form_of
from tinyml.convert.ranges import dequantize
from tinyml.convert.rounding import as_trained, rounded
from tinyml.convert.rules import has_weights, weights_of
from tinyml.ir.dtype import FLOAT32, INT8, INT16, INT32
from tinyml.ir.graph import Array, Graph, Quant, Tensor
from tinyml.ops.quantize import QUANTIZE


def rounded_model(graph: Graph, integers: Graph) -> bytes:
    """The float graph that was quantised, computing with the numbers of its integer graph.

    What of a value has no integers, as inside of a table, stays float.
    """
    names = {tensor.name: i for i, tensor in enumerate(integers.tensors)}
    weights = {op.inputs[weights_of(op).weights] for op in graph.ops if has_weights(op)}
    rows = _rows(integers)
    found, where = as_trained(graph)
    tensors = list(found.tensors)
    held: list[tuple[int, Tensor]] = []
    for i, tensor in enumerate(graph.tensors):
        form = _coarsest(names, integers, tensor.name)
        if form is None or tensor.dtype != FLOAT32 or integers.tensors[form].quant is None:
            continue
        if tensor.is_constant:
            tensors[i] = replace(
                tensor, data=_data(integers.tensors[form], i in weights), quant=None
            )
        elif i not in where:
            held.append((i, rows.get(form, integers.tensors[form])))
    found = replace(found, tensors=tuple(tensors))
    for i, form in held:
        assert form.quant is not None
        found = rounded(found, i, INT16 if form.dtype == INT16 else INT8, form.quant)
    return flatfile.write(found)


def _rows(integers: Graph) -> dict[int, Tensor]:
    """16-bit values of which a table has a row for every few only, at the scale of the rows."""
    found = {}
    for op in integers.ops:
        made = integers.tensors[op.outputs[0]]
        if op.kind == QUANTIZE and made.dtype == INT32 and made.quant is not None:
            quant = Quant(made.quant.scales, (0,))
            found[op.inputs[0]] = replace(integers.tensors[op.inputs[0]], quant=quant)
    return found


def _coarsest(names: dict[str, int], integers: Graph, name: str) -> int | None:
    """The form of a value in 8 bits, where a layer without a 16-bit kernel reads it so."""
    kept = form_of(names, integers, name)
    if kept is None or integers.tensors[kept].dtype != INT16:
        return kept
    narrow = (i for called, i in names.items() if called.startswith(f"{name}_{INT8}_"))
    return next(narrow, kept)


def _data(form: Tensor, is_filter: bool) -> Array:
    assert form.data is not None
    assert form.quant is not None
    axis = form.quant.axis if is_filter else 0
    data = np.array(dequantize(form.data, replace(form.quant, axis=axis)))
    data.flags.writeable = False
    return data
