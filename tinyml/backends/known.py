"""Whether the names in a board file exist: all unknown ones at once, with those they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tinyml import resources
from tinyml.backends import REGISTRY, names_of
from tinyml.errors import did_you_mean

RUNTIMES = ("aot", "tflm")
NO_SIMULATOR = "none"


def unknown_names(chosen: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A sentence for each name that does not exist; ``chosen`` is names by kind.

    A template may be a folder as well.
    """
    return tuple(
        f"there is no {kind} '{name}': {did_you_mean(name, known)}"
        for kind, names in chosen.items()
        for name in names
        if name not in _built_in(kind) and name not in (known := _known(kind))
        if not (kind == "template" and (Path(name) / "template.toml").is_file())
    )


def _built_in(kind: str) -> set[str]:
    match kind:
        case "runtime":
            return set(RUNTIMES)
        case "toolchain":
            return {*REGISTRY["toolchains"], *REGISTRY["builders"]}
        case "simulator":
            return {*REGISTRY["simulators"], NO_SIMULATOR}
        case "template":
            return {
                path.parent.name for path in resources.path("templates").glob("*/template.toml")
            }
    return set(REGISTRY[f"{kind}s"])


def _known(kind: str) -> set[str]:
    """With those of other packages; looking for them takes a while."""
    groups = {"toolchain": ("toolchains", "builders")}.get(kind, (f"{kind}s",))
    outside = {name for group in groups if group in REGISTRY for name in names_of(group)}
    return _built_in(kind) | outside
