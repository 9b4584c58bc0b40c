from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.values.plans import MODEL_BYTES, TEMPLATE, planned_on, sine_plan
from tests.support.values.small_boards import board_of
from tinyml.base.errors import TinymlError
from tinyml.base.files import write_atomic
from tinyml.base.includes import Headers
from tinyml.codegen.generate import generate
from tinyml.project.create import create, load_template
from tinyml.values.project import Project


def make(dest: Path, template: str = TEMPLATE) -> Project:
    plan, board = sine_plan(), board_of()
    return create(
        planned_on(plan, board, template), generate(plan, board, model_bytes=MODEL_BYTES), dest
    )


def listing(project: Project) -> str:
    files = (p for p in project.directory.rglob("*") if p.is_file())
    return "".join(f"{p.relative_to(project.directory).as_posix()}\n" for p in sorted(files))


def test_a_project_holds_exactly_what_it_needs(
    tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    project = make(tmp_path / "p")
    golden("project-files.txt", listing(project))
    assert project.sources == (
        "main.c",
        "start.c",
        "model/sine.c",
        "model/sine_weights.c",
        "firmware/libc/string.c",
    )


def test_the_library_template(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    project = make(tmp_path / "p", "library")
    golden("library-files.txt", listing(project))
    for name in ("CMakeLists.txt", "README.md"):
        golden(f"library/{name}", (project.directory / name).read_text(encoding="utf-8"))
    assert project.linker_script == ""


def test_making_it_again_keeps_the_users_files_and_unchanged_times(tmp_path: Path) -> None:
    project = make(tmp_path)
    mine, generated = tmp_path / "main.c", tmp_path / "model" / "sine.c"
    mine.write_text("/* mine */\n")
    (tmp_path / "start.c").write_text("/* not mine */\n")
    os.utime(generated, (1, 1))
    assert make(tmp_path) == project
    assert mine.read_text() == "/* mine */\n"
    assert "Reset_Handler" in (tmp_path / "start.c").read_text()
    assert generated.stat().st_mtime == 1


def test_an_unknown_template_lists_the_known_ones() -> None:
    with pytest.raises(TinymlError) as caught:
        load_template("librari")
    assert str(caught.value) == (
        "there is no project template 'librari'\nhint: did you mean 'library'?; "
        "'tinyml build --library' writes the C files for a project of your own"
    )


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(TinymlError, match=r"cannot write .*taken: ") as caught:
        write_atomic(tmp_path / "taken", "text")
    assert "choose a place" in str(caught.value.hint)
    assert [item.name for item in tmp_path.iterdir()] == ["taken"]
    assert write_atomic(tmp_path / "new", "ü\n")
    assert not write_atomic(tmp_path / "new", "ü\n")


def test_includes_are_followed(tmp_path: Path) -> None:
    (tmp_path / "inc").mkdir()
    main, first, second = tmp_path / "m.c", tmp_path / "a.h", tmp_path / "inc" / "b.h"
    main.write_text('#include "a.h"\n#include <stdint.h>\n')
    first.write_text('#if 0\n#  include "b.h"\n#endif\n')
    second.write_text('#include "a.h"\n')
    assert Headers((tmp_path / "inc",)).of(main) == (first.resolve(), second.resolve())
