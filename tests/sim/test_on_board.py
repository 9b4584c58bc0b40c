"""Profile and verify end to end: the emulated board over a pty, QEMU over its UART, commands."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from tests.support.running.fake_agent import FakeAgent
from tests.support.running.netports import networked
from tests.support.running.served import patched, served
from tests.support.values.plans import record_of
from tinyml import api
from tinyml.backends.simulators import Qemu, _pty_path
from tinyml.base import process
from tinyml.base.elf import Elf, read_elf
from tinyml.base.errors import BoardError, BuildError, DeviceError, MismatchError, TinymlError
from tinyml.base.process import Command
from tinyml.cli import cli
from tinyml.device.agent import AgentClient
from tinyml.device.baud import RATES
from tinyml.device.connect import Expected, connect
from tinyml.device.link import PipeLink
from tinyml.evaluate.samples import read_samples, with_labels
from tinyml.measure import onboard
from tinyml.measure.builds import open_build
from tinyml.measure.flash import find_build
from tinyml.report import device
from tinyml.target.boards import load_board
from tinyml.target.limits import with_budgets

pytestmark = [
    pytest.mark.sim,
    pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows"),
]

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits"
MODEL, TEST = DIGITS / "digits.tflite", DIGITS / "test.npz"
KWS = ROOT / "tests" / "models" / "kws_ref_model.tflite"
BOARD = "nucleo_l4r5zi"


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory):
    """Build directories by board, made once."""
    done: dict[str, api.Built] = {}

    def make(board: str) -> api.Built:
        if board not in done:
            folder = tmp_path_factory.mktemp(board)
            done[board] = api.build(MODEL, load_board(board), api.Settings(directory=folder))
        return done[board]

    return make


def elf_of(built: api.Built) -> Elf:
    return read_elf(built.linked().elf)


def samples_of(built: api.Built, count: int):
    return read_samples(TEST, built.plan.graph, count)


def test_a_build_is_opened_from_its_directory(builds):
    built = open_build(builds(BOARD).directory)
    assert record_of(built.planned) == record_of(builds(BOARD).planned)
    assert built.directory == builds(BOARD).directory


def test_profile_and_verify_over_a_pty(builds):
    built = builds(BOARD)
    board = load_board(BOARD)
    assert board.power is not None
    feed = samples_of(built, 12)
    with served(elf_of(built), board) as path:
        client = onboard.connect_build(built, path)
        measured = onboard.profile_build(built, client, feed, runs=15, warmup=2)
        found = onboard.verify_build(built, client, feed)
        client.close()
    run = measured.report.run
    assert run is not None
    assert (run["runs"], run["fresh_runs"], run["equal_to_reference"]) == (15, 15, 12)
    assert run["spread"]["min"] <= run["total"]["cycles"] <= run["spread"]["max"]
    ratio = run["total"]["cycles"] / run["predicted"]["total"]
    assert 0.9 < ratio < 1.1
    assert run["predicted"]["source"] == "emulated core"
    assert run["is_estimate"]  # the clock of an emulator is not one
    assert run["boot_to_first_inference_us"] > run["first_inference_us"] > 1000
    assert run["energy_estimate_uj"] == pytest.approx(
        run["time_us"] * board.power.active_mw / 1000, rel=0.01
    )
    facts = dict(device.facts(measured.report).rows)
    energy = str(facts["energy of an inference (ESTIMATE)"])
    assert energy.endswith(f"({board.power.source})")
    page = (built.directory / "report.html").read_text()
    assert "(ESTIMATE)" in page
    assert board.power.source in page
    assert all(layer.spread for layer in measured.report.layers)
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text())
    jsonschema.validate(json.loads((built.directory / "report.json").read_text()), schema)
    saved = json.loads((built.directory / "run.json").read_text())
    assert len(saved["outputs"]) == 12
    assert (found.samples, found.elements) == (12, 120)
    assert found.accuracy is not None
    assert found.accuracy > 0.7
    assert sum(map(sum, found.confusion)) == 12


@pytest.mark.qemu
def test_profile_and_verify_on_qemu(builds):
    board = load_board("stm32f405")
    built = builds("stm32f405")
    with process.running(Qemu().command(built.linked(), board)) as (stdin, stdout):
        path = _pty_path(PipeLink("qemu", stdin, stdout))
        client = onboard.connect_build(built, path)
        feed = samples_of(built, 4)
        measured = onboard.profile_build(built, client, feed, runs=5, warmup=1)
        found = onboard.verify_build(built, client, feed)
        client.close()
    run = measured.report.run
    assert run is not None
    assert not run["is_clock_plausible"]  # QEMU counts no cycles
    assert "first_inference_us" not in run
    assert "energy_estimate_uj" not in run
    assert found.samples == 4


@pytest.mark.parametrize("layer", [0, 3, 4, 7])
def test_a_broken_kernel_is_found_by_name(builds, layer):
    """A bit of some weights in the image is flipped."""
    built, board = builds(BOARD), load_board(BOARD)
    step = built.plan.steps[layer]
    assert step.call is not None
    names = {name: address for name, address, _ in built.linked().symbols}
    weights = next(
        address for name, address in names.items() if name.startswith(f"digits_l{layer}_")
    )
    broken = patched(elf_of(built), weights, 64)
    with served(broken, board) as path:
        client = onboard.connect_build(built, path)
        with pytest.raises(MismatchError) as caught:
            onboard.verify_build(built, client, samples_of(built, 20))
        client.close()
    text = str(caught.value)
    name = built.plan.graph.ops[step.ops[-1]].name
    assert f"the first layer that differs is layer {layer}, " in text
    assert f"'{name}', kernel {step.call.function}" in text
    assert "instead of" in text


def test_a_build_with_other_budgets_is_opened_as_it_was_built(tmp_path):
    board = with_budgets(load_board(BOARD), None, ("10000",), "300K")
    board = replace(board, stack_bytes=6000)
    built = api.build(MODEL, board, api.Settings(directory=tmp_path, optimize="speed"))
    assert record_of(open_build(tmp_path).planned) == record_of(built.planned)


def test_wrong_and_older_firmware_is_told_apart(builds):
    built, board = builds(BOARD), load_board(BOARD)
    wanted = Expected("digits", built.plan.graph.source.sha256, 9, 1, "build/x")
    cases = (
        (replace(wanted, model="kws", sha256="f" * 64), "runs another model: 'digits'"),
        (replace(wanted, abi=2), "older than this tinyml"),
        (replace(wanted, layers=8), "in 9 layers, build/x in 8"),
        (replace(wanted, fingerprint="0" * 12), "another build of this model: its fingerprint is"),
    )
    with served(elf_of(built), board) as path:
        for expected, message in cases:
            with pytest.raises(DeviceError, match=message) as caught:
                connect(path, board, expected)
            assert "flash" in (caught.value.hint or "")
        connect(path, board, wanted).close()


def test_two_builds_with_equal_layers_and_arena_are_told_apart(builds, tmp_path):
    """Both were one to profile, verify and run: the figures of one came into the other's report."""
    built = builds(BOARD)
    settings = api.Settings(directory=tmp_path, model_id="kws01")
    other = api.build(MODEL, load_board(BOARD), settings)
    assert record_of(replace(built.planned, fingerprint="")) == record_of(
        replace(other.planned, fingerprint="")
    )
    with served(elf_of(other), other.board) as path:
        line = api.Connection(path)
        for call in (api.profile, api.verify):
            with pytest.raises(DeviceError, match="is another build of this model: its finger"):
                call(open_build(built.directory), samples_of(built, 2), line)
        assert api.verify(open_build(tmp_path), samples_of(other, 2), line).samples == 2


