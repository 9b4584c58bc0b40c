"""The operators: one module per family, found by being here.

A family module has ``OPS``, a tuple of ``OpSpec``, or ``INNER``, those that no file has. Nothing is
registered anywhere else; those of other packages are told in ``tinyml.ops.outside``.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType
from typing import TypeVar

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import DType
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops import outside
from tinyml.ops.forms import Form, Layer, differences, form_text, roles_of, takes, types_text
from tinyml.ops.others import others
from tinyml.ops.spec import OpSpec

_Trait = TypeVar("_Trait")


def all_ops() -> dict[str, OpSpec]:
    """Every known operator by kind, in alphabetical order; those of other packages among them."""
    return _with_those_of(outside.modules())


@cache
def _with_those_of(brought: tuple[ModuleType, ...]) -> dict[str, OpSpec]:
    found: dict[str, OpSpec] = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        for spec in getattr(module, "OPS", ()):
            found[spec.kind] = spec
    return dict(sorted(outside.with_outside(found, brought).items()))


@cache
def inner_ops() -> dict[str, OpSpec]:
    """Operators that no file has and passes make: a module's ``INNER``, by kind."""
    names = (item.name for item in pkgutil.iter_modules(__path__))
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    found = (spec for module in modules for spec in getattr(module, "INNER", ()))
    return {spec.kind: spec for spec in found}


def find_spec(kind: str) -> OpSpec | None:
    """The operator of a kind, of a file or made by a pass; None where none is known."""
    return all_ops().get(kind) or inner_ops().get(kind)


def spec_of(kind: str) -> OpSpec:
    """The operator of a kind that is known to be supported."""
    found = find_spec(kind)
    if found is None:
        raise KeyError(kind)
    return found


def find_form(op: Op, graph: Graph) -> Form | None:
    """The form of an op that is for its operands' types; None where there is none."""
    operands = _operands(op, graph)
    if operands is None:
        return None
    return next((form for form in spec_of(op.kind).forms if takes(form, operands)), None)


def form_of(op: Op, graph: Graph) -> Form:
    """The form of an op that is for its operands' types.

    Raises ModelError, which says which forms there are, when none is.
    """
    form = find_form(op, graph)
    if form is None:
        raise ModelError(
            f"{op.kind} '{op.name}' takes {operands_text(op, graph)}; forms there are: "
            f"{forms_text(spec_of(op.kind))}",
            hint="convert the float model to int8: tinyml convert MODEL --calibration DATA; or try "
            "--runtime tflm, which has kernels for some other types.",
        )
    return form


def layer_of(op: Op, graph: Graph) -> Layer:
    """The form of an op and its numbers; raises ModelError when no form is for its types."""
    form = form_of(op, graph)
    return Layer(form, None if form.numbers is None else form.numbers(op, graph))


def plain_call(op: Op, graph: Graph) -> KernelCall | None:
    """The call of an op's plain kernel; None where its output is its input."""
    layer = layer_of(op, graph)
    return layer.lowered(layer.form.lower, op, graph)


def forms_text(spec: OpSpec) -> str:
    """The forms of an operator: "s8 (input int8, output int8)"."""
    return "; ".join(form_text(form, (*spec.inputs, *spec.outputs)) for form in spec.forms)


def nearest_text(op: Op, graph: Graph) -> str:
    """Which form is nearest to an op's operands, and what it wants: "s16 with filter int8"."""
    operands = _operands(op, graph)
    if operands is None:
        return ""
    forms = spec_of(op.kind).forms
    found = [(form, differences(form, operands)) for form in forms]
    form, wrong = min(found, key=lambda item: len(item[1]))
    if len(forms) == 1 or not wrong or len(wrong) >= len({role for role, _ in operands}):
        return ""  # there is no other, or nothing of it is as it should be
    return f"{form.name} with {', '.join(f'{role} {types}' for role, types in wrong.items())}"


def operands_text(op: Op, graph: Graph) -> str:
    """What an op has as operands: "input int16, filter int8, output int16"."""
    operands = _operands(op, graph)
    if operands is None:
        return f"{len(op.inputs)} inputs and {len(op.outputs)} outputs"
    return types_text(operands)


def _operands(op: Op, graph: Graph) -> tuple[tuple[str, DType | None], ...] | None:
    """Role and type of each operand; None where there are too few or too many."""
    spec, found = spec_of(op.kind), []
    for names, numbers in ((spec.inputs, op.inputs), (spec.outputs, op.outputs)):
        roles = roles_of(names, len(numbers))
        if roles is None:
            return None
        types = [graph.tensors[i].dtype if i >= 0 else None for i in numbers]
        found += list(zip(roles, types, strict=True))
    return tuple(found)


def trait_of(kind: str, trait: type[_Trait]) -> _Trait | None:
    """What an operator, known to our kernels or not, declares of that kind; None for nothing."""
    known = find_spec(kind) or others().get(kind)
    held = known.traits if known is not None else ()
    return next((item for item in held if isinstance(item, trait)), None)


def macs_of(op: Op, graph: Graph) -> int:
    """Multiply-accumulates of an op; 0 for one that only an interpreter knows."""
    spec = find_spec(op.kind)
    return spec.macs(op, graph) if spec is not None and op.attrs is not None else 0
