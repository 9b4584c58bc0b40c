"""Operators, forms and kernels that other packages bring.

A module of another package says what it brings as the modules of ours do: ``OPS``, ``VARIANTS`` and
``EXTENTS``. Besides, ``FORMS`` are pairs of the kind of an operator of ours and a further form of
it, and ``FIRMWARE`` is a folder whose headers kernel calls name as those of ours ("kernels/…").

Such a module is found by an entry point in the group ``tinyml.operators``, when operators are asked
for the first time, or taken for a while by ``with added(module):``. Nothing is changed by that:
whoever asks for operators gets a table of those that hold at that moment.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

from tinyml.base import resources
from tinyml.base.errors import TinymlError, did_you_mean
from tinyml.ops.forms import Form
from tinyml.ops.spec import OpSpec

GROUP = "tinyml.operators"

_added: ContextVar[tuple[ModuleType, ...]] = ContextVar("added", default=())


@contextmanager
def added(*modules: ModuleType) -> Iterator[None]:
    """Inside of the ``with``, these modules bring operators as well."""
    token = _added.set((*_added.get(), *modules))
    try:
        yield
    finally:
        _added.reset(token)


def modules() -> tuple[ModuleType, ...]:
    """The modules of other packages that bring operators, in the order of their names.

    Raises TinymlError when one that is installed cannot be imported.
    """
    added = _added.get()  # asked for every op of every graph
    return tuple(dict.fromkeys((*_installed(), *added))) if added else _installed()


@cache
def _installed() -> tuple[ModuleType, ...]:
    found = []
    for item in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda item: item.name):
        try:
            module = item.load()
        except (
            Exception,
            SystemExit,
        ) as error:  # whatever a foreign package does when it is imported
            package = item.dist.name if item.dist is not None else item.value
            raise TinymlError(
                f"package '{package}' brings operators (entry point {item.name} = {item.value}) "
                f"but cannot be imported: {type(error).__name__}: {error}",
                hint=f"repair it, or take it away: pip uninstall {package}",
            ) from error
        if not isinstance(module, ModuleType):
            raise TinymlError(
                f"entry point {item.name} = {item.value} in {GROUP} is no module but "
                f"{type(module).__name__}",
                hint="name a module that has OPS, FORMS, VARIANTS or EXTENTS.",
            )
        _check_brought(module)
        found.append(module)
    return tuple(found)


def _check_brought(module: ModuleType) -> None:
    """Raises TinymlError when what a module brings is not what its names promise."""
    for name, kind in (("OPS", OpSpec), ("VARIANTS", object), ("FORMS", tuple)):
        brought = getattr(module, name, ())
        if not isinstance(brought, (tuple, list)) or not all(isinstance(i, kind) for i in brought):
            raise TinymlError(
                f"{name} of {module.__name__} ({module.__file__}) is no tuple of what it must hold",
                hint=f"docs/adding-an-op.md says what {name} is",
            )
    for pair in getattr(module, "FORMS", ()):
        if len(pair) != 2 or not isinstance(pair[1], Form):
            raise TinymlError(
                f"FORMS of {module.__name__} ({module.__file__}) holds {pair!r}",
                hint="a pair is the kind of an operator and a Form",
            )
    if not isinstance(getattr(module, "EXTENTS", {}), dict):
        raise TinymlError(
            f"EXTENTS of {module.__name__} ({module.__file__}) is no table",
            hint="it is a dict: the name of a params struct → what it reads and writes",
        )
    folder = getattr(module, "FIRMWARE", None)
    if folder is not None and not Path(str(folder)).is_dir():
        raise TinymlError(
            f"FIRMWARE of {module.__name__} ({module.__file__}) is no folder: {folder!r}",
            hint="give the folder with kernels/ in it, absolute",
        )


def with_outside(own: dict[str, OpSpec], brought: Sequence[ModuleType]) -> dict[str, OpSpec]:
    """Our operators, and what the modules bring; raises TinymlError for what clashes."""
    found = dict(own)
    for module in brought:
        for spec in getattr(module, "OPS", ()):
            if spec.kind in found:
                raise TinymlError(
                    f"{module.__name__} brings {spec.kind}, which is an operator already",
                    hint="bring further types of it as forms (FORMS).",
                )
            found[spec.kind] = spec
        for kind, form in getattr(module, "FORMS", ()):
            found[kind] = _with_form(found, kind, form, module.__name__)
    return found


def _with_form(found: dict[str, OpSpec], kind: str, form: Form, module: str) -> OpSpec:
    spec = found.get(kind)
    if spec is None:
        raise TinymlError(
            f"{module} brings form {form.name} of {kind}, which is no operator",
            hint=did_you_mean(kind, found),
        )
    if form.name in {item.name for item in spec.forms}:
        raise TinymlError(
            f"{module} brings form {form.name} of {kind}, which has one of that name",
            hint="a form is named by the types that it is for; choose another name.",
        )
    return replace(spec, forms=(*spec.forms, form))


def firmware_folders() -> tuple[Path, ...]:
    """Where headers of kernels are: our firmware, then the folders of other packages."""
    theirs = (getattr(module, "FIRMWARE", None) for module in modules())
    return (resources.path("firmware"), *(Path(folder) for folder in theirs if folder is not None))
