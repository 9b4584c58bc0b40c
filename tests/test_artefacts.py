"""What a build leaves can be trusted: damage is noticed or healed, no two builds get mixed up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.values.plans import MODEL_BYTES, TEMPLATE, planned_on, sine_plan
from tests.support.values.small_boards import board_of
from tinyml import api
from tinyml.base.errors import BuildError, TinymlError
from tinyml.base.files import is_sealed, refuse_own, seal, write_atomic
from tinyml.base.lock import NAME, locked
from tinyml.codegen.generate import generate
from tinyml.evaluate.arrayfile import read_array_file
from tinyml.measure import flash
from tinyml.model.file import read_model
from tinyml.project.build import build
from tinyml.project.create import create
from tinyml.target.boards import load_board
from tinyml.values.image import check_files, load_image
from tinyml.values.project import Project

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
BOARD = "nucleo_l4r5zi"


def make(folder: Path) -> Project:
    plan, board = sine_plan(), board_of()
    sources = generate(plan, board, model_bytes=MODEL_BYTES)
    return create(planned_on(plan, board, TEMPLATE), sources, folder / "project")


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tinyml", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def tinyml(*arguments: str, cwd: Path) -> tuple[int, str]:
    process = start(*arguments, cwd=cwd)
    printed, _ = process.communicate()
    return process.returncode, printed


def test_two_builds_at_once(tmp_path: Path) -> None:
    """Two builds in one folder failed, or left an image that was neither's."""
    shutil.copy(DIGITS, tmp_path / "m.tflite")
    goals = ("speed", "size", "ram")
    argv = ("build", "m.tflite", "--board", BOARD, "--output", "out", "--optimize")
    running = [start(*argv, goal, cwd=tmp_path) for goal in goals]
    printed = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], printed
    assert "waiting for process" in "".join(printed)
    image = load_image(tmp_path / "out" / "image.json")
    check_files(image)
    last = json.loads((tmp_path / "out" / "report.json").read_text())["optimize"]
    assert tinyml(*argv[:4], "--output", "alone", "--optimize", last, cwd=tmp_path)[0] == 0
    alone = load_image(tmp_path / "alone" / "image.json")
    assert [item for _, item in image.hashes] == [item for _, item in alone.hashes]
    left = [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]
    assert left == []


def test_a_lock_ends_with_its_holder(tmp_path: Path) -> None:
    """A lock of a killed build would have kept all others out for good."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom tinyml.base.lock import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(600)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(BuildError, match=f"process {holder.pid} .* still uses"):
        locked(tmp_path, timeout_s=0.2).__enter__()
    holder.kill()
    holder.communicate()
    assert (tmp_path / NAME).exists()
    with locked(tmp_path, timeout_s=5.0):
        pass
    assert not (tmp_path / NAME).exists()


def test_a_lock_is_not_written_through_a_link(tmp_path: Path) -> None:
    """A link in the lock's place would have emptied the file that it leads to."""
    (tmp_path / "mine").write_text("text")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / NAME).symlink_to(tmp_path / "mine")
    with pytest.raises(TinymlError, match="cannot lock"):
        locked(tmp_path / "out").__enter__()
    assert (tmp_path / "mine").read_text() == "text"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [cut, flip, empty, Path.unlink], ids=lambda harm: harm.__name__)
@pytest.mark.parametrize(
    "name", ["firmware.elf", "firmware.bin", "image.json", "objects/main-*.o", "objects/linked"]
)
def test_the_next_build_heals(tmp_path: Path, name: str, harm: Callable[[Path], None]) -> None:
    """Files that were cut short or altered stayed in the build for good."""
    project = make(tmp_path)
    image = build(project, "zig", tmp_path)
    wanted = {path.name: path.read_bytes() for path in tmp_path.glob("firmware.*")}
    (path,) = tmp_path.glob(name)
    harm(path)
    assert build(project, "zig", tmp_path) == image
    check_files(image)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("firmware.*")} == wanted


def test_the_run_time_library_heals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library in the user's cache that was cut short made every later build fail."""
    monkeypatch.setenv("TINYML_CACHE_DIR", str(tmp_path / "cache"))
    build(make(tmp_path), "zig", tmp_path / "a")
    (library,) = (tmp_path / "cache").rglob("*.a")
    whole = library.read_bytes()
    cut(library)
    image = build(make(tmp_path), "zig", tmp_path / "b")
    check_files(image)
    assert is_sealed(library)
    assert len(library.read_bytes()) == len(whole)


