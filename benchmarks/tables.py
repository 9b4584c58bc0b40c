"""Measurements as Markdown: per model beside the peers, per layer, and milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.measure import Measurement

PEER = "tflm_cmsis_nn"
M4_CORE = "cortex-m4"
# Other cores are set beside the M4 figures of the peer: none were recorded for them.
PEER_FIGURE = {"cortex-m7": "instructions_m7", "cortex-m55": "instructions_m55"}


def overview(found: list[Measurement], peers: dict[str, Any]) -> str:
    """One row per model and core; ratios against TFLM + CMSIS-NN where a figure is recorded."""
    rows = []
    for item in found:
        peer = peers[PEER]["models"].get(item.model, {})
        theirs = peer.get(PEER_FIGURE.get(item.core, "instructions"))
        rows.append(
            (
                item.model,
                item.core,
                item.optimize,
                f"{item.instructions:,}",
                f"{theirs / item.instructions:.2f}x fewer" if theirs else "",
                f"{item.instructions / item.macs:.2f}" if item.macs else "",
                f"{item.cycles:,}",
                f"{item.activation_bytes:,}",
                _against(item.ram_bytes + item.stack_bytes, peer.get("ram_bytes")),
                f"{item.code_bytes:,}",
                _against(item.flash_bytes, peer.get("flash_bytes")),
            )
        )
    head = (
        "model",
        "core",
        "goal",
        "instructions",
        "TFLM + CMSIS-NN",
        "per MAC",
        "cycles (est.)",
        "activations B",
        "RAM with stack B",
        "code B",
        "flash B",
    )
    return markdown(head, rows, left=3)


def layers(item: Measurement) -> str:
    """One row per layer of a measurement."""
    rows = [
        (
            str(number),
            layer.op,
            layer.kernel.removeprefix("tml_"),
            f"{layer.macs:,}",
            f"{layer.predicted:,}",
            f"{layer.instructions:,}",
            f"{layer.cycles:,}",
            f"{layer.instructions / layer.macs:.2f}" if layer.macs else "",
        )
        for number, layer in enumerate(item.layers)
    ]
    head = ("#", "op", "kernel", "MACs", "predicted", "instructions", "cycles", "per MAC")
    return markdown(head, rows, left=3)


def milliseconds(found: list[Measurement], peers: dict[str, Any]) -> str:
    """Estimated milliseconds on the M4 board beside published measurements on the same board."""
    published = peers["published_l4r5"]["milliseconds"]
    rows = []
    for item in found:
        times = [engine.get(item.model) for engine in published.values()]
        if item.core == M4_CORE and any(times):
            ours = f"{item.cycles * 1e3 / item.clock_hz:.1f}"
            rows.append(
                (item.model, item.optimize, ours, *("" if t is None else f"{t:g}" for t in times))
            )
    return markdown(("model", "goal", "tinyml (estimate)", *published), rows, left=2)


def markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], left: int) -> str:
    """A Markdown table; columns after the first ``left`` are aligned to the right."""
    marks = tuple("---" if i < left else "--:" for i in range(len(head)))
    return "".join("| " + " | ".join(row) + " |\n" for row in (head, marks, *rows))


def _against(ours: int, theirs: int | None) -> str:
    return f"{ours:,} ({theirs:,})" if theirs else f"{ours:,}"
