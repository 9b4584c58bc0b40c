"""What the reader and the writer both know of the .tflite format beyond the flatbuffer schema."""

from __future__ import annotations

IDENTIFIER = b"TFL3"  # bytes 4..8 of the file
VERSION = 3
BUFFER_ALIGNMENT = 16  # bytes; force_align in the schema
MAX_FILE_BYTES = 1 << 31  # flatbuffer offsets are signed 32-bit where it matters

TENSOR_TYPES: dict[str, int] = {  # TensorType value by our name
    "float32": 0,
    "int32": 2,
    "uint8": 3,
    "int64": 4,
    "bool": 6,
    "int16": 7,
    "int8": 9,
    "uint32": 15,
}

TYPE_NAMES: dict[int, str] = {  # every TensorType value, for messages
    **{value: name for name, value in TENSOR_TYPES.items()},
    1: "float16",
    5: "string",
    8: "complex64",
    10: "float64",
    11: "complex128",
    12: "uint64",
    13: "resource",
    14: "variant",
    16: "uint16",
    17: "int4",
    18: "bfloat16",
}
