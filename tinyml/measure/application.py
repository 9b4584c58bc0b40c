"""The application of a build on an emulated core: what it prints, and what it should."""

from __future__ import annotations

import re

import numpy as np

from tinyml.backends import simulator_of
from tinyml.backends.protocols import ApplicationSimulator
from tinyml.base.errors import MismatchError, ToolError
from tinyml.base.lock import locked
from tinyml.codegen.about import is_class
from tinyml.evaluate.samples import Samples
from tinyml.evaluate.verification import reference_of
from tinyml.ir.graph import Array, Graph, Tensor
from tinyml.ir.parts import models_of
from tinyml.project.built import Built
from tinyml.values.image import check_files
from tinyml.values.printed import Printed

_CLASS = re.compile(r": class (\d+)\b")
_VALUE = re.compile(r"-?\d+\.\d{3}")
ROUNDED = 0.00051  # of three decimals


def run_application(
    built: Built, samples: Samples, simulator: str | None = None
) -> tuple[Printed, ...]:
    """Boots the image and lets its application run on the samples that it was built with.

    Raises ToolError where images are not booted here, DeviceError when lines do not come,
    MismatchError when one says something else than the reference.
    """
    from tinyml.ops.reference import expected

    board = built.board
    chosen = simulator_of(simulator or board.backends["simulator"])
    if not isinstance(chosen, ApplicationSimulator):
        raise ToolError(
            f"no whole image of '{board.name}' is booted here, and so no application",
            hint="on the board: tinyml flash, then tinyml monitor",
        )
    graph = reference_of(built.plan)
    if graph is None:
        raise ToolError("the model has no reference to hold the application against")
    with locked(built.directory):
        image = built.linked()
        check_files(image)
        shown = len(models_of(built.plan.graph))  # a line of each model per sample
        lines = list(chosen.application(image, board, shown * len(samples.inputs)))
    firsts = _first_outputs(built.plan.graph)
    labels = samples.labels or (None,) * len(samples.inputs)
    printed = tuple(
        _judged(lines.pop(0), made, wanted[number], label)
        for wanted, label in zip(expected(graph, samples.inputs), labels, strict=True)
        for number, made in firsts
    )
    wrong = next((item for item in printed if item.agrees is False), None)
    if wrong is not None:
        raise MismatchError(
            f"the application printed '{wrong.text}', the reference says {wrong.expected}",
            hint="does main.c write the whole input before each inference?",
            where=board.name,
        )
    return printed


def _first_outputs(graph: Graph) -> tuple[tuple[int, Tensor], ...]:
    """The output of each model that is shown, with its number among all."""
    firsts = (model.outputs[0] for model in models_of(graph))
    return tuple((graph.outputs.index(i), graph.tensors[i]) for i in firsts)


def _judged(text: str, tensor: Tensor, wanted: Array, label: int | None) -> Printed:
    real = _real(wanted.reshape(-1), tensor)
    best = int(np.argmax(wanted.reshape(-1)))
    values = [float(word) for word in _VALUE.findall(text)]
    found = _CLASS.search(text)
    if found is not None and is_class(tensor):
        best = int(wanted.reshape(-1)[0])
        return Printed(text, f"class {best}", label, int(found[1]) == best)
    if found is not None:
        agrees = int(found[1]) == best and len(values) == 1
        agrees = agrees and bool(abs(values[0] - real[best]) <= ROUNDED)
        return Printed(text, f"class {best}, score {_shown(real[best])}", label, agrees)
    should = " ".join(map(_shown, real[: len(values)]))
    if not values or len(values) > len(real):
        return Printed(text, "-", label, None)
    near = np.abs(np.array(values) - real[: len(values)]) <= ROUNDED + 1e-6 * np.abs(values)
    return Printed(text, should, label, bool(near.all()))


def _shown(value: float) -> str:
    """As tml_print_real() has it: halves away from zero."""
    thousandths = int(abs(value) * 1000 + 0.5)
    return f"{'-' if value < 0 else ''}{thousandths // 1000}.{thousandths % 1000:03d}"


def _real(values: Array, tensor: Tensor) -> Array:
    if tensor.quant is None or not tensor.dtype.is_quantised:
        return values.astype(np.float64)
    made: Array = tensor.quant.scale * (values.astype(np.float64) - tensor.quant.zero_point)
    return made
