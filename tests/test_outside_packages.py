"""What another package adds reaches the command line: toolchain, flasher, template, importer.

The package is a folder on PYTHONPATH with the metadata that pip would have written; no board file
and no file of tinyml knows of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.nets.float_graphs import single_op
from tests.support.running.cli import run_tinyml
from tests.support.values.plans import TEMPLATE
from tinyml.convert import flatfile

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
BOARD = "nucleo_l4r5zi"
CODE = '''
from dataclasses import replace
from pathlib import Path

from tinyml.backends.toolchains import zig


def toolchain():
    return replace(zig(), name="acme_cc")


class Pencil:
    """Writes the image down."""

    name = "pencil"
    can_skip = False

    def ports(self, board):
        return None

    def check_options(self, board):
        pass

    def check(self, job):
        pass

    def problem(self, job):
        return None

    def erases(self, job):
        return "the paper"

    def steps(self, job):
        return (f"write {len(job.parts)} parts down",)

    def write(self, job, progress):
        Path("paper.bin").write_bytes(job.parts[0].data)
        return "written down"


def template():
    return Path(__file__).parent / "acme_template"

'''
IMPORTER = """
from pathlib import Path

from tinyml.convert.importers import tflite
from tinyml.convert.importers.values import Source

PACKAGES = ()


def _inside(source):
    path = source.path.with_suffix(".tflite")
    path.write_bytes(source.path.read_bytes()[4:])
    return Source(path)


def import_model(source, options):
    return tflite.import_model(_inside(source), options)


def outputs_of(source, options, samples):
    return tflite.outputs_of(_inside(source), options, samples)
"""
ENTRIES = """\
[tinyml.toolchains]
acme_cc = acme:toolchain
[tinyml.flashers]
pencil = acme:Pencil
[tinyml.templates]
acme = acme:template
[tinyml.importers]
acme = acme_importer
[tinyml.simulators]
torn = acme_that_is_not_there:Torn
"""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    metadata = folder / "acme-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRIES)
    (folder / "acme.py").write_text(CODE)
    (folder / "acme_importer.py").write_text(IMPORTER)
    shutil.copytree(TEMPLATE, folder / "acme_template")
    return folder


def tinyml(outside: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(outside), str(ROOT)))
    return run_tinyml(*words, cwd=outside.parent, env={**os.environ, "PYTHONPATH": path})


def test_a_toolchain_a_template_and_a_flasher(outside: Path) -> None:
    chosen = ("--toolchain", "acme_cc", "--template", "acme", "--no-agent", "--output", "b")
    built = tinyml(outside, "build", str(DIGITS), "--board", BOARD, *chosen)
    assert built.returncode == 0, built.stderr
    assert '"toolchain": "acme_cc ' in (outside.parent / "b" / "image.json").read_text()
    assert (outside.parent / "b" / "project" / "start.c").is_file()
    flashed = tinyml(outside, "flash", "b", "--flasher", "pencil", "--yes")
    assert flashed.returncode == 0, flashed.stderr
    assert "pencil will erase the paper" in flashed.stderr
    paper = outside.parent / "paper.bin"
    assert paper.read_bytes() == (outside.parent / "b" / "firmware.bin").read_bytes()


def test_an_importer(outside: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    (outside.parent / "net.acme").write_bytes(b"ACME" + flatfile.write(single_op("RELU")))
    made = tinyml(outside, "convert", "net.acme", "--calibration", "random")
    assert made.returncode == 0, made.stderr
    assert (outside.parent / "net.tflite").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--toolchain", "acme_c"), "there is no toolchain 'acme_c': did you mean 'acme_cc'"),
        (("--template", "acm"), "did you mean 'acme'?"),
    ],
)
def test_names_that_are_nearly_right(outside: Path, words: tuple[str, ...], message: str) -> None:
    found = tinyml(outside, "build", str(DIGITS), "--board", BOARD, *words)
    assert found.returncode in (1, 2)
    assert message in found.stderr


def test_a_package_that_does_not_load_breaks_only_its_own_backend(outside: Path) -> None:
    words = ("simulate", str(DIGITS), "--board", BOARD, "--samples", "1")
    assert tinyml(outside, *words).returncode == 0
    found = tinyml(outside, *words, "--simulator", "torn")
    assert found.returncode == 3
    assert "acme cannot be used: 'acme_that_is_not_there:Torn' does not load" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def toolchain():\n    return None\n", "is a NoneType without name, version"),
        ("toolchain = 5\n", "cannot be made: TypeError"),
        ("def toolchain():\n    raise ValueError('no licence')\n", "ValueError: no licence"),
        ("import sys\nsys.exit(0)\n", "acme cannot be used"),
    ],
)
def test_what_is_no_toolchain(outside: Path, code: str, message: str) -> None:
    """Packages that load and bring the wrong thing ended in a traceback, sys.exit(0) in silence."""
    (outside / "acme.py").write_text(code)
    words = ("--toolchain", "acme_cc", "--template", str(outside / "acme_template"))
    found = tinyml(outside, "build", str(DIGITS), "--board", BOARD, *words)
    assert found.returncode == 3
    assert message in found.stderr
    assert "Traceback" not in found.stderr


CLASHES = {
    "toolchains": ("zig", "acme:toolchain", ("build", "--toolchain", "zig", "--board", BOARD)),
    "builders": ("arm_gcc", "acme:toolchain", ("build", "--toolchain", "zig", "--board", BOARD)),
    "runtimes": ("aot", "acme:toolchain", ("check", "--board", BOARD)),
    "templates": ("baremetal", "acme:template", ("build", "--board", BOARD)),
    "simulators": ("unicorn", "acme:Pencil", ("simulate", "--board", BOARD)),
    "importers": ("tflite", "acme_importer", ("convert", "--calibration", "random")),
}


@pytest.mark.parametrize("kind", CLASHES)
def test_a_name_that_tinyml_has_itself(outside: Path, kind: str) -> None:
    """The package's was passed over in silence, or took the place of ours."""
    name, value, (command, *words) = CLASHES[kind]
    entries = outside / "acme-1.0.dist-info" / "entry_points.txt"
    entries.write_text(f"[tinyml.{kind}]\n{name} = {value}\n")
    found = tinyml(outside, command, str(DIGITS), *words)
    assert found.returncode in (1, 3), found.stdout
    assert (
        f"acme brings the {kind[:-1]} '{name}' ({value}), and one of tinyml's own has that name"
    ) in " ".join(found.stderr.split())
    assert f"its entry point in tinyml.{kind} renamed" in " ".join(found.stderr.split())
    assert "Traceback" not in found.stderr