def test_a_build_of_another_version_of_tinyml_is_used_as_it_is(builds, tmp_path, monkeypatch):
    """Later commands planned again: after every change of the planner old builds were refused."""
    folder = copied(builds(BOARD).directory, tmp_path)

    def planned_again(*_: object) -> None:
        raise AssertionError("an opened build is not planned again")

    monkeypatch.setattr("tinyml.passes.run_passes", planned_again)
    monkeypatch.setattr("tinyml.plan.planner.plan", planned_again)
    built = open_build(folder)
    with served(elf_of(built), built.board) as path:
        found = api.verify(built, samples_of(built, 2), api.Connection(path))
    assert found.samples == 2


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("digits.tflite", lambda path: path.unlink(), r"'digits\.tflite' is missing"),
        ("digits.tflite", lambda path: path.write_bytes(b"other"), "not the model that was built"),
        ("plan.json", lambda path: path.unlink(), r"has no plan\.json"),
        ("plan.json", lambda path: path.write_text(path.read_text()[:999]), "not a plan"),
        (
            "plan.json",
            lambda path: path.write_text(path.read_text().replace('"format": 1', '"format": 9')),
            "format 9, this version reads 1",
        ),
        (
            "plan.json",
            lambda path: path.write_text(path.read_text().replace('"offset": 0', '"offset": 16')),
            "its text was changed",
        ),
        ("plan.npz", lambda path: path.write_bytes(path.read_bytes()[:-1]), "is another one"),
        ("plan.npz", lambda path: path.unlink(), "not a plan"),
    ],
)
def test_a_damaged_build_is_not_opened(builds, tmp_path, name, damage, message):
    folder = copied(builds(BOARD).directory, tmp_path)
    damage(folder / name)
    with pytest.raises(BuildError, match=message) as caught:
        open_build(folder)
    assert caught.value.hint


