"""Generated pages equal what the commands print; links between pages lead somewhere."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tinyml.base.registry import REGISTRY
from tinyml.cli import cli
from tinyml.cli.help import commands_page
from tinyml.report import listing, operators

ROOT = Path(__file__).parent.parent
PAGES = sorted(ROOT.glob("docs/*.md"))
WRITTEN = (*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "README.md", ROOT / "tests/ops/README.md")
FOLDERS = "benchmarks|boards|docs|examples|firmware|templates|tests|tinyml"


def op_page() -> str:
    return operators.op_page(listing.WRITTEN_BY.format(command="ops"))


@pytest.mark.parametrize(
    ("name", "current"),
    [
        ("ops", op_page),
        ("boards", lambda: listing.board_page(listing.board_table())),
        ("commands", lambda: commands_page(cli)),
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
        if path.name == "README.md":
            continue
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


def found(module: str, name: str) -> object:
    """What a module of tinyml has by a name; raises AttributeError when it has not."""
    value: object = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    return value


def test_the_functions_of_the_walks_exist() -> None:
    """A page that names functions is right until the first one is renamed."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    walks = text.split("## Four walks")[1].split("## Decisions")[0]
    named = re.findall(r"`([a-z_/0-9]+):([A-Za-z_.]+)`", walks)
    assert len(named) > 40
    for path, name in named:
        assert found(f"tinyml.{path.replace('/', '.')}", name)
    agent = "".join(path.read_text() for path in (ROOT / "firmware" / "agent").iterdir())
    for name in re.findall(r"`(tml_[a-z_]+)`", walks):
        assert f" {name}(" in agent, name


def test_the_stages_are_functions_of_the_files_beside_them() -> None:
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [a-zC ]+ \| `([A-Za-z._]+)\(.*\| `(tinyml/[a-z_/]+)\.py`", text, re.M)
    assert len(rows) == 11
    for name, path in rows:
        is_method = "." in name  # of a Protocol, which several classes of that file have
        module = "tinyml.backends.protocols" if is_method else path.removesuffix("/__init__")
        assert callable(found(module.replace("/", "."), name))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(rf"`((?:{FOLDERS})/[\w/.*<>-]*)`", text):
        pattern = re.sub(r"<\w+>", "*", name).rstrip("/")
        assert any(ROOT.glob(pattern)), f"{page.name} names {name}"


def test_the_pages_for_those_who_add_name_what_is_there() -> None:
    """Entry-point groups, values and traits by their names."""
    pages = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("docs/adding-*.md"))
    groups = {f"tinyml.{kind}" for kind in (*REGISTRY, "templates", "importers", "operators")}
    assert set(re.findall(r"`(tinyml\.[a-z]+s)`", pages)) <= groups
    table = pages.split("| trait | who asks, what for |")[1].split("\n\n")[0]
    for row in table.splitlines()[2:]:
        for name in re.findall(r"`([A-Z]\w+)`", row.split("|")[1]):
            assert found("tinyml.ops.traits", name)


def test_what_pip_installs_is_this_project() -> None:
    """PyPI's ``tinyml`` is another project: no message and no page may send anybody there."""
    found = [
        f"{path.relative_to(ROOT)}: {wrong.group()}"
        for folder in ("tinyml", "docs", "templates", ".github", "tests/convert")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".md", ".j2", ".toml", ".yml"}
        for wrong in re.finditer(
            r"""(install (-\S+ )*['"]?|`)tinyml(\[|$)|install (-\S+ )*tinyml(?!-)""",
            path.read_text("utf-8"),
        )
    ]
    assert found == []
