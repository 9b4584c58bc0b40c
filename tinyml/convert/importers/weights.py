"""Whether code that makes a PyTorch network gives it weights, or leaves the initial ones there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def watched_weights() -> Iterator[list[str]]:
    """A list that grows while anything loads weights: a state dict, a file, a step of training."""
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    seen: list[str] = []
    watched: tuple[tuple[object, str], ...] = (
        (torch.nn.Module, "load_state_dict"),
        (torch, "load"),
        (torch.jit, "load"),
    )
    kept = [getattr(owner, name) for owner, name in watched]
    hook = register_optimizer_step_post_hook(lambda *_: seen.append("training"))
    for (owner, name), function in zip(watched, kept, strict=True):
        setattr(owner, name, _noting(function, seen))
    try:
        yield seen
    finally:
        hook.remove()
        for (owner, name), function in zip(watched, kept, strict=True):
            setattr(owner, name, function)


def _noting(function: Callable[P, R], seen: list[str]) -> Callable[P, R]:
    @wraps(function)
    def noting(*args: P.args, **kwargs: P.kwargs) -> R:
        seen.append(function.__name__)
        return function(*args, **kwargs)

    return noting
