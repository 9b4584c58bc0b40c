"""What a PyTorch module gives back: a value, several, or a dictionary of them."""

from __future__ import annotations

from tinyml.base.errors import ModelError
from tinyml.convert.importers.torch_protos import Module, Tensor
from tinyml.convert.importers.values import plain

_MOST_CHARACTERS = 300


def short(error: Exception) -> str:
    """A framework's error in a line."""
    return plain(f"{type(error).__name__}: {error}")[:_MOST_CHARACTERS]


def results(module: Module, samples: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The values of all outputs; those of a dictionary in its order."""
    import torch

    with torch.no_grad():
        return _flat(module(*samples))


def names(module: Module, samples: tuple[Tensor, ...]) -> tuple[str, ...]:
    """The keys of a dictionary of outputs; () where there is none.

    Raises ModelError where the module does not run on the samples, or gives no tensors.
    """
    import torch

    try:
        with torch.no_grad():
            found = module(*samples)
    except Exception as error:  # whatever the user's forward() raises
        shapes = " and ".join(str(list(sample.shape)) for sample in samples)
        raise ModelError(
            f"the network fails for an input of {shapes}: {short(error)}",
            hint="say what it takes, batch first and once per input: --input-shape 1,3,32,32.",
        ) from error
    _flat(found)
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