def test_seals(tmp_path: Path) -> None:
    """Kept files were taken for whole because they were there."""
    path = tmp_path / "kept"
    assert not is_sealed(path)
    path.write_text("content")
    assert not is_sealed(path)
    seal(path)
    assert is_sealed(path)
    flip(path)
    assert not is_sealed(path)


@pytest.mark.parametrize("name", ["firmware.elf", "firmware.bin"])
def test_what_was_not_built_is_not_flashed(tmp_path: Path, name: str) -> None:
    """flash wrote whatever lay in the build directory, also half of an image."""
    build(make(tmp_path), "zig", tmp_path)
    (tmp_path / "report.json").write_text(f'{{"board": {{"name": "{BOARD}"}}}}')
    image, board = flash.find_build(tmp_path, None)
    flip(tmp_path / name)
    with pytest.raises(BuildError, match="is not the file that was built"):
        flash.find_build(tmp_path, None)
    if name.endswith("bin"):
        with pytest.raises(BuildError, match="is not the file that was built"):
            flash.job_of(image, board, None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sha256", {}),
        ("sha256", None),
        ("segments", [["0", "firmware.bin"]]),
        ("segments", [[-1, "firmware.bin"]]),
        ("segments", [[0, "other.bin"]]),
        ("flash_bytes", "many"),
        ("symbols", [["main", 1 << 40, 4]]),
        ("elf", None),
    ],
)
def test_a_description_is_looked_at(tmp_path: Path, key: str, value: object) -> None:
    """image.json was believed, whatever stood in it."""
    build(make(tmp_path), "zig", tmp_path)
    path = tmp_path / "image.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(BuildError, match="not an image description"):
        load_image(path)


START = """
#include <stdint.h>
extern char _stack_top[];
int main(void);
void Reset_Handler(void) {{ main(); for (;;) {{ }} }}
__attribute__((section(".vectors"), used)) const void *const vectors[] = {{
    (void *){stack}, (const char *)Reset_Handler{reset}
}};
"""


@pytest.mark.parametrize(
    ("stack", "reset", "is_good"),
    [
        ("0x20001000", "", True),
        ("0x20000000", "", False),  # the first bytes below it are outside
        ("0x08000100", "", False),
        ("0", "", False),
        ("0x20001000", " - 1", False),  # the Thumb bit is missing
        ("0x20001000", " + 0x1000000", False),
    ],
)
def test_the_vector_table_leads_somewhere(
    tmp_path: Path, stack: str, reset: str, is_good: bool
) -> None:
    """An image that no core can start was built, flashed and then silent."""
    project = make(tmp_path)
    script = project.directory / "linker.ld"
    text = script.read_text()
    assert ".text" in text
    script.write_text(text.replace(".text", ".vectors : { KEEP(*(.vectors)) } > FLASH\n .text", 1))
    (project.directory / "start.c").write_text(START.format(stack=stack, reset=reset))
    if is_good:
        build(project, "zig", tmp_path)
        return
    with pytest.raises(BuildError, match="the vector table cannot start the core"):
        build(project, "zig", tmp_path)
    assert not (tmp_path / "image.json").exists()


def test_links_in_a_build_directory(tmp_path: Path) -> None:
    """A link in place of objects/ made a build delete the object files of another folder."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.o").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "objects").symlink_to(other)
    with pytest.raises(TinymlError, match="lies outside"):
        build(make(tmp_path), "zig", out)
    assert [path.name for path in other.iterdir()] == ["mine.o"]
    (out / "objects").unlink()
    (tmp_path / "victim").write_text("text")
    (out / "firmware.elf").symlink_to(tmp_path / "victim")
    check_files(build(make(tmp_path), "zig", out))
    assert (tmp_path / "victim").read_text() == "text"


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """A disk that got full in the middle left a new ELF beside an old description."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=3m none '{disk}' || exit 77\n"
        f"cp m.tflite '{disk}'; cd '{disk}'\n"
        f"tinyml='{sys.executable} -m tinyml build m.tflite --board {BOARD} --output out'\n"
        "$tinyml >/dev/null || exit 78\n"
        "sha256sum out/firmware.* out/image.json > before\n"
        "free=$(df --output=avail -k . | tail -1)\n"
        "for keep in 4 40 100 160 220; do\n"
        "  [ $((free - keep)) -gt 0 ] && head -c $(((free - keep) * 1024)) /dev/zero > fill\n"
        "  $tinyml --optimize size > said 2>&1 && { rm fill; exit 79; }\n"
        "  code=$?; rm fill; grep -q Traceback said && exit 80\n"
        "  sha256sum --quiet -c before || exit 81\n"
        "  [ $code = 1 ] || [ $code = 3 ] || exit 82\n"
        "done\n"
    )
    shutil.copy(DIGITS, tmp_path / "m.tflite")
    try:
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no file system can be mounted here")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_failed_write_says_so(tmp_path: Path) -> None:
    """Two processes that wrote one file shared its temporary name."""
    names: set[str] = set()
    target = tmp_path / "x"
    target.mkdir()  # which cannot be replaced by a file
    for _ in range(2):
        with pytest.raises(TinymlError, match="cannot write"):
            write_atomic(target, "text")
        names |= {path.name for path in tmp_path.iterdir()}
    assert names == {"x"}


