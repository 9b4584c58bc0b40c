"""Operators of which no kernel of ours is known, and what the converter must know of them.

A float model may hold them: fix-ups put others in their place, or TensorFlow Lite Micro runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tinyml.ops.traits import (
    Activation,
    Axes,
    Scales,
    Trait,
    WholeNumbers,
)


@dataclass(frozen=True, slots=True)
class Other:
    """What is known of an operator without an ``OpSpec``."""

    kind: str
    table: str = ""  # of its options; "" for none
    traits: tuple[Trait, ...] = ()
    version: int = 1  # the first that interpreters know
    is_inner: bool = False  # of the converter alone, in no file


_SAME, _SAME_16, _NONE = Scales("same"), Scales("same", (8, 16)), Scales("none")
_EACH, _PAIRS, _WHOLE = Axes("each"), Axes("broadcast"), WholeNumbers()

BUCKETIZE = "BUCKETIZE"
ONE_HOT = "ONE_HOT"
REDUCE_ANY = "REDUCE_ANY"
SELECT = "SELECT"  # whose condition has the shape of the result
FUNCTION = "FUNCTION"  # of the converter alone: operators that become a table

OTHERS = (
    Other(FUNCTION, "", (_EACH, Scales("own", (8, 16))), is_inner=True),
    Other("ATAN2", "ATan2Options", (_PAIRS,)),
    Other(BUCKETIZE, "BucketizeOptions", (_WHOLE,)),
    Other(ONE_HOT, "OneHotOptions", (_WHOLE,)),
    Other("POW", "PowOptions", (_PAIRS,)),
    Other("RANGE", "RangeOptions", (_WHOLE,)),
    Other(REDUCE_ANY, "ReducerOptions", (_WHOLE,)),
    Other("REDUCE_PROD", "ReducerOptions", (_WHOLE,)),
    Other("RELU_0_TO_1"),
    Other("RELU_N1_TO_1", "", (Activation("RELU_N1_TO_1"), _EACH)),
    Other(SELECT, "SelectOptions", (_WHOLE,)),
    Other("SIGN", "SignOptions", (_EACH,)),
    Other("TOPK_V2", "TopKV2Options", (_WHOLE,)),
)


@cache
def others() -> dict[str, Other]:
    """All of them by kind."""
    return {item.kind: item for item in OTHERS}
