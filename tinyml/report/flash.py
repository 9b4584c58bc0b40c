"""What fills the flash: constants and parameters of each layer, kernels, the firmware around."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinyml.values.image import Image


@dataclass(frozen=True, slots=True)
class Flash:
    """A linked image, by purpose."""

    total_bytes: int
    parts: dict[str, int]  # constants, parameters, kernels, firmware → bytes; their sum is total
    kernels: dict[str, int]  # C function of the model → bytes; largest first


@dataclass(frozen=True, slots=True)
class LayerFlash:
    """What one layer adds to the flash, without code."""

    constant_bytes: int = 0
    params_bytes: int = 0


def flash_of(image: Image, model: str) -> Flash:
    """The flash of an image that holds the model of that C name.

    Kernels are static functions of the model's C file; what the compiler inlined is part of the
    function that runs the model. Firmware is the rest: start-up, port, agent, C library.
    """
    constants = sum(
        nbytes for name, _, nbytes in image.symbols if re.match(rf"{model}_(l\d+|t)_", name)
    )
    params = sum(nbytes for name, _, nbytes in image.symbols if _PARAMS.match(name))
    kernels = {
        name: nbytes for file, name, nbytes in image.static_functions if file == f"{model}.c"
    }
    kernels |= {
        name: nbytes
        for name, _, nbytes in image.symbols
        if re.fullmatch(rf"{model}_(init|invoke|run)", name)
    }
    code = sum(kernels.values())
    return Flash(
        total_bytes=image.flash_bytes,
        parts={
            "constants": constants,
            "parameters": params,
            "kernels": code,
            "firmware": image.flash_bytes - constants - params - code,
        },
        kernels=dict(sorted(kernels.items(), key=lambda item: (-item[1], item[0]))),
    )


def flash_by_layer(image: Image, model: str, layers: int) -> tuple[LayerFlash, ...]:
    """Per layer, the bytes of its constants and parameters; shared constants count once."""
    constants, params = [0] * layers, [0] * layers
    for name, _, nbytes in image.symbols:
        if found := re.match(rf"{model}_l(\d+)_", name):
            constants[int(found[1])] += nbytes
        elif (found := _PARAMS.match(name)) and int(found[1]) < layers:
            params[int(found[1])] += nbytes
    return tuple(LayerFlash(*sizes) for sizes in zip(constants, params, strict=True))


_PARAMS = re.compile(r"layer_(\d+)(_|$)")
