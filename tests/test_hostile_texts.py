"""Texts of boards, chips and models are data: whatever they hold, generated files are the same."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.models.structure import structures
from tests.support.values.plans import MODEL_BYTES, planned_on, sine_plan
from tinyml import api
from tinyml.base import resources
from tinyml.base.errors import BoardError
from tinyml.codegen import escape
from tinyml.codegen.generate import generate
from tinyml.codegen.literals import c_comment, c_string
from tinyml.ir.metadata import Metadata
from tinyml.plan.values import Plan
from tinyml.project.create import create
from tinyml.target.board import Board
from tinyml.target.boards import all_boards, load_board
from tinyml.target.template import load_template

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DIGITS = Path(__file__).parent.parent / "examples" / "digits" / "digits.tflite"
HOSTILE = (
    *("*/ int evil; /*", "*/", "/*", "//", "a\\", "??/", '"', "'", '"; system("id"); //'),
    *("a\n#include </etc/passwd>", "a\r\nb", "\n", "\t", "\0", "\x1b[31m", "\u2028", "\u202e"),
    *("$(id)", "${x}", "`id`", "$ENV{HOME}", "; rm -rf /", "| id", "&& id", "#", "#[[", "]]", "[="),
    *("<script>alert(1)</script>", "](http://x)", "![x](y)", "{{ 7*7 }}", "[[ 7*7 ]]", "[% x %]"),
    *("../../etc/passwd", "/etc/passwd", "-x", "--help", "a: b", "- a", "%s", "\ud800"[:0] + "é"),
)
EVERYTHING = " ".join(HOSTILE)
ENDS = (f"{EVERYTHING}\\", f"{EVERYTHING} *", f"{EVERYTHING} /", f"{EVERYTHING}\n")


@pytest.mark.parametrize("text", [*HOSTILE, *ENDS])
def test_each_language_keeps_its_text_in_one_place(text: str) -> None:
    """Titles with line ends or '*/' were live text in linker scripts, headers and build files."""
    for make in (c_comment, escape.hash_text, escape.yaml_text, escape.json_text, escape.plain):
        assert make(text).isprintable()
    assert "*/" not in c_comment(text)
    assert "/*" not in c_comment(text)
    assert not c_comment(text).endswith("\\")
    assert not escape.hash_text(text).endswith("\\")
    assert not set(escape.markdown_text(text)) & set("`<|\n")
    assert json.loads(f'"{escape.json_text(text)}"') == escape.plain(text)
    inner = c_string(text)[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inner
    assert not inner.endswith("\\")


def named(board: Board, text: str) -> Board:
    """A board whose prose is all of one text, as no file could have it."""
    regions = tuple(replace(region, note=text) for region in board.chip.regions)
    chip = replace(board.chip, title=text, source=text, regions=regions)
    return replace(board, title=text, source=text, memory_note=text, chip=chip)


def plan_named(board: Board, text: str) -> Plan:
    """The plan of a model whose file, tensors, layers and labels have one name."""
    plan = sine_plan(region=board.ram[0].region, board=board.name)
    graph = plan.graph
    about = Metadata((text,), (), (), text, "", True)
    return replace(
        plan,
        graph=replace(
            graph,
            source=replace(graph.source, file_name=text, metadata=about),
            # identifiers come from the first name, comments show both
            tensors=tuple(
                replace(item, name=f"keep_{i};{text}") for i, item in enumerate(graph.tensors)
            ),
            ops=tuple(replace(op, name=text) for op in graph.ops),
        ),
    )


def made(board: Board, template: str, text: str, dest: Path) -> dict[str, object]:
    board, plan = named(board, text), plan_named(board, text)
    create(planned_on(plan, board, template), generate(plan, board, model_bytes=MODEL_BYTES), dest)
    return structures(dest)


CASES = sorted(
    {
        (template, board.name)
        for board in all_boards()
        for template in (*board.templates, "library")
        if load_template(template).runtime == "aot"
    }
)
ONE_EACH = sorted({template: (template, board) for template, board in CASES}.values())


@pytest.mark.parametrize(("template", "name"), ONE_EACH)
@pytest.mark.parametrize("text", ENDS, ids=range(len(ENDS)))
def test_no_text_changes_a_project(tmp_path: Path, template: str, name: str, text: str) -> None:
    """A title, a file name or a tensor's name ended comments and became code."""
    board = load_board(name)
    plain, hostile = (
        made(board, template, item, tmp_path / folder)
        for item, folder in (("x", "plain"), (text, "hostile"))
    )
    assert plain.keys() == hostile.keys()
    assert [path for path in plain if plain[path] != hostile[path]] == []


