"""The operators: one module per family, found by being here.

A family module has ``OPS``, a tuple of ``OpSpec``. Nothing is registered anywhere else.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from tinyml.ir.graph import Graph, Op
from tinyml.ops.spec import OpSpec


@cache
def all_ops() -> dict[str, OpSpec]:
    """Every known operator by kind, in alphabetical order."""
    found: dict[str, OpSpec] = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        for spec in getattr(module, "OPS", ()):
            found[spec.kind] = spec
    return dict(sorted(found.items()))


@cache
def by_opcode() -> dict[int, OpSpec]:
    """Every known operator by its TFLite opcode."""
    return {spec.opcode: spec for spec in all_ops().values()}


def spec_of(kind: str) -> OpSpec:
    """The operator of a kind that is known to be supported."""
    return all_ops()[kind]


def macs_of(op: Op, graph: Graph) -> int:
    """Multiply-accumulates of an op; 0 for one that only an interpreter knows."""
    spec = all_ops().get(op.kind)
    return spec.macs(op, graph) if spec is not None and op.attrs is not None else 0
