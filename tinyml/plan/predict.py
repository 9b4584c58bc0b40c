"""What a plan will need of each memory region, predicted before anything is compiled.

Weights and RAM are known exactly. Code is a sum of measured sizes (``footprint.toml``): what every
firmware of the board needs, what the first use of a kernel adds, and what each use adds.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tinyml.board import Board
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import KernelCall, Struct, distinct_constant_bytes
from tinyml.plan.values import Step, Use

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LAYER_STATE_BYTES = 4  # of the agent per layer: the cycles it took
UNKNOWN_KERNEL_BYTES = (600, 200)  # first use, each use of a kernel that was never measured


def predict(
    graph: Graph,
    steps: Sequence[Step],
    board: Board,
    optimize: str,
    agent: bool = True,
) -> tuple[Use, ...]:
    """The budget, line by line, but for the arena."""
    optimize = "size" if optimize == "size" else "speed"  # what the compiler is told
    base = _base(board, optimize, agent)
    first = board.ram[0].region
    uses = []
    state = base["ram_bytes"] + runtime_state_bytes(graph, len(steps), agent=agent)
    uses.append(Use(first, "runtime", state))
    uses.append(Use(first, "stack", board.stack_bytes))
    calls = [step.call for step in steps if step.call is not None]
    flash = board.flash.region
    uses.append(Use(flash, "weights", distinct_constant_bytes(calls)))
    sizes = _data().get("kernels", {}).get(board.chip.core, {}).get(optimize, {})
    code = base["flash_bytes"]
    for part, count in code_parts(calls).items():
        once, each = sizes.get(part, UNKNOWN_KERNEL_BYTES)
        code += once + count * each
    uses.append(Use(flash, "code", code))
    return tuple(uses)


def code_parts(calls: Sequence[KernelCall]) -> Counter[str]:
    """What a model's code consists of, and how often: its kernels, and what streams add to them."""
    parts: Counter[str] = Counter()
    for call in calls:
        parts.update(_part(kernel) for kernel in call.kernels() if kernel.stream is None)
        if call.stream is not None:
            parts["stream_stage"] += len(call.stream.stages)
            parts["stream_row"] += len(call.stream.rows)
    return parts


def _part(call: KernelCall) -> str:
    """A kernel, told apart by what the compiler strips when it is inlined: padding, the window."""
    windows = [
        dict(value.fields)
        for _, value in call.params.fields
        if isinstance(value, Struct) and value.type == "tml_window"
    ]
    if not windows:
        return call.function
    if all(window["kernel"] == 1 for window in windows):
        return f"{call.function}-point"
    is_padded = any(window["pad"] or window["pad_after"] for window in windows)
    return f"{call.function}-{'padded' if is_padded else 'inside'}"


def runtime_state_bytes(graph: Graph, layers: int, *, agent: bool) -> int:
    """RAM of the agent that depends on the model: its outputs and the cycles of each layer."""
    if not agent:
        return 0
    outputs = sum(graph.tensors[index].nbytes for index in graph.outputs)
    return LAYER_STATE_BYTES * layers + -(-outputs // 4) * 4


def _base(board: Board, optimize: str, agent: bool) -> dict[str, int]:
    """Flash and RAM of a firmware without model; that of the chip's likes for unknown boards."""
    measured = _data().get("base", {})
    key = "agent" if agent else "bare"
    own = measured.get(board.name, {}).get(optimize)
    candidates = [own] if own else [item[optimize] for item in measured.values()]
    return {
        name: max((item[key][name] for item in candidates), default=0)
        for name in ("flash_bytes", "ram_bytes")
    }


@cache
def _data() -> dict[str, Any]:
    path = Path(__file__).with_name("footprint.toml")
    if not path.exists():
        return {}
    return tomllib.loads(path.read_text(encoding="utf-8"))
