"""The fingerprint of a build: the same from the same, another from anything else."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.values.plans import MODEL_BYTES, planned_on, sine_plan
from tests.support.values.projects import CHOSEN, make_project
from tinyml.base.errors import DeviceError
from tinyml.codegen.generate import Sources, generate
from tinyml.device.connect import Expected, check_identity
from tinyml.device.values import Identity
from tinyml.plan.planned import Planned
from tinyml.project.create import AgentOptions, create
from tinyml.project.fingerprint import DIGITS, MACRO, fingerprint_of
from tinyml.target.boards import load_board
from tinyml.target.template import load_template
from tinyml.values.project import Project

BOARD = load_board("nucleo_f446re")
PLAN = sine_plan(BOARD.ram[0].region, BOARD.name)
PLANNED = planned_on(PLAN, BOARD, "baremetal")
SOURCES = generate(PLAN, BOARD, model_bytes=MODEL_BYTES)


def made(
    folder: Path,
    planned: Planned = PLANNED,
    sources: Sources = SOURCES,
    speaks: AgentOptions | None = None,
) -> Project:
    return create(planned, sources, folder, speaks=speaks or AgentOptions())


@pytest.mark.parametrize("template", sorted(CHOSEN))
def test_two_folders_one_fingerprint(template: str, tmp_path: Path) -> None:
    one, other = (make_project(template, tmp_path / name) for name in ("a", "b/c"))
    assert one.fingerprint == other.fingerprint
    assert len(one.fingerprint) == DIGITS
    configs = [path.read_bytes() for path in sorted(tmp_path.rglob("tml_config.h"))]
    assert len(configs) == 2
    assert f'#define {MACRO} "{one.fingerprint}"'.encode() in configs[0]
    assert configs[0] == configs[1]


def test_what_the_user_writes_is_not_in_it(tmp_path: Path) -> None:
    before = made(tmp_path)
    for name in load_template("baremetal").named("sine").keep:
        (tmp_path / name).write_text("mine\n")
    assert made(tmp_path) == before


def test_builds_of_one_model_that_differ_in_anything(tmp_path: Path) -> None:
    """Another goal, compiler, core, agent or weight with equal layers and arena went unnoticed."""
    weights = SOURCES.text("sine_weights.c")
    other = dict(SOURCES.files) | {"sine_weights.c": weights.replace("-", " ", 1)}
    core = replace(BOARD.chip.core, gcc=(*BOARD.chip.core.gcc, "-mfpu=none"))
    stranger = replace(BOARD, chip=replace(BOARD.chip, core=core))
    target = PLANNED.target
    projects = [
        made(tmp_path / "0"),
        made(tmp_path / "1", replace(PLANNED, plan=replace(PLAN, optimize="size"))),
        made(tmp_path / "2", replace(PLANNED, target=replace(target, toolchain="arm_gcc"))),
        made(tmp_path / "3", replace(PLANNED, target=replace(target, board=stranger))),
        made(tmp_path / "4", sources=replace(SOURCES, files=tuple(other.items()))),
        made(tmp_path / "5", speaks=AgentOptions(model_id="kws01")),
        made(tmp_path / "6", planned_on(PLAN, BOARD, "baremetal", agent=False)),
        made(tmp_path / "7", speaks=AgentOptions(benchmark=True)),
    ]
    assert len({project.fingerprint for project in projects}) == len(projects)
    assert [project.is_announced for project in projects[5:]] == [True, False, False]
    silent = tmp_path / "6" / "tml_config.h", tmp_path / "7" / "tml_config.h"
    assert not [path for path in silent if MACRO in path.read_text()]


def test_the_compiler_that_is_taken_without_asking_may_be_named(tmp_path: Path) -> None:
    named = replace(PLANNED, target=replace(PLANNED.target, toolchain="zig"))
    assert made(tmp_path / "a").fingerprint == made(tmp_path / "b", named).fingerprint


def test_every_byte_and_every_border_counts() -> None:
    draw = random.Random(1)
    for _ in range(200):
        files = {f"f{n}": draw.randbytes(draw.randrange(6)) for n in range(draw.randrange(1, 5))}
        words = ["".join(draw.choices("ab", k=draw.randrange(3))) for _ in range(3)]
        found = fingerprint_of(files, words)
        assert found == fingerprint_of(dict(reversed(files.items())), words)
        name = draw.choice(sorted(files))
        data = files[name]
        others = [
            fingerprint_of({**files, name: data + b"\0"}, words),
            fingerprint_of({**files, "g": b""}, words),
            fingerprint_of({n: d for n, d in files.items() if n != name}, words),
            fingerprint_of({**{n: d for n, d in files.items() if n != name}, "g": data}, words),
            fingerprint_of(files, [*words, ""]),
            fingerprint_of(files, [words[0] + "a", *words[1:]]),
        ]
        assert found not in others
    assert fingerprint_of({"a": b"bc"}, ()) != fingerprint_of({"ab": b"c"}, ())
    assert fingerprint_of({"a": "ä"}, ()) == fingerprint_of({"a": "ä".encode()}, ())


FOUND = Identity("m", "0123456789ab", 1, 1, 1, 3, 1_000_000, 64, "aaaaaaaaaaaa")
WANTED = Expected("m", "0123456789ab" * 2, 3, 1, "build/m-b", 64, "aaaaaaaaaaaa")


def test_another_build_of_the_model_is_refused() -> None:
    """Two builds with equal layers and arena were one to profile, verify and run."""
    with pytest.raises(DeviceError) as caught:
        check_identity("/dev/x", FOUND, replace(WANTED, fingerprint="bbbbbbbbbbbb"))
    assert caught.value.message == (
        "/dev/x: the firmware is another build of this model: its fingerprint is aaaaaaaaaaaa, "
        "that of build/m-b bbbbbbbbbbbb"
    )
    assert caught.value.hint == (
        "flash this build ('tinyml flash build/m-b'), or name the build that is on it"
    )
    check_identity("/dev/x", FOUND, WANTED)


def test_where_one_side_has_no_fingerprint_layers_and_arena_decide() -> None:
    for found, wanted in (
        (replace(FOUND, fingerprint=""), WANTED),
        (FOUND, replace(WANTED, fingerprint="")),
    ):
        check_identity("/dev/x", found, wanted)
        with pytest.raises(DeviceError, match="in 3 layers, build/m-b in 4"):
            check_identity("/dev/x", found, replace(wanted, layers=4))
        with pytest.raises(DeviceError, match="arena of 64 bytes, build/m-b one of 1,024"):
            check_identity("/dev/x", found, replace(wanted, arena_bytes=1024))
