"""The CPU emulator, Unicorn, set to the core of a chip; loaded only when something is simulated."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from tinyml.base.errors import BoardError, ToolError
from tinyml.simulate.protocols import Engine
from tinyml.target.cores import Core


def load_engine(core: Core, board: str) -> tuple[ModuleType, ModuleType, Engine]:
    """The modules unicorn and unicorn.arm_const, and an engine for the core of the board."""
    if not core.unicorn:
        raise BoardError(f"the emulator has no '{core.name}'", where=board)
    try:
        unicorn, constants = import_module("unicorn"), import_module("unicorn.arm_const")
    except ImportError as error:
        raise ToolError(
            f"the Python package 'unicorn' (the emulated core) cannot be loaded: {error}",
            hint="pip install unicorn; or use --simulator qemu or host",
        ) from error
    engine: Engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    model = getattr(constants, core.unicorn, None)
    if model is None:
        raise BoardError(f"unicorn has no '{core.unicorn}'", where=core.name)
    engine.ctl_set_cpu_model(model)
    return unicorn, constants, engine