def test_the_plan_of_another_image_is_not_opened(builds, tmp_path):
    """An interrupted build could leave a new image beside the plan of the one before."""
    folder = copied(builds(BOARD).directory, tmp_path)
    api.build(MODEL, load_board(BOARD), api.Settings("size", directory=tmp_path / "other"))
    for name in ("image.json", "firmware.elf", "firmware.bin", "firmware.hex"):
        shutil.copy(tmp_path / "other" / name, folder / name)
    with pytest.raises(BuildError, match="of another build than its plan"):
        open_build(folder)


def test_a_model_of_the_same_name_has_no_build(tmp_path, monkeypatch):
    """`verify b/m.tflite` took the build of a/m.tflite, and said that all outputs are equal."""
    monkeypatch.chdir(tmp_path)
    for folder, model in (("a", MODEL), ("b", KWS)):
        (tmp_path / folder).mkdir()
        shutil.copy(model, tmp_path / folder / "my model.tflite")
    board = load_board(BOARD)
    api.build(Path("a/my model.tflite"), board)
    assert open_build(Path("a/my model.tflite"), board).plan.graph.name == "my_model"
    with pytest.raises(BuildError, match="was built from another model than b/my model"):
        open_build(Path("b/my model.tflite"), board)


def test_another_build_of_the_model_is_not_measured(builds, tmp_path):
    """The board ran a balanced build; its cycles were filed under the build for size."""
    board = load_board(BOARD)
    small = api.build(MODEL, board, api.Settings("ram", directory=tmp_path))
    assert len(small.plan.steps) != len(builds(BOARD).plan.steps) or (
        small.plan.arena_bytes != builds(BOARD).plan.arena_bytes
    )
    with served(elf_of(builds(BOARD)), board) as path:
        with pytest.raises(DeviceError, match=r"another build|other settings"):
            onboard.connect_build(small, path)
        size = replace(small.planned, plan=replace(builds(BOARD).plan, arena_bytes=(("sram", 64),)))
        with pytest.raises(DeviceError, match=r"arena of .* bytes, .* one of 64: it is another"):
            onboard.connect_build(replace(builds(BOARD), planned=size), path)


def test_an_image_of_a_build_before_is_not_taken_for_that_of_a_project(tmp_path):
    """After --project-only `flash` wrote the image that lay there, of another plan."""
    board = load_board(BOARD)
    api.build(MODEL, board, api.Settings(directory=tmp_path))
    find_build(tmp_path, None)
    api.build(MODEL, board, api.Settings("size", directory=tmp_path, project_only=True))
    with pytest.raises(BuildError, match="has not been built"):
        find_build(tmp_path, None)


def test_a_board_file_that_became_another_chip(tmp_path):
    mine = tmp_path / "mine.toml"
    boards = ROOT / "boards"
    shutil.copy(boards / f"{BOARD}.toml", mine)
    api.build(MODEL, load_board(mine), api.Settings(directory=tmp_path / "b"))
    assert find_build(tmp_path / "b", load_board(mine))[1].name == "mine"
    shutil.copy(boards / "nucleo_f746zg.toml", mine)
    with pytest.raises(BoardError, match="has changed since"):
        find_build(tmp_path / "b", load_board(mine))


