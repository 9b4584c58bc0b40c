"""The version of what generated C and the kernels in firmware/ agree upon."""

from __future__ import annotations

import re

from tinyml.base import resources
from tinyml.base.errors import InternalError


def abi_version() -> int:
    """TML_ABI_VERSION in firmware/include/tml.h, the one place where it is written."""
    text = (resources.path("firmware") / "include" / "tml.h").read_text(encoding="utf-8")
    found = re.search(r"^#define TML_ABI_VERSION (\d+)$", text, re.MULTILINE)
    if found is None:
        raise InternalError("firmware/include/tml.h defines no TML_ABI_VERSION")
    return int(found[1])
