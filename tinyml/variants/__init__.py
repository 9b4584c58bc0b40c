"""Faster kernels for particular instruction sets, one module each, found by being here.

A module has ``VARIANTS``, a tuple of ``Variant``. A variant offers a ``KernelCall`` for an op when
it can prove that its kernel is bit-exact there, and says why not otherwise; the planner picks by
cost among the offers and the plain kernel of the op, which is always right.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from tinyml.ir.kernel import KernelCall
from tinyml.ops import outside


@dataclass(frozen=True, slots=True)
class Variant:
    """One alternative kernel for one kind of op."""

    name: str  # "dsp/pointwise"
    kind: str  # op kind it computes
    form: str  # the form of it, "s8": what types it is for
    isa: str  # feature the chip must have, e.g. "dsp", or vendor's library that was asked for
    # Gets the numbers of the form, too, where it has some; a str is the reason why it is not valid.
    lower: Callable[..., KernelCall | str]
    is_streamable: bool = True  # right on a window at any address, also where rows come one by one


def all_variants() -> tuple[Variant, ...]:
    """Every variant, sorted by name; those of other packages among them."""
    return _with_those_of(outside.modules())


@cache
def _with_those_of(brought: tuple[ModuleType, ...]) -> tuple[Variant, ...]:
    found: list[Variant] = []
    for module in brought:
        found.extend(getattr(module, "VARIANTS", ()))
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        found.extend(getattr(module, "VARIANTS", ()))
    return tuple(sorted(found, key=lambda variant: variant.name))
