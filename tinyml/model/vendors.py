"""Models that a vendor's compiler has made for its accelerator: their layers are gone."""

from __future__ import annotations

from tinyml.base.errors import ModelError
from tinyml.model.opcodes import CUSTOM_PREFIX, kind_of
from tinyml.model.protocols import Model

# By the name of the one custom operator that holds the accelerator's commands.
_COMPILERS = {
    "ethos-u": ("Arm's Ethos-U", "Vela"),
    "edgetpu-custom-op": ("Google's Edge TPU", "edgetpu_compiler"),
    "neutronGraph": ("NXP's Neutron", "the Neutron converter"),
}


def refuse_compiled(model: Model) -> None:
    """Raises ModelError for a model that is compiled for an accelerator already."""
    for i in range(model.OperatorCodesLength()):
        name = kind_of(model.OperatorCodes(i)).removeprefix(CUSTOM_PREFIX)
        if name in _COMPILERS:
            accelerator, compiler = _COMPILERS[name]
            raise ModelError(
                f"is compiled for {accelerator}: its operator '{name}' holds commands of that "
                "accelerator in the place of layers",
                hint=f"give the model that {compiler} was given.",
            )
