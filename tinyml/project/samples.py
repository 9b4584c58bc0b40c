"""The test samples that a firmware's application runs on until there is a sensor."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from tinyml.codegen.generate import Sources
from tinyml.codegen.samples import MOST, with_samples
from tinyml.evaluate.samples import Samples, check_samples, read_samples, write_samples
from tinyml.ir.graph import Graph

SAMPLES_FILE = "samples.npz"  # in the build directory: those that were compiled in


def chosen_samples(graph: Graph, given: Path | Samples | None) -> Samples | None:
    """The first sample of each class that there are labels for, else the first samples; a few.

    ``given``: a .npz or .npy file, or samples that were read from anything else. Raises TinymlError
    when they are not what the model takes.
    """
    if given is None:
        return None
    found = read_samples(given, graph) if isinstance(given, Path) else given
    check_samples(graph, found)
    return few_of(found, MOST)


def few_of(samples: Samples, most: int) -> Samples:
    """At most so many: the first of each class where there are labels, then the first ones."""
    numbers = list(range(len(samples.inputs)))
    if samples.labels:
        first = {label: number for number, label in reversed(list(enumerate(samples.labels)))}
        numbers = sorted(first.values()) + [n for n in numbers if n not in first.values()]
    numbers = sorted(numbers[:most])
    return replace(
        samples,
        inputs=tuple(samples.inputs[number] for number in numbers),
        labels=tuple(samples.labels[number] for number in numbers) if samples.labels else (),
    )


def compiled_in(sources: Sources, graph: Graph, samples: Samples | None) -> Sources:
    """The sources with these samples; what makes them again names their file."""
    if samples is None:
        return with_samples(sources, graph, (), "")
    command = f"{sources.command} --inputs {shlex.quote(samples.file_name)}"
    sources = replace(sources, command=command)
    return with_samples(sources, graph, samples.inputs, samples.file_name)


def keep_samples(directory: Path, graph: Graph, samples: Samples | None) -> None:
    """Puts them beside the image that has them, or removes those of an earlier build."""
    path = directory / SAMPLES_FILE
    if samples is None:
        path.unlink(missing_ok=True)
    else:
        write_samples(path, [graph.tensors[index] for index in graph.inputs], samples.inputs)


def kept_samples(directory: Path, graph: Graph) -> Samples | None:
    """The samples that a build's image has; None where it was built without any."""
    path = directory / SAMPLES_FILE
    return read_samples(path, graph) if path.is_file() else None
