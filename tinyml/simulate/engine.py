"""The CPU emulator, Unicorn, set to the core of a chip; loaded only when something is simulated."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tinyml.base.errors import BoardError, ToolError

MODELS = {
    "cortex-m0plus": "UC_CPU_ARM_CORTEX_M0",
    "cortex-m3": "UC_CPU_ARM_CORTEX_M3",
    "cortex-m4": "UC_CPU_ARM_CORTEX_M4",
    "cortex-m7": "UC_CPU_ARM_CORTEX_M7",
    "cortex-m33": "UC_CPU_ARM_CORTEX_M33",
}


def load_engine(core: str, board: str) -> tuple[Any, Any, Any]:
    """The modules unicorn and unicorn.arm_const, and an engine for the core of the board."""
    if core not in MODELS:
        raise BoardError(f"the emulator has no '{core}'", where=board)
    try:
        unicorn, constants = import_module("unicorn"), import_module("unicorn.arm_const")
    except ImportError as error:
        raise ToolError(
            f"the Python package 'unicorn' (the emulated core) cannot be loaded: {error}",
            hint="pip install unicorn; or use --simulator qemu or host",
        ) from error
    engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    engine.ctl_set_cpu_model(getattr(constants, MODELS[core]))
    return unicorn, constants, engine
