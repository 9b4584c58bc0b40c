"""Turns a trained model into microcontroller firmware and tells the truth about it.

The stages of the command line are functions here::

    board = tinyml.load_board("nucleo_l4r5zi")
    plan = tinyml.plan(tinyml.load("model.tflite"), board)
    image = tinyml.build(plan, board)
    run = tinyml.simulate(image, board, inputs)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinyml.api import (
        Settings,
        build,
        build_model,
        check,
        load,
        load_board,
        plan,
        simulate,
        verify,
    )

__version__ = "0.1.0"
__all__ = [
    "Settings",
    "__version__",
    "build",
    "build_model",
    "check",
    "load",
    "load_board",
    "plan",
    "simulate",
    "verify",
]


def __getattr__(name: str) -> Any:
    """The public functions, imported when first used: they bring numpy along."""
    if name in __all__:
        from tinyml import api

        return getattr(api, name)
    raise AttributeError(f"module 'tinyml' has no attribute '{name}'")
