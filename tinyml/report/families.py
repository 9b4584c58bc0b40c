"""Families of operators: by them layers have their colour, the same one in every report."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tinyml.ops import trait_of
from tinyml.ops.traits import (
    Arithmetic,
    Channels,
    DealsOut,
    FromShape,
    MovesOnly,
    Pads,
    Rows,
    Runs,
    State,
    Variable,
    Weights,
)

# In the order of the colours k0, k1, ... of page.css: new ones go to the end.
FAMILIES = (
    "convolutions",
    "depthwise convolutions",
    "fully connected",
    "arithmetic",
    "pooling and averages",
    "functions and other operators",
    "moves",
    "recurrent layers and loops",
)
_CONVOLUTION, _DEPTHWISE, _DENSE, _ARITHMETIC, _POOLING, _OTHER, _MOVES, _RECURRENT = range(8)


def family_of(op: str) -> int:
    """Of a layer's operator, or of several joined by +: then of the first one with weights."""
    kinds = op.split("+")
    weighted = [kind for kind in kinds if trait_of(kind, Weights) is not None]
    return _family(([*weighted, *kinds])[0])


@cache
def _family(kind: str) -> int:
    """By what the operator declares of itself; one that is not known is of the others."""
    rows, channels = trait_of(kind, Rows), trait_of(kind, Channels)
    if trait_of(kind, Weights) is not None:
        if channels is not None and not channels.mixes:
            return _DEPTHWISE
        is_flat = channels is not None and rows is None
        return _DENSE if is_flat else _CONVOLUTION
    if _has(kind, (State, Variable, Runs)):
        return _RECURRENT
    if _has(kind, (MovesOnly, Pads, DealsOut, FromShape)):
        return _MOVES
    if channels is not None:  # each made of one channel: a window, or all of an image
        return _POOLING
    return _ARITHMETIC if _has(kind, (Arithmetic,)) else _OTHER


def _has(kind: str, traits: Sequence[type]) -> bool:
    return any(trait_of(kind, trait) is not None for trait in traits)
