"""The fingerprint of a build: a hash of all that its image is made of.

The model's hash tells models apart, not two builds of one model: another goal, another memory plan,
another tinyml. The agent says the fingerprint, the build directory keeps it, and who talks to a
board compares them. It does not hold what a user writes into the files that are his own, nor which
version of a compiler he has: neither is a setting of a build.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from tinyml.values.image import Image, read_file

DIGITS = 12
MACRO = "TML_AGENT_FINGERPRINT"  # by which the agent knows it


def fingerprint_of(files: Mapping[str, str | bytes], settings: Sequence[str]) -> str:
    """Twelve hexadecimal digits; ``files`` are the project's, without what a user may change."""
    digest = hashlib.sha256()
    for data in _parts(files, settings):
        digest.update(len(data).to_bytes(8, "big"))  # no two lists of texts are the same bytes
        digest.update(data)
    return digest.hexdigest()[:DIGITS]


def is_in(image: Image, fingerprint: str) -> bool:
    """Whether what is flashed says this fingerprint."""
    return any(fingerprint.encode() in read_file(image, file) for _, file in image.segments)


def _parts(files: Mapping[str, str | bytes], settings: Sequence[str]) -> Iterator[bytes]:
    yield str(len(settings)).encode()
    yield from (word.encode() for word in settings)
    for name, data in sorted(files.items()):
        yield name.encode()
        yield data.encode() if isinstance(data, str) else data
