"""What the serial agent tells of its board, as values."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.ir.dtype import DType


@dataclass(frozen=True, slots=True)
class Identity:
    """What runs on the board."""

    model: str
    sha256: str  # first 12 digits
    abi: int
    inputs: int
    outputs: int
    layers: int
    clock_hz: int
    arena_bytes: int
    fingerprint: str = ""  # of the build; "": the firmware knows none


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input, an output or a layer's output of the model."""

    dtype: DType
    nbytes: int
    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """RAM as the firmware sees it."""

    arena_bytes: int
    stack_reserved_bytes: int
    stack_used_bytes: int  # high-water


@dataclass(frozen=True, slots=True)
class BootTime:
    """How a firmware started."""

    ready_us: int  # from reset until it listens; 0 when the port cannot tell
    first_cycles: int  # of the first inference since then, caches cold; 0 when there was none


@dataclass(frozen=True, slots=True)
class Timing:
    """What an ``infer`` command took."""

    iterations: int
    time_us: int  # of all iterations
    was_input_fresh: bool  # False: the last inference had overwritten the input
