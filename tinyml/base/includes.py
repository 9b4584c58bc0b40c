"""Which headers a C file includes, found by reading ``#include`` lines.

Conditions are not evaluated: a header that any branch includes counts. A header that is not in the
given folders (the compiler's own) is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Headers:
    """What C files include, each file read once: none may change meanwhile."""

    folders: tuple[Path, ...]
    """Where headers are looked for, after the folder of the file that includes them."""
    known: dict[Path, tuple[Path, ...]] = field(default_factory=dict)
    places: dict[str, Path | None] = field(default_factory=dict)  # of names, in ``folders``

    def of(self, *sources: Path) -> tuple[Path, ...]:
        """The headers that sources include, directly or not, sorted."""
        found: set[Path] = set()
        todo = list(sources)
        while todo:
            new = [header for header in self.directly(todo.pop()) if header not in found]
            found.update(new)
            todo += new
        return tuple(sorted(found))

    def directly(self, source: Path) -> tuple[Path, ...]:
        """The headers that a file's own lines name, where they are there."""
        if source not in self.known:
            names = dict.fromkeys(_INCLUDE.findall(source.read_bytes()))
            there = (self._place(source.parent, name.decode()) for name in names)
            self.known[source] = tuple(path for path in there if path is not None)
        return self.known[source]

    def _place(self, beside: Path, name: str) -> Path | None:
        if (beside / name).is_file():
            return (beside / name).resolve()
        if name not in self.places:
            tried = (folder / name for folder in self.folders)
            self.places[name] = next((path.resolve() for path in tried if path.is_file()), None)
        return self.places[name]
