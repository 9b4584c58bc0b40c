"""``ops.toml`` read: what is known of TFLM's interpreter and of its kernel for each operator."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Kernels:
    """A set of TFLM kernels, compiled for a target."""

    name: str  # "reference", "cmsis_nn" or "esp_nn"
    isa: str = ""  # code path: "", "dsp" or "mve" of CMSIS-NN, "" or "pie" of ESP-NN
    has_wide_enums: bool = False  # the ABI makes enums ints


@dataclass(frozen=True, slots=True)
class Struct:
    """Size and alignment of a C++ object."""

    nbytes: int
    alignment: int


@dataclass(frozen=True, slots=True)
class OpFacts:
    """TFLM's kernel for one operator."""

    method: str  # of MicroMutableOpResolver, without "Add"
    files: tuple[str, ...]  # in tensorflow/lite/micro/kernels/
    options: Struct | None  # builtin options that the parser allocates
    wide_options: Struct | None
    states: Mapping[str, int]  # bytes of the kernel's own struct by set of kernels
    folders: tuple[str, ...]  # of CMSIS-NN's Source/; none when there is no such kernel
    int8: str  # registration of the int8 kernel alone; "" when there is none
    types: tuple[str, ...]  # that its operands may have together: "i8 i8 ?i32 > i8"
    ranks: tuple[str, ...]  # dimensions of each input: "4", "2+" for at least two, "*" for any
    output_ranks: tuple[str, ...]
    asks: str  # name of the rule for what its Prepare allocates; "" for nothing
    looks: int  # how often its Prepare looks at each tensor
    calls: tuple[str, ...]  # options that are numbers of graphs
    passes: str  # name of the rule for what the op hands to those graphs; "" for nothing
    handle: str  # what it does with a variable: "made", "read", "assigned"; "" for nothing
    positive: tuple[str, ...]  # options that must be
    scales: tuple[str, ...]  # names of rules for scales and zero points
    fixed: Mapping[str, tuple[float, int]]  # of the result, by types: "i8 > i8"
    instructions: int  # per element; 0 where nobody measured

    def state_bytes(self, kernels: Kernels) -> int:
        """Bytes of the kernel's own struct; 0 when it has none."""
        return self.states.get(kernels.name, self.states["reference"])

    def options_of(self, kernels: Kernels) -> Struct | None:
        """The struct of its options, if any."""
        return self.wide_options if kernels.has_wide_enums else self.options


@cache
def op_facts() -> dict[str, OpFacts]:
    """Every operator that the runtime accepts, by kind."""
    return {kind: _op(entry) for kind, entry in _data()["ops"].items()}


@cache
def interpreter() -> dict[str, Struct]:
    """The structs of the interpreter by name."""
    entries = _data()["interpreter"].items()
    return {name: Struct(*item) for name, item in entries if isinstance(item, list)}


@cache
def scratch_requests_per_op() -> int:
    """How many requests for scratch the allocator reserves room for, beyond those made."""
    return int(_data()["interpreter"]["scratch_requests_per_op"])


def _op(entry: Mapping[str, Any]) -> OpFacts:
    options = Struct(*entry["options"]) if "options" in entry else None
    wide = Struct(*entry["wide_options"]) if "wide_options" in entry else options
    states = {"reference": int(entry.get("state", 0))}
    states |= {name: int(entry[name]) for name in ("cmsis_nn", "esp_nn") if name in entry}
    ranks, _, output_ranks = entry.get("ranks", "").partition(">")
    return OpFacts(
        method=entry["method"],
        files=tuple(entry["kernels"]),
        options=options,
        wide_options=wide,
        states=states,
        folders=tuple(entry.get("folders", ())),
        int8=entry.get("int8", ""),
        types=tuple(entry["types"]),
        ranks=tuple(ranks.split()),
        output_ranks=tuple(output_ranks.split()),
        asks=entry.get("asks", ""),
        looks=int(entry.get("looks", 2)),
        calls=tuple(entry.get("calls", ())),
        passes=entry.get("passes", ""),
        handle=entry.get("handle", ""),
        positive=tuple(entry.get("positive", ())),
        scales=tuple(entry.get("scales", ())),
        fixed={types: (float(s), int(z)) for types, (s, z) in entry.get("fixed", {}).items()},
        instructions=int(entry.get("instructions", 0)),
    )


@cache
def footprint() -> dict[str, Any]:
    """Measured sizes of code."""
    return dict(_data()["footprint"])


@cache
def sources() -> dict[str, Any]:
    """The files that every firmware with TFLM compiles."""
    return dict(_data()["sources"])


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("ops.toml").read_text(encoding="utf-8"))
