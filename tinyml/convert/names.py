"""Names of tensors, each given once: reports and tools find tensors by them."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir.graph import Graph


def with_unique_names(graph: Graph) -> Graph:
    """The graph in which no two tensors have one name.

    Outputs keep theirs, then inputs, then values, then constants; others get a number behind it.
    """
    interface = list(dict.fromkeys((*graph.outputs, *graph.inputs)))
    inner = [i for i in range(len(graph.tensors)) if i not in set(interface)]
    inner.sort(key=lambda i: graph.tensors[i].is_constant)
    given = {tensor.name for tensor in graph.tensors}
    taken: set[str] = set()
    counts: dict[str, int] = {}
    tensors = list(graph.tensors)
    for i in (*interface, *inner):
        stem = name = tensors[i].name
        while name in taken or (name != stem and name in given):
            counts[stem] = counts.get(stem, 1) + 1
            name = f"{stem}_{counts[stem]}"
        taken.add(name)
        if name != stem:
            tensors[i] = replace(tensors[i], name=name)
    return replace(graph, tensors=tuple(tensors))


def repeated_names(graph: Graph) -> tuple[str, ...]:
    """Names that more than one tensor has."""
    found: dict[str, int] = {}
    for tensor in graph.tensors:
        found[tensor.name] = found.get(tensor.name, 0) + 1
    return tuple(name for name, count in found.items() if count > 1)
