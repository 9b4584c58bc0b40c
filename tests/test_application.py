"""The application of a project: what it prints, when it runs, and that hosts have their way."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.models.small_graphs import GraphBuilder, small_network
from tests.support.running.cli import run_tinyml
from tinyml import api
from tinyml.base.elf import read_elf
from tinyml.base.errors import BuildError, MismatchError, TinymlError, ToolError
from tinyml.device.agent import AgentClient
from tinyml.device.application import application_lines
from tinyml.evaluate.samples import write_samples
from tinyml.ir.dtype import INT32
from tinyml.measure.application import run_application
from tinyml.ops.lookup import NoAttrs
from tinyml.project.samples import chosen_samples, kept_samples
from tinyml.simulate.link import MemoryLink
from tinyml.simulate.machine import Machine

pytestmark = pytest.mark.sim

DIGITS = Path(__file__).parents[1] / "examples" / "digits"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> api.Built:
    folder = tmp_path_factory.mktemp("application")
    settings = api.Settings(compiled_inputs=DIGITS / "test.npz", directory=folder / "build")
    return api.build(DIGITS / "digits.tflite", api.load_board("nucleo_l4r5zi"), settings)


def booted(built: api.Built) -> MemoryLink:
    machine = Machine(read_elf(built.linked().elf), built.board)
    machine.counter.ignore_memory()
    return MemoryLink(machine)


def skip(link: MemoryLink, seconds: float) -> None:
    """So much of the board's time is over, in which the firmware would only have waited."""
    counter: Any = link.machine.counter
    counter._state.cycles += int(seconds * link.machine.board.chip.clock_hz)


def said(link: MemoryLink, seconds: float) -> list[str]:
    """What the firmware says now, and once so many seconds of the board's time are over."""
    text = b"".join(link.read(0.001) for _ in range(20))
    skip(link, seconds)
    text += b"".join(link.read(0.01) for _ in range(60))
    return text.decode().splitlines()


def test_lines_are_what_the_reference_says(built: api.Built) -> None:
    samples = chosen_samples(built.plan.graph, DIGITS / "test.npz")
    assert samples is not None
    assert len(set(samples.labels)) == len(samples.labels) == 4
    printed = run_application(built, samples)
    assert [item.agrees for item in printed] == [True] * 4
    assert all(item.text.startswith("digits: class ") for item in printed)
    kept = kept_samples(built.directory, built.plan.graph)
    assert kept is not None
    assert np.array_equal(kept.inputs[3][0], samples.inputs[3][0])


def test_a_wrong_line_is_an_error(built: api.Built) -> None:
    samples = chosen_samples(built.plan.graph, DIGITS / "test.npz")
    assert samples is not None
    other = replace(samples, inputs=samples.inputs[::-1], labels=samples.labels[::-1])
    with pytest.raises(MismatchError, match="the application printed 'digits: class"):
        run_application(built, other)


def test_it_begins_by_itself_when_no_host_comes(built: api.Built) -> None:
    link = booted(built)
    assert said(link, 1.9) == ["m-init-done", "m-ready"]
    lines = said(link, 0.3)
    assert [line.split(",")[0] for line in lines] == [f"digits: class {n}" for n in (3, 4, 6, 8)]
    assert said(link, 0.5) == []  # each sample once


def test_a_host_that_comes_first_has_the_line_for_itself(built: api.Built) -> None:
    link = booted(built)
    client = AgentClient(link)
    client.identify()
    assert said(link, 3.0) == []
    assert len(application_lines(client, 4)) == 4


def test_a_byte_stops_the_application_for_a_while(built: api.Built) -> None:
    link = booted(built)
    said(link, 1.9)
    skip(link, 0.2)
    text = b""
    while b"class 3" not in text:
        text += link.read(0.001)
    link.write(b"x")  # what is left of a command that came while the model ran
    text += b"".join(link.read(0.01) for _ in range(60))
    assert text.count(b"class") < 4
    assert said(link, 3.5) == []
    assert len(said(link, 1.6)) == 4 - text.count(b"class")


def test_what_a_host_measures_is_not_the_applications(built: api.Built) -> None:
    """Inputs have to be loaded again, and outputs are those of the host's own inference."""
    link = booted(built)
    client = AgentClient(link)
    samples = chosen_samples(built.plan.graph, DIGITS / "test.npz")
    assert samples is not None
    client.load_input(0, samples.inputs[0][0].tobytes())
    client.infer(warmup=0)
    layers = client.layer_cycles()
    application_lines(client, 2)
    assert client.layer_cycles() == layers
    client.load_input(0, samples.inputs[1][0].tobytes())
    client.infer(warmup=0)
    assert client.layer_cycles() != ()


@pytest.mark.parametrize("agent", [True, False])
def test_without_samples_there_is_nothing_to_say(tmp_path: Path, agent: bool) -> None:
    settings = api.Settings(directory=tmp_path / "build", agent=agent)
    built = api.build(DIGITS / "digits.tflite", api.load_board("nucleo_l4r5zi"), settings)
    lines = said(booted(built), 2.2)
    if agent:
        assert lines == ["m-init-done", "m-ready"]
    else:  # else nothing would run the model
        assert set(lines[:-1]) == {lines[0]}
        assert lines[0].startswith("digits: class ")


