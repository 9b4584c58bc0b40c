"""Prints the versions of all packages that tinyml's tests need, as they are installed here.

``make lock`` writes them to .ci/constraints.txt, which ``make test`` then installs: the same ones
on every day. Run it in an environment in which all tests have passed.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEAD = """\
# Versions with which all tests have passed, for CI: made by 'make lock', used by 'make test' and
# 'make check'. They hold on Python {python} on {platform} only; elsewhere pip chooses. The newest
# ones instead: make clean lock PINNED=
"""


def closure(package: str, extras: frozenset[str]) -> dict[str, str]:
    """Versions of what a package with extras needs, directly or not, by name."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(canonicalize_name(package), extras)]
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        try:
            held = distribution(name)
        except PackageNotFoundError:
            continue
        found[name] = held.version.split("+")[0]  # a local build is of the same source
        for text in held.requires or ():
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": item}) for item in (*wanted, "")):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return found


def main() -> None:
    """Prints the constraints for the extras that are named."""
    found = closure("tinyml-firmware", frozenset(sys.argv[1:]))
    found.pop("tinyml-firmware")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    marker = f'python_version == "{python}" and sys_platform == "{sys.platform}"'
    lines = [f"{name}=={version} ; {marker}" for name, version in sorted(found.items())]
    print(HEAD.format(python=python, platform=sys.platform) + "\n".join(lines))


if __name__ == "__main__":
    main()