def test_measured_results_of_the_same_image_are_kept(tmp_path: Path) -> None:
    """A build that changed nothing threw the measured results away."""
    shutil.copy(DIGITS, tmp_path / "m.tflite")
    argv = ("m.tflite", "--board", BOARD, "--output", "out")
    assert tinyml("simulate", *argv, "--samples", "1", cwd=tmp_path)[0] == 0
    report = tmp_path / "out" / "report.json"
    measured = json.loads(report.read_text())
    assert measured["run"]["total"]["instructions"] > 0
    assert tinyml("build", *argv, cwd=tmp_path)[0] == 0
    again = json.loads(report.read_text())
    assert (again["run"], again["layers"]) == (measured["run"], measured["layers"])
    assert tinyml("build", *argv, "--optimize", "size", cwd=tmp_path)[0] == 0
    other = json.loads(report.read_text())
    assert other["run"] is None
    assert all(layer["cycles"] is None for layer in other["layers"])


@pytest.mark.parametrize("name", ["image.json", "report.json", "firmware.elf"])
def test_files_of_others_are_not_replaced(tmp_path: Path, name: str) -> None:
    """A folder that tinyml did not make lost the user's files of these names, in silence."""
    (tmp_path / name).write_text("mine")
    settings = api.Settings(directory=tmp_path)
    with pytest.raises(BuildError, match=f"is no build of tinyml, and holds {name}"):
        api.build(DIGITS, load_board("nucleo_l4r5zi"), settings)
    assert (tmp_path / name).read_text() == "mine"


def test_a_project_does_not_replace_files_of_others(tmp_path: Path) -> None:
    """A Makefile and a README of the user were replaced by the template's."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "Makefile").write_text("all:\n")
    settings = api.Settings(directory=tmp_path / "b", project=folder, project_only=True)
    board = load_board("nucleo_l4r5zi")
    with pytest.raises(BuildError, match="not tinyml's and would be replaced: Makefile"):
        api.build(DIGITS, board, settings)
    assert (folder / "Makefile").read_text() == "all:\n"
    (folder / "Makefile").unlink()
    api.build(DIGITS, board, settings)
    api.build(DIGITS, board, settings)  # once more, on its own files


def test_a_folder_where_a_file_belongs_is_one_error(tmp_path: Path) -> None:
    """It ended in a traceback."""
    project = make(tmp_path)
    (tmp_path / "firmware.elf").mkdir()
    with pytest.raises(TinymlError, match=r"cannot write .*firmware.elf: it is a folder"):
        build(project, "zig", tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_neither_read_nor_replaced(tmp_path: Path) -> None:
    """Reading a named pipe waited for good, and writing to one replaced it."""
    pipe = tmp_path / "m.tflite"
    os.mkfifo(pipe)
    with pytest.raises(TinymlError, match="a device or a pipe"):
        read_model(pipe)
    with pytest.raises(TinymlError, match="a device or a pipe"):
        read_array_file(pipe)
    with pytest.raises(TinymlError, match="it is a device or a pipe"):
        write_atomic(pipe, "text")
    assert pipe.is_fifo()


def test_outputs_are_not_written_over_what_a_command_uses(tmp_path: Path) -> None:
    """``simulate --outputs m.tflite`` replaced the model, and a name in the build its files."""
    model, inside = tmp_path / "m.tflite", tmp_path / "build" / "image.json"
    inside.parent.mkdir()
    for path in (model, inside):
        path.write_text("kept")
    with pytest.raises(TinymlError, match="is read by this command"):
        refuse_own(model, (model, None))
    with pytest.raises(TinymlError, match="lies among the files of the build"):
        refuse_own(inside, (model,), inside.parent)
    refuse_own(tmp_path / "y.npz", (model,), inside.parent)
    refuse_own(None, (model,), inside.parent)
