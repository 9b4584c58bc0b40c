"""What CI installs is the same on every day."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent


def test_every_dependency_is_pinned_for_ci() -> None:
    """CI took whatever version of each package was the newest on that day."""
    lines = (ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    assert all(pin.marker is not None for pin in pins), "users elsewhere must not be bound"
    found = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    texts = [*project["dependencies"], *(text for extra in extras.values() for text in extra)]
    environment = {"python_version": "3.11", "sys_platform": "linux"}
    for wanted in map(Requirement, texts):
        marker = wanted.marker
        if wanted.name == "tinyml" or (marker and not marker.evaluate(environment)):
            continue
        version = found[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version, prereleases=True), (wanted, version)
    assert found["torch"] == "2.13.0"


def test_the_makefile_installs_them() -> None:
    """The constraints were there, and nothing used them."""
    makefile = (ROOT / "Makefile").read_text()
    installs = re.findall(r"pip install .*--editable.*", makefile)
    assert len(installs) == 2
    assert all("$(PINNED)" in line for line in installs)
    assert "PINNED ?= --constraint .ci/constraints.txt" in makefile
