"""What a user can choose from; imports nothing, so that ``--help`` stays quick."""

from __future__ import annotations

QUANTIZATIONS = ("int8", "int16x8", "int8-per-tensor", "float32")
IO_TYPES = ("int8", "uint8", "float32")
RANGES = ("minmax", "percentile", "mse")  # how the range of a value follows from the samples
