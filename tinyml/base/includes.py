"""Which headers a C file includes, found by reading ``#include`` lines.

Conditions are not evaluated: a header that any branch includes counts. A header that is not in the
given folders (the compiler's own) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)


def included(sources: Iterable[Path], folders: Iterable[Path]) -> tuple[Path, ...]:
    """The headers that sources include, directly or not, sorted."""
    search = tuple(folders)
    found: set[Path] = set()
    todo = list(sources)
    while todo:
        source = todo.pop()
        for name in _INCLUDE.findall(source.read_bytes()):
            for folder in (source.parent, *search):
                header = (folder / name.decode()).resolve()
                if header.is_file():
                    if header not in found:
                        found.add(header)
                        todo.append(header)
                    break
    return tuple(sorted(found))
