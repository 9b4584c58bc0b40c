"""Code and RAM of a firmware with TFLM, beside model and arena: sums of measured sizes."""

from __future__ import annotations

from tinyml.tflm.graphs import Outline
from tinyml.tflm.table import Kernels, footprint


def code_bytes(outline: Outline, kernels: Kernels, *, agent: bool) -> int:
    """Flash for code: interpreter, C library, port, and the first use of each kind of kernel."""
    sizes = footprint()
    known = sizes["kernels"]
    parts = {op.kind for item in outline.graphs for op in item.graph.ops}
    code = sum(known.get(kind, sizes["other_kernel"]) for kind in parts)
    return int(sizes["base"] + code + (sizes["agent"] if agent else 0))


def state_bytes() -> int:
    """RAM of the interpreter's objects outside of the arena, the port and the C library."""
    return int(footprint()["ram"])
