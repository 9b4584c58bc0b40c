"""How much flash a plan's code takes, predicted as a sum of measured parts (a core's file).

A kernel's code is specialised for each layer, or with ``--optimize size`` several layers may share
one instance that reads its params when it runs: whichever is predicted to be smaller.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tinyml.ir.calls import leaves
from tinyml.ir.kernel import KernelCall, Ref, Struct
from tinyml.target.cores import CodeBytes, Core, all_cores

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

UNKNOWN_KERNEL = (600, 200)  # first use, each use of a kernel that was never measured
SHARED = "-shared"  # ends the name of a kernel whose layers share one instance


def code_bytes(calls: Sequence[KernelCall], core: Core, optimize: str) -> int:
    """Predicted bytes of the code of a model on a core."""
    return _sum(code_parts(calls, shared_functions(calls, core, optimize)), core, optimize)


def code_parts(calls: Sequence[KernelCall], shared: frozenset[str] = frozenset()) -> Counter[str]:
    """What a model's code consists of, and how often.

    Kernels (those of ``shared`` in one instance for all, and those with equal params in one for
    these), what streams add to them, and the functions that kernels have in common, once each.
    """
    parts: Counter[str] = Counter(helpers_of(calls, shared))
    instances: list[tuple[str, Struct]] = []
    for call in leaves(calls):
        if call.stream is not None:
            parts["stream_stage"] += len(call.stream.stages)
            parts["stream_row"] += len(call.stream.rows)
            kernels = (kernel for kernel in call.kernels() if kernel is not call)
            parts.update(_part(kernel.function, kernel.params) for kernel in kernels)
        elif call.function in shared:
            parts[call.function + SHARED] += max(1, len(call.halves))
        else:
            for params in [half.params for half in call.halves] or [call.params]:
                if (call.function, params) not in instances or _has_constants(params):
                    instances.append((call.function, params))
                    parts[_part(call.function, params)] += 1
    return parts


def _has_constants(params: Struct) -> bool:
    return any(isinstance(value, Ref) for _, value in params.fields)


def helpers_of(calls: Sequence[KernelCall], shared: frozenset[str] = frozenset()) -> set[str]:
    """The functions that kernels have in common. An instance for all layers brings them along."""
    return {
        name
        for call in leaves(calls)
        if call.function not in shared
        for kernel in call.kernels()
        for name in kernel.helpers
    }


def functions_of(calls: Sequence[KernelCall]) -> frozenset[str]:
    """The kernels that can be shared: those that run inside of streams are specialised there."""
    return frozenset(
        call.function for call in leaves(calls) if call.stream is None and call.control is None
    )


def shareable(calls: Sequence[KernelCall], core: Core) -> frozenset[str]:
    """Those that were measured in shared form: some want constants, and do not compile so."""
    known = kernel_sizes(core, "size")
    return frozenset(name for name in functions_of(calls) if name + SHARED in known)


def shared_functions(calls: Sequence[KernelCall], core: Core, optimize: str) -> frozenset[str]:
    """The kernels of which one instance for all layers is smaller than one for each.

    None unless flash is the goal, and none that was never measured in that form.
    """
    if optimize != "size":
        return frozenset()
    found = set()
    for function in shareable(calls, core):
        own = tuple(call for call in leaves(calls) if call.function == function)
        if len(own) < 2:
            continue
        apart = _sum(code_parts(own), core, optimize)
        if _sum(code_parts(own, frozenset((function,))), core, optimize) < apart:
            found.add(function)
    return frozenset(found)


def _sum(parts: Counter[str], core: Core, optimize: str) -> int:
    sizes = kernel_sizes(core, optimize)
    total = 0
    for part, count in parts.items():
        once, each = sizes.get(part, UNKNOWN_KERNEL)
        total += once + count * each
    return total


def _part(function: str, params: Struct) -> str:
    """A kernel, told apart by what the compiler strips when it is inlined: padding, the window."""
    windows = [
        dict(value.fields)
        for _, value in params.fields
        if isinstance(value, Struct) and value.type == "tml_window"
    ]
    if not windows:
        return function
    if all(window["kernel"] == 1 for window in windows):
        return f"{function}-point"
    is_padded = any(window["pad"] or window["pad_after"] for window in windows)
    return f"{function}-{'padded' if is_padded else 'inside'}"


def kernel_sizes(core: Core, optimize: str) -> CodeBytes:
    """Per part its bytes for the first use and for each use; "size" or what is compiled for speed.

    A core that was never measured gets the figures of the others for what it has in common with
    them, the plain kernels.
    """
    goal = "size" if optimize == "size" else "speed"  # what the compiler is told
    if core.code_bytes:
        return core.code_bytes.get(goal, {})
    return _of_all(goal)


@cache
def _of_all(goal: str) -> CodeBytes:
    """The sizes of every core that was measured; of a part, those of the first in order."""
    found: dict[str, tuple[int, int]] = {}
    for core in all_cores():
        for part, sizes in core.code_bytes.get(goal, {}).items():
            found.setdefault(part, sizes)
    return found


@cache
def footprint() -> dict[str, Any]:
    """What firmware takes besides kernels; nothing where the file is about to be made."""
    path = Path(__file__).with_name("footprint.toml")
    if not path.exists():
        return {}
    return tomllib.loads(path.read_text(encoding="utf-8"))
