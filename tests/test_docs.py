"""Generated pages equal what the commands print; links between pages lead somewhere."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tinyml.report import listing, operators

ROOT = Path(__file__).parent.parent
PAGES = sorted(ROOT.glob("docs/*.md"))


def op_page() -> str:
    return operators.op_page(listing.WRITTEN_BY.format(command="ops"))


@pytest.mark.parametrize(
    ("name", "current"),
    [
        ("ops", op_page),
        ("boards", lambda: listing.board_page(listing.board_table())),
    ],
)
def test_generated_pages_are_current(name, current) -> None:
    page = ROOT / "docs" / f"{name}.md"
    assert page.read_text(encoding="utf-8") == current(), f"run 'make docs': {page.name} is old"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [name for name in targets if not (page.parent / name).exists()] == []


def test_fragments_of_the_changelog_can_be_assembled() -> None:
    """Some began with a dash of their own, which the assembled list doubled."""
    for path in (ROOT / "changelog.d").iterdir():
        topic, kind, suffix = path.name.split(".")
        assert topic
        assert kind in ("added", "changed", "fixed", "removed"), path.name
        assert suffix == "md"
        assert not path.read_text(encoding="utf-8").startswith(("-", "#", "\n")), path.name


def test_every_page_is_in_the_site() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert f": {path.name}\n" in nav, path.name
    for path in (ROOT / "docs").glob("*/*.md"):
        assert f"- {path.relative_to(ROOT / 'docs').as_posix()}\n" in nav, path.name


def test_the_functions_of_the_walks_exist() -> None:
    """A page that names functions is right until the first one is renamed."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    walks = text.split("## Four walks")[1].split("## Decisions")[0]
    found = re.findall(r"`([a-z_/0-9]+):([A-Za-z_.]+)`", walks)
    assert len(found) > 40
    for path, name in found:
        value: object = importlib.import_module(f"tinyml.{path.replace('/', '.')}")
        for part in name.split("."):
            assert hasattr(value, part), f"{path}:{name}"
            value = getattr(value, part)
