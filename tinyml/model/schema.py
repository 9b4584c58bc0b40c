"""What the reader and the writer both know of the .tflite format beyond the flatbuffer schema."""

from __future__ import annotations

IDENTIFIER = b"TFL3"  # bytes 4..8 of the file
VERSION = 3
BUFFER_ALIGNMENT = 16  # bytes; force_align in the schema
MAX_FILE_BYTES = 1 << 31  # flatbuffer offsets are signed 32-bit where it matters
