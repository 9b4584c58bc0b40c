"""What CI installs is the same on every day; what it runs in parts is everything, once."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tinyml
from tests.support.running.shards import part_of, shard_of

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
        if wanted.name == tinyml.DISTRIBUTION or (marker and not marker.evaluate(environment)):
            continue
        version = found[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version, prereleases=True), (wanted, version)
    assert found["torch"] == "2.13.0"


def test_the_makefile_installs_them() -> None:
    """The constraints were there, and nothing used them."""
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^INSTALL := .* pip install .*\$\(PINNED\)$", makefile, re.MULTILINE)
    installs = re.findall(r".* --editable .*", makefile)
    assert len(installs) == 2
    assert all(line.startswith("\t$(INSTALL) ") for line in installs)
    assert "PINNED ?= --constraint .ci/constraints.txt" in makefile


def test_the_version_is_one() -> None:
    """A release has it from pyproject.toml, the command line and reports from the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == tinyml.__version__


def test_the_name_for_pip_is_one() -> None:
    """Hints said 'pip install tinyml', which is another project on PyPI."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == tinyml.DISTRIBUTION
    assert list(project["scripts"]) == ["tinyml"]


def test_the_parts_of_ci_are_all_of_one_division() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    named = re.findall(r'"(\d+/\d+)"', workflow)
    assert len(named) > 1
    assert named == [f"{number}/{len(named)}" for number in range(1, len(named) + 1)]
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    sizes = Counter(part_of(file, len(named)) for file in files)
    assert sorted(sizes) == [shard_of(text)[0] for text in named]
    assert min(sizes.values()) > len(files) / len(named) / 2


@pytest.mark.parametrize("text", ["", "3", "0/2", "3/2", "1/0", "1/2/3", "-1/2", "a/b"])
def test_what_is_no_part(text: str) -> None:
    with pytest.raises(ValueError, match="is no part of the tests"):
        shard_of(text)


def test_the_page_of_libraries_names_each() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    used = [*project["dependencies"]]
    for name in ("convert", "mcp", "onnx", "quantize", "torch"):
        used += extras[name]
    names = {Requirement(text).name for text in used} - {tinyml.DISTRIBUTION}
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    taken = page[: page.index("## Looked at")]
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", taken)] == []