@pytest.mark.parametrize(("board", "template"), [("nucleo_f446re", None), ("esp32s3", None)])
@pytest.mark.parametrize("runtime", ["aot", "tflm"])
def test_no_file_name_changes_a_project(
    tmp_path: Path, board: str, template: str | None, runtime: str
) -> None:
    """A model file with a line end or quotes in its name broke README, CMake and manifests."""
    text = "x" + "".join(EVERYTHING.replace("/", " ").replace("\0", " "))[:150] + ".tflite"
    target = load_board(board)

    def built(file_name: str, folder: str) -> tuple[str, dict[str, object]]:
        model = tmp_path / folder / file_name
        model.parent.mkdir()
        shutil.copy(DIGITS, model)
        settings = api.Settings(
            directory=tmp_path / f"{folder}-out", runtime=runtime, project_only=True
        )
        done = api.build(model, target, settings)
        return done.plan.graph.name, structures(tmp_path / f"{folder}-out" / "project")

    name, hostile = built(text, "hostile")
    assert name.isidentifier()
    same, plain = built(f"{name}.tflite", "plain")
    assert same == name
    assert plain.keys() == hostile.keys()
    assert [path for path in plain if plain[path] != hostile[path]] == []


def toml(value: Any) -> str:
    """A value as TOML, everything inline."""
    if isinstance(value, dict):
        items = (f"{json.dumps(key)} = {toml(item)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):  # DEL may not stand there as itself
        return json.dumps(value).replace("\x7f", "\\u007f")
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def document(data: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in data.items())


def changed(data: Any, text: str) -> Iterator[tuple[str, Any]]:
    """The data with one string, or one key, replaced; each of them in turn."""
    if isinstance(data, str):
        yield "", text
    elif isinstance(data, list):
        for i, item in enumerate(data):
            for path, new in changed(item, text):
                yield f"{i}.{path}", [*data[:i], new, *data[i + 1 :]]
    elif isinstance(data, dict):
        for key, item in data.items():
            yield f"{key} as key", {text if k == key else k: v for k, v in data.items()}
            for path, new in changed(item, text):
                yield f"{key}.{path}", {**data, key: new}


PROSE = {"title", "source", "note"}


@pytest.mark.parametrize("name", ["nucleo_f446re", "esp32s3", "nicla_vision"])
def test_hostile_data_files(tmp_path: Path, name: str) -> None:
    """'port = ["../../etc/passwd"]', free names in [defines] and the like reached the project."""
    folder = resources.path("boards")
    board_data = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
    chip_name = board_data["chip"]
    chip_data = tomllib.loads((folder / "chips" / f"{chip_name}.toml").read_text(encoding="utf-8"))
    board_file, chip_file = tmp_path / "mine.toml", tmp_path / "chips" / f"{chip_name}.toml"
    chip_file.parent.mkdir()
    board_file.write_text(document(board_data), encoding="utf-8")
    chip_file.write_text(document(chip_data), encoding="utf-8")
    assert load_board(board_file).chip.title == load_board(name).chip.title
    taken = set()
    texts = random.Random(name).sample(HOSTILE, 8)
    for data, file in ((board_data, board_file), (chip_data, chip_file)):
        for text in (*texts, EVERYTHING, "a\nb", "../../etc/passwd"):
            for path, new in changed(data, text):
                file.write_text(document(new), encoding="utf-8")
                try:
                    load_board(board_file)
                except BoardError:
                    continue
                assert text.isprintable(), (path, text)
                taken.add((path.strip(".").split(".")[-1], text))
        file.write_text(document(data), encoding="utf-8")
    assert {(key, text) for key, text in taken if key not in PROSE} == set()
    assert {key for key, _ in taken} >= {"title", "source"}
