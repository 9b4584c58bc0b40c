"""docs/performance.md, a page per board and plots, of stored measurements and recorded peers."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import plots, tables
from benchmarks.measure import Measurement
from tinyml.target.boards import load_board

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
PLOTS = "performance"  # folder beside the page: plots, and the boards' pages
HEAD = "<!-- Written by `make bench` from benchmarks/baseline.json; do not edit. -->\n\n"


def read_peers() -> dict[str, Any]:
    """The recorded figures of others."""
    return tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))


def render(found: Sequence[Measurement], peers: dict[str, Any]) -> str:
    """All tables but the layers'."""
    parts = []
    for core, title in tables.CORES.items():
        of_core = [item for item in found if item.core == core and item.optimize != tables.PLAIN]
        if of_core:
            parts.append(f"## {title}\n\n{tables.overview(of_core, peers)}\n")
    parts += [
        "## Against plain C\n\nInstructions of our plain C kernels, the ones that are right for "
        "every layer, and of those that the compiler picks.\n\n",
        tables.against_plain(found),
        "\n## Milliseconds beside published ones\n\nOurs are estimates of the timing model at the "
        "clock of the published board; the others were measured on it.\n\n",
        tables.milliseconds(found, peers),
        "\n## What memory costs\n\nThe kernels of CMSIS-NN: what the timings of instructions "
        "alone, without waits for flash, estimate for TFLM with them, and what the same kernels "
        "took on the board under microTVM (MLPerf Tiny v1.0). Cycles of the tables above have "
        "those waits.\n\n",
        tables.calibration(peers),
    ]
    return "".join(parts)


def page(stored: Sequence[Measurement], peers: dict[str, Any]) -> str:
    """The whole page."""
    parts = [(HERE / "preface.md").read_text(encoding="utf-8")]
    parts += [
        f"![{title}]({PLOTS}/{name}.svg)\n\n" for name, title, _ in plots.plots(stored, peers)
    ]
    parts.append("Layer by layer, a page per board:\n\n")
    parts += [f"- [{load_board(name).title}]({PLOTS}/{name}.md)\n" for name in boards_of(stored)]
    parts.append("\n" + render(stored, peers))
    return "".join(parts)


def with_table(readme: str, stored: Sequence[Measurement], peers: dict[str, Any]) -> str:
    """The README with the table of the first core as it is now."""
    first = next(iter(tables.CORES))
    found = [item for item in stored if item.core == first and item.optimize != tables.PLAIN]
    table = tables.overview(found, peers)
    found_table = r"^\| model \| core \| goal \|.*\n(\|.*\n)+"
    made, count = re.subn(found_table, lambda _: table, readme, flags=re.MULTILINE)
    assert count == 1, "the README has one table of measurements"
    return made


def boards_of(stored: Sequence[Measurement]) -> tuple[str, ...]:
    """The boards that were measured, by core in the order of the page."""
    order = list(tables.CORES)
    found = {item.board: order.index(item.core) for item in stored}
    return tuple(sorted(found, key=lambda name: (found[name], name)))


def board_page(name: str, stored: Sequence[Measurement], peers: dict[str, Any]) -> str:
    """All models on one board, and their layers."""
    found = [item for item in stored if item.board == name]
    parts = [
        HEAD,
        f"# Performance: {load_board(name).title}\n\n",
        "How it was measured, and other boards: [performance.md](../performance.md).\n\n",
        tables.overview([item for item in found if item.optimize != tables.PLAIN], peers),
        "\n",
    ]
    parts += [f"\n## {item.model}, {item.optimize}\n\n{tables.layers(item)}" for item in found]
    return "".join(parts)


def write_page(stored: Sequence[Measurement], docs: Path) -> None:
    """Writes the page, its plots and the README's table."""
    peers = read_peers()
    (docs / PLOTS).mkdir(exist_ok=True)
    for name, _, svg in plots.plots(stored, peers):
        (docs / PLOTS / f"{name}.svg").write_text(svg, encoding="utf-8")
    for name in boards_of(stored):
        text = board_page(name, stored, peers)
        (docs / PLOTS / f"{name}.md").write_text(text, encoding="utf-8")
    (docs / "performance.md").write_text(page(stored, peers), encoding="utf-8")
    readme = docs.parent / "README.md"
    text = with_table(readme.read_text(encoding="utf-8"), stored, peers)
    readme.write_text(text, encoding="utf-8")
