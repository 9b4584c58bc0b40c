"""Measurements as Markdown: per core beside the peers, per layer, and milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.measure import PLAIN, Measurement

PEER = "tflm_cmsis_nn"
CORES = {  # in the order of the page
    "cortex-m4": "Cortex-M4",
    "cortex-m7": "Cortex-M7",
    "cortex-m33": "Cortex-M33",
    "cortex-m0plus": "Cortex-M0+",
    "cortex-m55": "Cortex-M55",
    "rv32imc": "RISC-V (rv32imc)",
    "xtensa-lx7": "Xtensa LX7 with the ESP32-S3's vector unit",
}
# On other cores no figures were recorded for the peer.
PEER_INSTRUCTIONS = {
    "cortex-m4": "instructions",
    "cortex-m7": "instructions_m7",
    "cortex-m33": "instructions",  # the M4's: the same instructions, but not measured there
    "cortex-m55": "instructions_m55",
}
NOT_ESTIMATED = ("cortex-m55", "rv32imc")  # each instruction counts as a cycle


def overview(found: Iterable[Measurement], peers: dict[str, Any]) -> str:
    """One row per model and goal; ratios against TFLM + CMSIS-NN where a figure is recorded."""
    rows = []
    for item in found:
        peer = peers[PEER]["models"].get(item.model, {})
        theirs = peer.get(PEER_INSTRUCTIONS.get(item.core, ""))
        rows.append(
            (
                item.model,
                item.core,
                item.optimize,
                f"{item.instructions:,}",
                f"{theirs / item.instructions:.2f}x fewer" if theirs else "",
                f"{item.instructions / item.macs:.2f}" if item.macs else "",
                "" if item.core in NOT_ESTIMATED else f"{item.cycles:,}",
                f"{item.activation_bytes:,}",
                _against(item.needed_bytes, peer.get("ram_bytes")),
                f"{item.copied_bytes:,}" if item.copied_bytes else "",
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
        "copied weights B",
        "code B",
        "flash B",
    )
    return markdown(head, rows, left=3)


def against_plain(found: Sequence[Measurement]) -> str:
    """One row per model that was measured with the plain kernels too."""
    rows = []
    for plain in found:
        for item in found:
            same = (item.model, item.board) == (plain.model, plain.board)
            if plain.optimize == PLAIN and same and item.optimize != PLAIN:
                ratio = plain.instructions / item.instructions
                flash = item.flash_bytes - plain.flash_bytes
                rows.append(
                    (
                        item.model,
                        item.core,
                        item.optimize,
                        f"{plain.instructions:,}",
                        f"{item.instructions:,}",
                        f"{ratio:.2f}x fewer",
                        f"{flash:+,}",
                    )
                )
    head = ("model", "core", "goal", "plain C", "picked", "", "flash B more")
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
            "" if item.core in NOT_ESTIMATED else f"{layer.cycles:,}",
            f"{layer.instructions / layer.macs:.2f}" if layer.macs else "",
        )
        for number, layer in enumerate(item.layers)
    ]
    head = ("#", "op", "kernel", "MACs", "predicted", "instructions", "cycles", "per MAC")
    return markdown(head, rows, left=3)


def milliseconds(found: Sequence[Measurement], peers: dict[str, Any]) -> str:
    """Estimated milliseconds beside what engines took on boards with the same core."""
    rows = []
    for board in peers["published"]:
        for item in found:
            of_model = {
                engine: times[item.model]
                for engine, times in board["milliseconds"].items()
                if item.model in times
            }
            if item.core == board["core"] and item.optimize != PLAIN and of_model:
                ours = item.cycles * 1e3 / board["clock_hz"]
                others = ", ".join(f"{engine} {time:g}" for engine, time in of_model.items())
                title = f"{board['title']}, {board['clock_hz'] // 1_000_000} MHz"
                rows.append((title, item.model, item.optimize, f"{ours:.1f}", others))
    head = ("board", "model", "goal", "tinyml (estimate)", "published")
    return markdown(head, rows, left=3)


def calibration(peers: dict[str, Any]) -> str:
    """The timing model's estimate for known kernels beside what they took."""
    board = next(item for item in peers["published"] if item["core"] == next(iter(CORES)))
    rows = []
    for model, time in board["milliseconds"]["microTVM + CMSIS-NN (v1.0)"].items():
        cycles = peers[PEER]["models"][model]["cycles_estimate"]
        estimate = cycles * 1e3 / board["clock_hz"]
        rows.append((model, f"{estimate:.2f}", f"{time:g}", f"{time / estimate:.2f}"))
    return markdown(("model", "estimate ms", "measured ms", "measured / estimate"), rows, left=1)


def markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], left: int) -> str:
    """A Markdown table; columns after the first ``left`` are aligned to the right."""
    marks = tuple("---" if i < left else "--:" for i in range(len(head)))
    return "".join("| " + " | ".join(row) + " |\n" for row in (head, marks, *rows))


def _against(ours: int, theirs: int | None) -> str:
    return f"{ours:,} ({theirs:,})" if theirs else f"{ours:,}"
