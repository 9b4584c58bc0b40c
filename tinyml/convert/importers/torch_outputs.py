"""What a PyTorch module gives back: a value, several, or a dictionary of them."""

from __future__ import annotations

from tinyml.base.errors import ModelError
from tinyml.convert.importers.torch_protos import Module, Tensor


def results(module: Module, samples: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The values of all outputs; those of a dictionary in its order."""
    import torch

    with torch.no_grad():
        return _flat(module(*samples))


def names(module: Module, samples: tuple[Tensor, ...]) -> tuple[str, ...]:
    """The keys of a dictionary of outputs; () where there is none."""
    import torch

    with torch.no_grad():
        found = module(*samples)
    return tuple(map(str, found)) if isinstance(found, dict) else ()


def in_a_row(module: Module) -> Module:
    """The module with the outputs of its dictionary as a tuple."""
    import torch

    class Flat(torch.nn.Module):  # type: ignore[misc]  # torch is not looked into
        """Outputs in a row."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
            """The outputs."""
            return _flat(self.inner(*inputs))

    made: Module = Flat()
    return made


def _flat(found: object) -> tuple[Tensor, ...]:
    import torch

    leaves = tuple(found.values()) if isinstance(found, dict) else found
    held = tuple(leaves) if isinstance(leaves, (tuple, list)) else (leaves,)
    for value in held:
        if not isinstance(value, torch.Tensor):
            raise ModelError(
                f"an output is a {type(value).__name__}, not a tensor",
                hint="return a tensor, a tuple of tensors, or a dictionary of tensors.",
            )
    return held
