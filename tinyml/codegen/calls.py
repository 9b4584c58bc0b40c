"""Kernel instances of a model's C: which calls share one, and what is called where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tinyml.codegen.layers import call_text, forwarded_texts, parameter_texts
from tinyml.codegen.sites import Site, all_sites


@dataclass(frozen=True, slots=True)
class WrapperView:
    """A kernel instance that several layers share.

    Layers with the same params do, which the instance then knows as constants; where the plan says
    that all layers of a kind do, each passes its params.
    """

    name: str
    prototype: str
    call: str
    layers: tuple[str, ...]  # that call it, by label


BOTH = "tml_both"  # tml_both.h

_Signature: TypeAlias = tuple[str, tuple[str, ...], str]  # C function, parameters, fixed params


@dataclass(frozen=True, slots=True)
class Calls:
    """The instances of a model's kernels."""

    keys: dict[str, _Signature]  # of each call, by label
    wrappers: dict[_Signature, WrapperView]  # of those that are shared
    shared: frozenset[str]  # kernels of which all layers use one instance

    def text(self, site: Site, indent: int, suffix: str = ";") -> str:
        """The finished call of a site."""
        if site.call is None:
            return "(void)0" + suffix
        if site.halves:
            names = tuple(half_function(item.label) for item in site.halves)
            return call_text(BOTH, names, indent=indent, suffix=")" + suffix)
        key = self.keys[site.label]
        texts = tuple(item.text for item in site.operands)
        wrapper = self.wrappers.get(key)
        if wrapper is None or site.call.function in self.shared:
            texts = (f"&layer_{site.label}", *texts)
        name = site.call.function if wrapper is None else wrapper.name
        return call_text(name, texts, indent=indent, suffix=")" + suffix)

    def params_of(self, site: Site) -> str:
        """The label of the layer with whose params a call runs; "" for one that has none."""
        if site.call is None or site.call.control is not None or site.halves:
            return ""
        wrapper = self.wrappers.get(self.keys[site.label])
        is_own = wrapper is None or site.call.function in self.shared
        return site.label if wrapper is None or is_own else wrapper.layers[0]


def half_function(label: str) -> str:
    """The C function that a core runs of a layer, by the label of that half."""
    return f"run_layer_{label}"


def second_half(layer: int) -> str:
    """The C function that the other core runs of a layer."""
    return half_function(f"{layer}_1")


def calls_of(sites: Sequence[Site], shared: frozenset[str]) -> Calls:
    """The instances for all calls; ``shared``: kernels of which all layers use one instance."""
    keys: dict[str, _Signature] = {}
    users: dict[_Signature, list[Site]] = {}
    for site in all_sites(sites):
        if site.call is not None and not site.halves:
            is_fixed = site.call.function not in shared
            parameters = parameter_texts(site.operands, site.call.params.type)[is_fixed:]
            params = site.params if is_fixed else ""
            own = site.label if site.call.control or site.call.stream else ""  # never shared
            key = (site.call.function, (*parameters, *((own,) if own else ())), params)
            keys[site.label] = key
            users.setdefault(key, []).append(site)
    wrappers: dict[_Signature, WrapperView] = {}
    counts: dict[str, int] = {}
    for key, found in users.items():
        function = key[0]
        same = counts.get(function, 0)
        counts[function] = same + 1
        if len(found) > 1:
            own = f"&layer_{found[0].label}" if function not in shared else ""
            wrappers[key] = _wrapper(key, found, same, own)
    return Calls(keys, wrappers, shared)


def _wrapper(key: _Signature, users: Sequence[Site], same: int, own: str) -> WrapperView:
    """A function around a kernel that several layers call.

    ``same``: how many there are of this kernel; ``own``: params that are no parameter, or "".
    """
    function, parameters, _ = key
    forwarded = forwarded_texts(users[0].operands)
    name = f"run_{function.removeprefix('tml_')}" + (f"_{same + 1}" if same else "")
    head = f"static TML_NOINLINE void {name}"
    arguments = (own, *forwarded[1:]) if own else forwarded
    return WrapperView(
        name=name,
        prototype=call_text(head, parameters, indent=0, suffix=")"),
        call=call_text(function, arguments, indent=4, suffix=");"),
        layers=tuple(site.label for site in users),
    )