def test_a_flasher_with_a_name_of_ours(outside: Path) -> None:
    built = tinyml(outside, "build", str(DIGITS), "--board", BOARD, "--output", "b")
    assert built.returncode == 0, built.stderr
    entries = outside / "acme-1.0.dist-info" / "entry_points.txt"
    entries.write_text("[tinyml.flashers]\ncopy = acme:Pencil\n")
    found = tinyml(outside, "flash", "b", "--dry-run")
    assert found.returncode == 3
    assert "acme brings the flasher 'copy' (acme:Pencil), and one of tinyml's" in found.stderr


@pytest.mark.parametrize("group", ["toolchains", "builders"])
def test_two_packages_with_one_name(outside: Path, group: str) -> None:
    """Which of the two was taken depended on the order of folders."""
    other = outside / "zeta-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: zeta\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text(f"[tinyml.{group}]\nacme_cc = zeta:toolchain\n")
    words = ("build", str(DIGITS), "--board", BOARD, "--toolchain", "acme_cc")
    found = tinyml(outside, *words)
    assert found.returncode == 3
    assert "brings one of that name too" in " ".join(found.stderr.split())
    assert "acme" in found.stderr
    assert "zeta" in found.stderr


@pytest.mark.parametrize("code", ["OPS = None", "OPS = (1,)", "FORMS = ((1, 2),)", "EXTENTS = 5"])
def test_what_are_no_operators(outside: Path, code: str) -> None:
    entries = outside / "acme-1.0.dist-info" / "entry_points.txt"
    entries.write_text("[tinyml.operators]\nacme = acme_ops\n")
    (outside / "acme_ops.py").write_text(code + "\n")
    found = tinyml(outside, "inspect", str(DIGITS))
    assert found.returncode == 1
    assert "of acme_ops" in found.stderr
    assert "Traceback" not in found.stderr


def private_board(folder: Path, **changes: tuple[tuple[str, str], ...]) -> Path:
    """A board, its chip and its core in files of a user's own; ``changes`` by file's name."""
    boards = ROOT / "boards"
    copies = {
        "mine": (boards / f"{BOARD}.toml", "mine.toml"),
        "chip": (boards / "chips" / "stm32l4r5.toml", "chips/my_chip.toml"),
        "core": (boards / "cores" / "cortex-m4.toml", "chips/cores/my-core.toml"),
    }
    renamed = {"mine": ('"stm32l4r5"', '"my_chip"'), "chip": ('"cortex-m4"', '"my-core"')}
    for name, (source, copy) in copies.items():
        text = source.read_text(encoding="utf-8")
        for old, new in (*([renamed[name]] if name in renamed else []), *changes.get(name, ())):
            assert old in text
            text = text.replace(old, new)
        (folder / copy).parent.mkdir(parents=True, exist_ok=True)
        (folder / copy).write_text(text, encoding="utf-8")
    return folder / "mine.toml"


def test_a_core_is_one_file(tmp_path: Path, outside: Path) -> None:
    board = private_board(tmp_path)
    found = tinyml(outside, "simulate", str(DIGITS), "--board", str(board), "--samples", "2")
    assert found.returncode == 0, found.stderr
    assert "equal to the reference" in found.stdout or "my-core" in found.stdout
    again = tinyml(outside, "simulate", str(DIGITS), "--board", BOARD, "--samples", "2", "--json")
    mine = tinyml(
        outside, "simulate", str(DIGITS), "--board", str(board), "--samples", "2", "--json"
    )
    totals = [json.loads(item.stdout)["run"]["total"] for item in (again, mine)]
    assert totals[0] == totals[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("-mcpu=cortex-m4", "-fplugin=./evil.so"), "which such a thing cannot be"),
        (("[timing.cycles]", "[timing.cycels]"), "unknown key 'timing.cycels'"),
        (("UC_CPU_ARM_CORTEX_M4", "UC_CPU_ARM_CORTEX_M99"), "unicorn has no"),
        (("load = 2", "load = -5"), "'timing.cycles.load' is -5 cycles"),
    ],
)
def test_what_a_core_file_cannot_say(
    tmp_path: Path, outside: Path, change: tuple[str, str], message: str
) -> None:
    board = private_board(tmp_path, core=(change,))
    found = tinyml(outside, "simulate", str(DIGITS), "--board", str(board))
    assert found.returncode == 1
    assert message in found.stderr
    assert "Traceback" not in found.stderr
