"""Float graph + samples → integer graph that TensorFlow Lite Micro loads.

The float graph is simplified, run on the samples, and rewritten operator by operator: constants
become integers, and a QUANTIZE stands wherever a value is needed at another scale or width.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.convert.fixups import prepare
from tinyml.convert.fixups.equalize import equalize, pairs_of
from tinyml.convert.fixups.expand import expand_hard_swish, expand_prelu
from tinyml.convert.fixups.masks import hidden, hide_below
from tinyml.convert.formats import bits_of_ops, choose_formats, kept_tensors, values_read
from tinyml.convert.functions import Function, functions_of, with_functions, written_out
from tinyml.convert.lstm import cell_peak, problem
from tinyml.convert.ranges import Observer, Seen
from tinyml.convert.rewrite import rewrite
from tinyml.convert.rounding import as_trained
from tinyml.convert.rules import has_16_bits, has_weights, is_recurrent, is_supported, weights_of
from tinyml.convert.runners import float_runner
from tinyml.convert.states import with_common_ranges
from tinyml.convert.values import QuantizedModel, QuantizeSettings
from tinyml.ir.dtype import FLOAT32, INT8, INT16, UINT8
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ops import all_ops
from tinyml.passes.rewrite import converts

Sample = Sequence[Array]  # one array per model input


def quantize(
    float_model: bytes, samples: Iterable[Sample], settings: QuantizeSettings
) -> QuantizedModel:
    """The model in integers, as the settings say; the fixed-up float model for "float32".

    Raises ModelError for a model that is quantised already in part, for layers without an integer
    kernel, and for samples that make it overflow.
    """
    held = tuple(samples)
    graph, notes = prepared(float_model, held, settings)
    if settings.quantization == "float32":
        return QuantizedModel(flatfile.write(without_scales(graph)), notes)
    base = 16 if settings.quantization == "int16x8" else 8
    original, functions = graph, functions_of(graph)
    graph = with_functions(graph, functions)
    refuse_unsupported(graph)
    graph, bits = _widths(graph, settings.keep_int16, base)
    notes = (*notes, *_computed_in_8_bits(graph, bits, functions, base))
    whole = written_out(graph, functions)
    seen = with_common_ranges(observe(whole, held), graph, settings.states)
    formats = choose_formats(graph, bits, seen, settings.ranges, base)
    formats = replace(formats, cells=_cells(whole, held))
    made = rewrite(graph, formats, settings, functions)
    return QuantizedModel(flatfile.write(made), notes, original)


def prepared(
    float_model: bytes, samples: Sequence[Sample], settings: QuantizeSettings
) -> tuple[Graph, tuple[str, ...]]:
    """The float graph that is quantised, and what was done to it."""
    graph, notes = prepare(flatfile.read("model.tflite", float_model))
    _refuse_constants(graph)
    if settings.quantization != "float32":
        graph = hide_below(graph, _lows(graph, samples))
    if not settings.equalize:
        return graph, notes
    count = len(pairs_of(graph))
    graph = equalize(graph, _channel_peaks(graph, samples))
    return graph, (*notes, f"channels equalised between {count} pairs of layers")


def _refuse_constants(graph: Graph) -> None:
    """Raises ModelError for an output that turned out to be the same whatever the input is."""
    for i in graph.outputs:
        if graph.tensors[i].is_constant:
            raise ModelError(
                f"output '{graph.tensors[i].name}' is a constant, whatever the input is",
                hint="export the model without that output.",
                where=graph.source.file_name,
            )


def _lows(graph: Graph, samples: Sequence[Sample]) -> dict[int, float]:
    """The least of the scores that a mask hides some of, by tensor."""
    scores = {item.scores for item in hidden(graph)}
    lows = dict.fromkeys(scores, 0.0)
    runner = float_runner(flatfile.write(as_trained(graph)[0])) if scores else None
    for sample in samples if runner is not None else ():
        assert runner is not None
        values = runner.run(sample)
        for i in scores:
            value = values[i]
            lows[i] = min(lows[i], float(np.min(value))) if value is not None else lows[i]
    return lows


def _channel_peaks(graph: Graph, samples: Sequence[Sample]) -> dict[int, Array]:
    """The largest magnitude of each channel, of values that can be equalised."""
    runner = float_runner(flatfile.write(as_trained(graph)[0]))
    peaks: dict[int, Array] = {}
    for sample in samples:
        values = runner.run(sample)
        for pair in pairs_of(graph):
            value = values[pair.value]
            assert value is not None
            peak = np.abs(value).reshape(-1, value.shape[-1]).max(axis=0)
            peaks[pair.value] = np.maximum(peaks.get(pair.value, peak), peak)
    return peaks


def without_scales(graph: Graph) -> Graph:
    """The graph whose float tensors carry no scales of fake quantisation."""
    return replace(
        graph,
        tensors=tuple(
            replace(tensor, quant=None) if tensor.dtype == FLOAT32 else tensor
            for tensor in graph.tensors
        ),
    )


def refuse_unsupported(graph: Graph) -> None:
    """Raises ModelError with every layer that cannot become integers, and why."""
    hybrid = _hybrid_weights(graph)
    if hybrid:
        raise ModelError(
            "is quantised in part (dynamic range): integer weights beside float values, which "
            "firmware cannot run: " + ", ".join(hybrid),
            hint="convert the original float model; its weights are no longer in this file.",
            where=graph.source.file_name,
        )
    done = [t.name for t in graph.tensors if t.dtype in (INT8, INT16, UINT8) and t.quant]
    if done:
        raise ModelError(
            f"is quantised already: '{done[0]}' and {len(done) - 1} more tensors are integers",
            hint="give it to 'tinyml build' as it is, or convert the original float model.",
            where=graph.source.file_name,
        )
    instead = "replace these layers in the model by ones that 'tinyml ops' lists."
    _refuse(graph, _without_integers(graph), instead)


def _without_integers(graph: Graph) -> list[str]:
    """A phrase for each layer that cannot become integers."""
    found = [
        f"{op.kind} '{op.name}' has no integer kernel"
        for op in graph.ops
        if not is_supported(op.kind) and not _is_whole(op, graph)
    ]
    found += [
        f"{op.kind} '{op.name}' has weights that are computed: '{weights.name}'"
        for op in graph.ops
        if has_weights(op)
        and not (weights := graph.tensors[op.inputs[weights_of(op).weights]]).is_constant
    ]
    found += [
        f"{op.kind} '{op.name}' has {unknown}"
        for op in graph.ops
        if is_recurrent(op.kind) and (unknown := problem(op)) is not None
    ]
    return found


def _is_whole(op: Op, graph: Graph) -> bool:
    """Whether an op works on numbers and decisions that are integers already."""
    floats = (i for i in (*op.inputs, *op.outputs) if i >= 0)
    is_known = op.kind in all_ops()
    return is_known and all(graph.tensors[i].dtype != FLOAT32 for i in floats)


def _hybrid_weights(graph: Graph) -> list[str]:
    """Names of integer weights that a layer multiplies with float values."""
    return [
        f"'{graph.tensors[i].name}'"
        for op in graph.ops
        if any(graph.tensors[i].dtype == FLOAT32 for i in op.outputs) and not converts(op, "floats")
        for i in op.inputs
        if i >= 0 and graph.tensors[i].dtype in (INT8, UINT8) and graph.tensors[i].quant
    ]


def _refuse(graph: Graph, found: list[str], hint: str) -> None:
    if found:
        listed = "\n  ".join(found)
        raise ModelError(
            f"{len(found)} layer(s) cannot be converted to integers:\n  {listed}",
            hint=hint,
            where=graph.source.file_name,
        )


def _widths(graph: Graph, names: tuple[str, ...], base: int) -> tuple[Graph, tuple[int, ...]]:
    """The width of each op, in a graph that has a 16-bit kernel for each op that needs one.

    Where all values are wide, an op without such a kernel computes in 8 bits between the others.
    """
    bits = bits_of_ops(graph, kept_tensors(graph, names), base)
    wide = [op for op, width in zip(graph.ops, bits, strict=True) if width == 16]
    results = {op.outputs[0] for op in wide}
    graph = expand_prelu(expand_hard_swish(graph, results), results)
    bits = bits_of_ops(graph, kept_tensors(graph, names), base)
    narrow = tuple(
        width == 16 and not has_16_bits(op.kind) and bool(values_read(op, graph))
        for op, width in zip(graph.ops, bits, strict=True)
    )
    if base == 16:
        return graph, tuple(8 if is_narrow else 16 for is_narrow in narrow)
    missing = [
        f"{op.kind} '{op.name}' has no kernel for 16-bit values"
        for op, is_narrow in zip(graph.ops, narrow, strict=True)
        if is_narrow
    ]
    _refuse(graph, missing, "keep other layers at 16 bits, or take --quantization int8.")
    return graph, bits


def _computed_in_8_bits(
    graph: Graph, bits: Sequence[int], functions: Sequence[Function], base: int
) -> tuple[str, ...]:
    """A sentence on the layers of a model with 16-bit values that have no kernel for them."""
    tables = {each.result: " and ".join(each.kinds) for each in functions}
    found = Counter(
        tables.get(op.outputs[0], op.kind)
        for op, width in zip(graph.ops, bits, strict=True)
        if width < base
    )
    if not found:
        return ()
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(found.items()))
    return (f"{listed} computed in 8 bits, for want of 16-bit kernels",)


def _cells(graph: Graph, samples: Sequence[Sample]) -> dict[int, float]:
    """The largest magnitude of the cell of each LSTM, by its result."""
    layers = [op for op in graph.ops if is_recurrent(op.kind)]
    if not layers:
        return {}
    trained, where = as_trained(graph)
    runner = float_runner(flatfile.write(trained))
    values = [runner.run(sample) for sample in samples]
    found = {}
    for op in layers:
        given = where.get(op.inputs[0], op.inputs[0])
        fed = [value for run in values if (value := run[given]) is not None]
        found[op.outputs[0]] = cell_peak(op, graph, fed)
    return found


def observe(graph: Graph, samples: Sequence[Sample]) -> dict[int, Seen]:
    """The values of all float tensors on the samples."""
    trained, where = as_trained(graph)
    runner = float_runner(flatfile.write(trained))
    observer = Observer(len(samples))
    wanted = [i for i, t in enumerate(graph.tensors) if t.dtype == FLOAT32 and not t.is_constant]
    for sample in samples:
        values = runner.run(sample)
        for i in wanted:
            value = values[where.get(i, i)]
            if value is not None and value.size:
                observer.add(i, value, graph.tensors[i].name)
    return observer.seen()
