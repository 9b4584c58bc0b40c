"""``python onnx_rows.py FOLDER NAME...``: small ONNX graphs, as exporters and people write them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.zoo.onnx_arithmetic import arithmetic
from tests.zoo.onnx_layers import layers
from tests.zoo.onnx_loops import loops
from tests.zoo.onnx_networks import networks

UNREAD = {"top"}  # refused: nothing on a microcontroller does this


def rows() -> dict[str, Callable[[], Any]]:
    """Every graph by name."""
    return layers() | arithmetic() | networks() | loops()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(*rows())
    held_rows = rows()
    for wanted in sys.argv[2:]:
        made = held_rows[wanted]().SerializeToString()
        (Path(sys.argv[1]) / f"{wanted}.onnx").write_bytes(made)