def test_outputs_that_are_no_classes_are_printed(tmp_path: Path) -> None:
    graph = small_network()
    tensors = [graph.tensors[index] for index in graph.inputs]
    rng = np.random.default_rng(0)
    vectors = [
        tuple(rng.integers(-128, 128, t.shape).astype(np.int8) for t in tensors) for _ in range(6)
    ]
    write_samples(tmp_path / "inputs.npz", tensors, vectors)
    board = api.load_board("nucleo_g0b1re")
    settings = api.Settings(compiled_inputs=tmp_path / "inputs.npz", directory=tmp_path / "build")
    built = api.build(graph, board, settings)
    samples = chosen_samples(built.plan.graph, tmp_path / "inputs.npz")
    assert samples is not None
    printed = run_application(built, samples)
    assert [item.agrees for item in printed] == [True] * 4


def test_the_number_of_a_class_is_printed_with_its_name(tmp_path: Path) -> None:
    b = GraphBuilder()
    given = b.value("x", (1, 5), (0.1, 0))
    axis = b.constant("axis", np.array(1, np.int32))
    out = b.value("y", (1,), None, INT32)
    graph = b.graph((given,), (b.op("ARG_MAX", (given, axis), out, NoAttrs()),))
    metadata = replace(graph.source.metadata, labels=("a", "b", "c", "d", "e"))
    graph = replace(graph, source=replace(graph.source, metadata=metadata))
    vectors = [(np.array([[-5, 1, 3, 100 * n, 7]], np.int8),) for n in (0, 1)]
    write_samples(tmp_path / "inputs.npz", [graph.tensors[given]], vectors)
    settings = api.Settings(compiled_inputs=tmp_path / "inputs.npz", directory=tmp_path / "build")
    built = api.build(graph, api.load_board("nucleo_l4r5zi"), settings)
    samples = chosen_samples(built.plan.graph, tmp_path / "inputs.npz")
    assert samples is not None
    printed = run_application(built, samples)
    assert [item.text for item in printed] == ["small: class 4 (e)", "small: class 3 (d)"]
    assert [item.agrees for item in printed] == [True, True]


def test_a_rebuild_without_samples_has_none(tmp_path: Path) -> None:
    board, folder = api.load_board("nucleo_l4r5zi"), tmp_path / "build"
    inputs = tmp_path / "test.npz"
    shutil.copy(DIGITS / "test.npz", inputs)
    settings = api.Settings(compiled_inputs=inputs, directory=folder, self_test=False)
    with_samples = api.build(DIGITS / "digits.tflite", board, settings)
    assert (folder / "samples.npz").is_file()
    without = api.build(DIGITS / "digits.tflite", board, replace(settings, compiled_inputs=None))
    assert not (folder / "samples.npz").exists()
    purposes = [{use.purpose for use in item.plan.uses} for item in (with_samples, without)]
    assert purposes[0] - purposes[1] == {"samples", "application"}


def test_what_is_not_possible_is_said_first(tmp_path: Path) -> None:
    board = api.load_board("esp32s3")
    settings = api.Settings(directory=tmp_path / "a", compiled_inputs=DIGITS / "test.npz")
    built = api.build(DIGITS / "digits.tflite", board, settings)
    samples = chosen_samples(built.plan.graph, DIGITS / "test.npz")
    assert samples is not None
    with pytest.raises(ToolError, match="no whole image of 'esp32s3' is booted here"):
        run_application(built, samples)
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, x=np.zeros((3, 5), np.float32))
    with pytest.raises(TinymlError, match=r"wrong\.npz"):
        api.build(
            DIGITS / "digits.tflite",
            api.load_board("nucleo_l4r5zi"),
            api.Settings(directory=tmp_path / "b", compiled_inputs=wrong),
        )
    assert not (tmp_path / "b").exists()


def test_an_application_of_another_model_is_named(tmp_path: Path) -> None:
    """main.c is the user's own, and calls what the model before had."""
    board, settings = api.load_board("nucleo_l4r5zi"), api.Settings(directory=tmp_path / "build")
    api.build(DIGITS / "digits.tflite", board, settings)
    main = tmp_path / "build" / "project" / "main.c"
    main.write_text(main.read_text().replace("digits_print_result", "digits_print_scores"))
    with pytest.raises(BuildError) as caught:
        api.build(DIGITS / "digits.tflite", board, settings)
    assert (caught.value.hint or "").startswith("main.c is yours: change it, or delete it")


def test_a_table_is_compiled_in(tmp_path: Path) -> None:
    """Only arrays were taken, though every other command took tables and images."""
    rows = np.random.default_rng(1).uniform(0, 1, (6, 64))
    np.savetxt(tmp_path / "rows.csv", rows, delimiter=",")
    words = (str(DIGITS / "digits.tflite"), "--board", "nucleo_l4r5zi", "--inputs", "rows.csv")
    made = run_tinyml("build", *words, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stderr.splitlines()[-1].endswith("--inputs rows.csv --app")
    ran = run_tinyml("simulate", *words, "--app", cwd=tmp_path)
    assert "4 compiled-in samples: every line is what the reference says" in ran.stdout
    kept = kept_samples(tmp_path / "build" / "digits-nucleo_l4r5zi", api.load(words[0]))
    assert kept is not None
    assert len(kept.inputs) == 4
