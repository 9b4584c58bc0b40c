"""PyTorch modules that litert-torch cannot convert, or converts wrongly: through ONNX."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from contextlib import redirect_stdout

import numpy as np

from tinyml.convert.importers.torch_outputs import results
from tinyml.convert.importers.torch_protos import Converted, Module, Tensor
from tinyml.convert.importers.values import Imported
from tinyml.ir.graph import Array

_PACKAGES = ("onnx", "onnxscript")
_FOREIGN = "STABLEHLO_"
_NEAR = 1e-3  # of the largest value: more is no rounding of floats


def is_at_hand() -> bool:
    """Whether this environment has what PyTorch writes ONNX with."""
    return all(importlib.util.find_spec(name) is not None for name in _PACKAGES)


def differs(
    module: Module,
    converted: Converted,
    samples: Sequence[Tensor],
    images: tuple[Sequence[bool], Sequence[bool]],
) -> bool:
    """Whether what litert-torch made is of no use: it gives other values than the module, on noise.

    So is what only interpreters run, since it has operators of StableHLO. ``images`` says which
    inputs and outputs have their channels last there.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    noise = tuple(
        torch.randn(tuple(v.shape), generator=generator) if v.is_floating_point() else v
        for v in samples
    )
    moved = [v.movedim(1, -1) if yes else v for v, yes in zip(noise, images[0], strict=True)]
    try:
        if _has_foreign(converted):
            return True
        found = converted(*(v.contiguous() for v in moved))
    except Exception:  # operators that no interpreter has
        return True
    given = found if isinstance(found, (tuple, list)) else (found,)
    return any(
        _is_far(
            wanted.detach().numpy(),
            np.moveaxis(np.asarray(value), -1, 1) if yes else np.asarray(value),
        )
        for wanted, value, yes in zip(results(module, noise), given, images[1], strict=True)
    )


def _has_foreign(converted: Converted) -> bool:
    from ai_edge_litert.interpreter import Interpreter

    held = Interpreter(model_content=converted.model_content())
    return any(op["op_name"].startswith(_FOREIGN) for op in held._get_ops_details())


def _is_far(wanted: Array, found: Array) -> bool:
    reach = _NEAR * max(float(np.abs(wanted).max(initial=0)), 1e-6)
    return wanted.shape != found.shape or bool(np.abs(wanted - found).max(initial=0) > reach)


def through_onnx(module: Module, samples: tuple[Tensor, ...]) -> Imported:
    """The module as PyTorch writes it in ONNX, read by tinyml's own reader.

    Raises what PyTorch's exporter raises, and UnknownNodes and ModelError of the reader.
    """
    import torch

    from tinyml.convert.importers.onnx_reader import read_model

    with redirect_stdout(io.StringIO()):  # it tells of its steps
        program = torch.onnx.export(module, samples, dynamo=True, verbose=False)
    return read_model(program.model_proto)
