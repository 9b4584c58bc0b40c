"""Test samples as C: with them a firmware's application has something to say without a sensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tinyml.codegen.application import result_view
from tinyml.codegen.generate import Sources
from tinyml.codegen.interface import io_functions
from tinyml.codegen.literals import c_array, c_comment
from tinyml.codegen.render import environment, render
from tinyml.ir.graph import Array, Graph
from tinyml.ir.parts import models_of

MOST = 4  # samples in a firmware


@dataclass(frozen=True, slots=True)
class SampleInput:
    """One input of all samples."""

    function: str  # "kws_input", as in the model's header
    nbytes: int  # of one sample
    array: str  # C declarator
    initialiser: str  # of an array of bytes


def with_samples(
    sources: Sources, graph: Graph, samples: Sequence[Sequence[Array]], origin: str
) -> Sources:
    """The sources and the header with samples, which is there without any, too.

    ``samples``: one array per input, each; ``origin``: the name of the file that they are from.
    """
    env = environment(Path(__file__).parent)
    name, count = sources.name, len(samples)
    values = {
        "name": name,
        "macro": name.upper(),
        "count": count,
        "origin": c_comment(origin),
        "inputs": _inputs(graph, samples),
        "sizes": [(item.function, item.nbytes) for item in _inputs(graph, ())],
        "command": c_comment(sources.command),
        "results": [result_view(model) for model in models_of(graph)],
        "resets": bool(graph.variables) and not graph.is_streaming,
    }
    files = [(f"{name}_samples.h", render(env, "samples.h.j2", values))]
    compiled: tuple[str, ...] = ()
    if count:
        files.append((f"{name}_samples.c", render(env, "samples.c.j2", values)))
        compiled = (f"{name}_samples.c",)
    return replace(sources, files=(*sources.files, *files), compiled=(*sources.compiled, *compiled))


def sample_bytes(graph: Graph, count: int) -> int:
    """Bytes of flash that so many samples take."""
    return count * sum(graph.tensors[index].nbytes for index in graph.inputs)


def _inputs(graph: Graph, samples: Sequence[Sequence[Array]]) -> tuple[SampleInput, ...]:
    found = []
    for number, name in enumerate(io_functions("input", graph)):
        data = b"".join(np.ascontiguousarray(sample[number]).tobytes() for sample in samples)
        array = c_array(np.frombuffer(data, np.uint8))
        nbytes = graph.tensors[graph.inputs[number]].nbytes
        found.append(SampleInput(name, nbytes, f"{name}_samples[{len(data)}]", array))
    return tuple(found)
