"""Known faults of ESP-NN by shape (``esp_nn_issues.toml``): why a layer runs on our own kernel."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tinyml.ir.shapes import Window

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TILED_BYTES = 48 * 1024  # of 16-bit filter and input; more is worked through in rows
SMALL_ROW = 16  # bytes of a filter row below which whole windows are gathered


@dataclass(frozen=True, slots=True)
class Layer:
    """What a fault may depend on. FULLY_CONNECTED: a row of the input is one column's channels."""

    rows: Window
    columns: Window
    in_channels: int
    multiplier: int = 1  # DEPTHWISE_CONV_2D: filters per channel
    zero_point: int = 0  # of the input

    @property
    def taps(self) -> int:
        """Of one filter and channel."""
        return self.rows.kernel * self.columns.kernel

    @property
    def gathers_windows(self) -> bool:
        """Whether CONV_2D copies each window, as it does with few channels."""
        row = self.columns.kernel * self.in_channels
        return row < SMALL_ROW <= self.taps * self.in_channels


def known_fault(kernel: str, layer: Layer, version: str | None = None) -> str | None:
    """Why ESP-NN must not compute the layer; None when nothing is known against it.

    ``version`` is the least one that may be installed; None means the table's.
    """
    installed = _number(version or LEAST_VERSION)
    for issue in _table()["issue"]:
        is_fixed = bool(issue["fixed"]) and _number(issue["fixed"]) <= installed
        if issue["kernel"] == kernel and not is_fixed and SHAPES[issue["shape"]](layer):
            return f"{issue['reason']} ({issue['source']})"
    return None


def more_padding_behind(layer: Layer) -> bool:
    """Padding before, and more behind, in either direction; unless windows are gathered."""
    axes = (layer.rows, layer.columns)
    is_padded = any(axis.pad for axis in axes)
    return not layer.gathers_windows and is_padded and any(a.pad_after > a.pad for a in axes)


def odd_padding_of_3x3(layer: Layer) -> bool:
    """3x3 filters on multiples of 16 channels, padded neither all around nor nowhere before."""
    is_3x3 = (layer.rows.kernel, layer.columns.kernel) == (3, 3)
    pads = (layer.rows.pad, layer.columns.pad)
    is_vector = layer.multiplier == 1 and layer.in_channels % 16 == 0
    return is_3x3 and is_vector and pads not in ((0, 0), (1, 1))


def large_with_padded_rows(layer: Layer) -> bool:
    """Other filters on multiples of 8 channels: over 48 KB in 16 bits, padded above or below."""
    if layer.multiplier > 1 or layer.in_channels % 8 or layer.zero_point == 0:
        return False
    if (layer.rows.kernel, layer.columns.kernel) == (3, 3):
        return False
    values = (layer.taps + layer.rows.in_size * layer.columns.in_size) * layer.in_channels
    return 2 * values > TILED_BYTES and bool(layer.rows.pad or layer.rows.pad_after)


def rows_off_16_bytes(layer: Layer) -> bool:
    """Several rows whose length is no multiple of 16."""
    return layer.rows.in_size > 1 and layer.in_channels % 16 != 0


SHAPES: dict[str, Callable[[Layer], bool]] = {
    shape.__name__: shape
    for shape in (
        more_padding_behind,
        odd_padding_of_3x3,
        large_with_padded_rows,
        rows_off_16_bytes,
    )
}


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


LEAST_VERSION = str(_table()["least_version"])
