"""The registries: which backends exist, by kind and name.

A name maps to "module:factory", imported when it is asked for, so that a missing vendor package
breaks only its own backend. Outside packages add to these through entry points in the group
``tinyml.<kind>``, for instance ``tinyml.toolchains``; so they do to ``tinyml.templates``, by a
function that returns a template's folder, and to ``tinyml.importers``, by a module per file suffix.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from functools import cache, partial
from typing import TYPE_CHECKING

from tinyml.base.errors import TinymlError, ToolError, did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

REGISTRY: dict[str, dict[str, str]] = {
    "builders": {
        "arduino_cli": "tinyml.backends.builders.arduino_cli:ArduinoCli",
        "cmake": "tinyml.backends.builders.cmake:CMake",
        "esp_idf": "tinyml.backends.builders.esp_idf:EspIdf",
        "platformio": "tinyml.backends.builders.platformio:PlatformIo",
        "zephyr": "tinyml.backends.builders.zephyr:Zephyr",
    },
    "flashers": {
        "bossac": "tinyml.backends.flashers.arduino:Bossac",
        "copy": "tinyml.backends.flashers.drives:Copy",
        "dfu": "tinyml.backends.flashers.arduino:Dfu",
        "esptool": "tinyml.backends.flashers.esp:Esptool",
        "stm32_uart": "tinyml.backends.flashers.stm32:Stm32Uart",
        "swd": "tinyml.backends.flashers.swd:swd",
        "uf2": "tinyml.backends.flashers.drives:Uf2",
    },
    "runtimes": {
        "aot": "tinyml.runtimes.aot:Aot",
        "tflm": "tinyml.runtimes.tflm:Tflm",
    },
    "simulators": {
        "core": "tinyml.bare.simulator:CoreSimulator",
        "host": "tinyml.backends.simulators:Host",
        "qemu": "tinyml.backends.simulators:Qemu",
        "unicorn": "tinyml.backends.simulators:Unicorn",
    },
    "toolchains": {
        "arm_gcc": "tinyml.backends.toolchains:arm_gcc",
        "zig": "tinyml.backends.toolchains:zig",
    },
}


NEEDS = {  # what a backend of another package must have
    "builders": ("name", "title", "requires", "container", "commands", "image"),
    "flashers": (
        *("name", "can_skip", "ports", "check_options", "check"),
        *("problem", "erases", "steps", "write"),
    ),
    "runtimes": ("name", "title", "has_alternatives", "load", "plan", "generate"),
    "simulators": ("name", "requires", "run"),
    "toolchains": ("name", "version", "requires", "prepare", "compile", "link"),
}
NO_SIMULATOR = "none"  # what a board file says when it has none
_SHARED = {"toolchains": ("builders",), "builders": ("toolchains",)}  # one option names both
_RESERVED = {"simulators": (NO_SIMULATOR,)}


def names_of(kind: str) -> tuple[str, ...]:
    """The known backends of a kind."""
    return tuple(sorted({*REGISTRY.get(kind, ()), *outside(kind)}))


def outside(kind: str, own: Collection[str] = ()) -> dict[str, Callable[[], object]]:
    """What other packages add to a kind: name → what imports it, raising ToolError.

    ``own`` are names of ours that are in no registry. Raises ToolError where a name is taken: which
    of two is meant nobody knows, and nobody would notice.
    """
    shared = _SHARED.get(kind, ())
    ours = {*own, *_RESERVED.get(kind, ()), *REGISTRY.get(kind, ())}
    ours |= {name for other in shared for name in REGISTRY[other]}
    found: dict[str, EntryPoint] = {}
    for item in _installed(kind):
        if item.name in ours:
            raise _taken(kind, item, "one of tinyml's own has that name")
        others = [other for near in shared for other in _installed(near) if other.name == item.name]
        if item.name in found or others:
            other = found.get(item.name) or others[0]
            raise _taken(kind, item, f"{_package_of(other)} brings one of that name too")
        found[item.name] = item
    return {name: partial(_load, item) for name, item in found.items()}


def _installed(kind: str) -> tuple[EntryPoint, ...]:
    return _entry_points().get(f"tinyml.{kind}", ())


@cache
def _entry_points() -> dict[str, tuple[EntryPoint, ...]]:
    """Ours, by group: looking for them reads the data of every package there is."""
    from importlib.metadata import entry_points

    found = entry_points()
    ours = (group for group in found.groups if group.startswith("tinyml."))
    return {group: tuple(found.select(group=group)) for group in ours}


def _taken(kind: str, item: EntryPoint, why: str) -> ToolError:
    package = _package_of(item)
    return ToolError(
        f"{package} brings the {kind[:-1]} '{item.name}' ({item.value}), and {why}",
        hint=f"pip uninstall {package}, or have its entry point in tinyml.{kind} renamed",
    )


def _package_of(item: EntryPoint) -> str:
    return item.dist.name if item.dist else "a package"


def make(kind: str, name: str) -> object:
    """The backend of a kind and name, imported now; ToolError when there is none of that name."""
    added = outside(kind)
    path = REGISTRY[kind].get(name)
    if path is not None:
        module, _, factory = path.partition(":")
        found_here: object = getattr(importlib.import_module(module), factory)()
        return found_here
    found = added.get(name)
    if found is None:
        hint = did_you_mean(name, names_of(kind))
        raise ToolError(f"no {kind[:-1]} is called '{name}'", hint=hint)
    return _checked(kind, name, found())


def _checked(kind: str, name: str, factory: object) -> object:
    """What another package's factory makes; ToolError when it is no such backend."""
    try:
        if not callable(factory):
            raise TypeError(f"a {type(factory).__name__} is not callable")
        made: object = factory()
    except TinymlError:  # it says itself what is missing
        raise
    except (Exception, SystemExit) as error:  # it is somebody else's code
        raise ToolError(
            f"the {kind[:-1]} '{name}' of another package cannot be made: "
            f"{type(error).__name__}: {error}",
            hint="an entry point names a class, or a function without arguments",
        ) from error
    lacking = [item for item in NEEDS[kind] if not hasattr(made, item)]
    if lacking:
        raise ToolError(
            f"the {kind[:-1]} '{name}' of another package is a {type(made).__name__} without "
            f"{', '.join(lacking)}",
            hint="docs/adding-a-backend.md says what it must have",
        )
    return made


def _load(item: EntryPoint) -> object:
    try:
        loaded: object = item.load()
        return loaded
    except (Exception, SystemExit) as error:  # whatever an import runs into
        package = _package_of(item)
        raise ToolError(
            f"{package} cannot be used: '{item.value}' does not load: {error}",
            hint=f"pip install --upgrade {package}, or pip uninstall {package}",
        ) from error