def copied(directory: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(directory, tmp_path / "copy"))


def test_commands(builds, tmp_path, capsys):
    built, board = builds(BOARD), load_board(BOARD)
    labels = tmp_path / "y.npy"
    np.save(labels, np.arange(360) % 10)
    where = str(built.directory)
    with served(elf_of(built), board) as path:
        common = ["--port", path, "--inputs", str(TEST)]
        cli.main(["profile", where, *common, "--runs", "3"], standalone_mode=False)
        text = capsys.readouterr().out
        assert "Cycles of 3 inferences" in text
        assert "an emulator, or clock_hz is wrong" in text
        cli.main(["profile", where, *common, "--runs", "2", "--json"], standalone_mode=False)
        assert json.loads(capsys.readouterr().out)["run"]["runs"] == 2
        arguments = ["--samples", "10", "--labels", str(labels)]
        cli.main(["verify", where, *common, *arguments], standalone_mode=False)
        text = capsys.readouterr().out
        assert "all 100 output elements of 10 samples equal the reference; accuracy" in text
        assert "Confusion" in text
        folder = ["--output", str(tmp_path / "run"), "--no-flash", "--runs", "2"]
        model = ["run", str(MODEL), "--board", BOARD, *folder]
        cli.main([*model, *common], standalone_mode=False)
        assert "outputs equal to the reference" in capsys.readouterr().out


def test_monitor_passes_lines_on_and_ends_with_its_input(builds):
    built, board = builds(BOARD), load_board(BOARD)
    with served(elf_of(built), board) as path:
        program = (sys.executable, "-m", "tinyml", "monitor", str(built.directory))
        with process.running(Command((*program, "--port", path), cwd=ROOT)) as (stdin, stdout):
            stdin.write(b"name%\n")
            stdin.close()
            text = stdout.read().decode()
    assert "Ctrl-] quits" in text
    assert "m-name-dut-[tinyml]\nm-ready" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x", "not a readable .npz or .npy file"),
        (np.full(9, 0.5), "9 labels of float64 for 2 of 360 samples"),
        (np.arange(1), "1 labels of int64 for 2 of 360 samples"),
        (np.arange(359) % 10, "359 labels of int64 for 2 of 360 samples"),
        (np.arange(400) % 10, "400 labels of int64 for 2 of 360 samples"),
        (
            np.full(2, 70_000),
            "2 labels are no class of the model, such as 70000: its classes are 0",
        ),
        (-np.arange(2), "1 labels are no class of the model, such as -1"),
    ],
    ids=["text", "floats", "few", "one short", "many", "large", "negative"],
)
def test_labels_that_cannot_be(builds, tmp_path, content, message):
    """With --samples, labels that were too many or too few for the file were taken."""
    built, path = builds(BOARD), tmp_path / "y.npy"
    path.write_bytes(b"x") if isinstance(content, bytes) else np.save(path, content)

    def verify() -> None:
        samples = with_labels(samples_of(built, 2), path)
        onboard.verify_build(built, AgentClient(FakeAgent()), samples)

    with pytest.raises(TinymlError, match=message) as caught:
        verify()
    assert caught.value.hint


def test_labels_for_the_whole_file_or_for_the_samples_taken(builds, tmp_path):
    feed = samples_of(builds(BOARD), 3)
    for count in (3, 360):
        np.save(tmp_path / "y.npy", np.arange(count) % 10)
        assert with_labels(feed, tmp_path / "y.npy").labels == (0, 1, 2)


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning:serial")
@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_board_in_the_network(builds, scheme):
    built, board = builds(BOARD), load_board(BOARD)
    feed = samples_of(built, 3)
    with served(elf_of(built), board) as path, networked(path, scheme) as url:
        client = onboard.connect_build(built, url)
        measured = onboard.profile_build(built, client, feed, runs=1, warmup=0)
        client.close()
        again = onboard.connect_build(built, url)
        found = onboard.verify_build(built, again, feed)
        again.close()
    assert measured.report.run is not None
    assert measured.report.run["target"] == f"serial {url}"
    if scheme == "rfc2217":  # the firmware went to the fastest rate, and back at the end
        assert measured.report.run["baud"] == max(RATES)
    assert (found.samples, found.elements) == (3, 30)
