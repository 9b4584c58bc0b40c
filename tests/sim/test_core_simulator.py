"""The simulator of boards whose firmware is a vendor's framework: the model's own functions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.models.cases import case_paths, load_cases
from tests.support.running.executors import assert_equal, run_reference
from tests.support.running.xtensa import build_project
from tests.support.values.plans import planned_on
from tinyml import api
from tinyml.bare import xtensa
from tinyml.bare.run import run_bare
from tinyml.bare.simulator import CoreSimulator
from tinyml.base.errors import InternalError, SimulationFault, ToolError, ToolMissing
from tinyml.codegen.generate import generate
from tinyml.evaluate.samples import Samples
from tinyml.evaluate.verification import reference_of, verify
from tinyml.ir.graph import Op
from tinyml.measure.simulation import serve, simulate
from tinyml.ops import while_loop
from tinyml.ops.while_loop import WhileAttrs
from tinyml.project.create import create
from tinyml.values.image import Image

pytestmark = pytest.mark.sim

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


def samples() -> tuple[tuple[np.ndarray, ...], ...]:
    graph = api.load(DIGITS / "digits.tflite")
    return api.samples_of(graph, DIGITS / "test.npz", 3).inputs


@pytest.mark.parametrize("board", ["esp32c3", pytest.param("esp32s3", marks=pytest.mark.xtensa)])
def test_a_build_without_the_framework_is_simulated(board: str, tmp_path: Path) -> None:
    settings = api.Settings(directory=tmp_path / "build")
    built = api.build(DIGITS / "digits.tflite", api.load_board(board), settings)
    run = simulate(built, samples())
    reference = reference_of(built.plan)
    assert reference is not None
    verify(reference, samples(), run.outputs)
    assert run.target == "core"
    assert run.is_estimate
    assert run.stack_bytes
    assert len(run.layers) == len(built.plan.steps)
    assert all(layer.cycles >= (layer.instructions or 0) > 0 for layer in run.layers)


@pytest.mark.xtensa
def test_variables_that_would_be_timed_like_flash_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The linker leaves an empty .data out, and put what follows it behind the constants."""
    board = api.load_board("esp32s3")
    made = api.plan(DIGITS / "digits.tflite", board).plan
    assert not made.copied_steps  # no .data
    monkeypatch.setattr(xtensa, "LAYOUT", xtensa.LAYOUT[:2])
    with pytest.raises(InternalError, match="in 'flash' of esp32s3"):
        run_bare(made, board, Samples(samples()), tmp_path)


@pytest.mark.xtensa
def test_functions_in_a_linked_image(tmp_path: Path) -> None:
    """The firmware as a framework links it, here over stand-ins for ESP-IDF."""
    board = api.load_board("esp32s3")
    plan = api.plan(DIGITS / "digits.tflite", board).plan
    project = create(planned_on(plan, board, "esp_idf"), generate(plan, board), tmp_path / "p")
    objects = tmp_path / "objects"
    objects.mkdir()
    elf = build_project(project, objects)
    image = Image(elf, (), (), 0, 0, (), "stand-in 1")
    run = CoreSimulator().run_model(plan, image, board, samples(), in_sequence=False)
    alone = CoreSimulator().run_model(plan, None, board, samples(), in_sequence=False)
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(run.outputs, alone.outputs, strict=True))
    assert run.details["linked"] == "by the framework's build"
    for here, there in zip(run.layers, alone.layers, strict=True):  # compiled with other options
        assert here.instructions
        assert there.instructions
        assert 0.4 < here.instructions / there.instructions < 2.5 or there.instructions < 100


@pytest.mark.xtensa
def test_a_stripped_image_is_no_image(tmp_path: Path) -> None:
    board = api.load_board("esp32s3")
    plan = api.plan(DIGITS / "digits.tflite", board).plan
    project = create(planned_on(plan, board, "esp_idf"), generate(plan, board), tmp_path / "p")
    objects = tmp_path / "objects"
    objects.mkdir()
    elf = build_project(project, objects)
    data = elf.read_bytes().replace(b"_vectors\0", b"_victors\0")
    elf.write_bytes(data)
    image = Image(elf, (), (), 0, 0, (), "stand-in 1")
    with pytest.raises(SimulationFault, match="none of the symbols _WindowOverflow4, _vectors"):
        CoreSimulator().run_model(plan, image, board, samples(), in_sequence=False)


def test_without_a_compiler_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = api.Settings(directory=tmp_path / "build")
    built = api.build(DIGITS / "digits.tflite", api.load_board("esp32s3"), settings)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="no image to simulate, and nothing here links one") as e:
        simulate(built, samples())
    assert "install ESP-IDF" in (e.value.hint or "")


@pytest.mark.parametrize(
    ("board", "runtime", "message"),
    [
        ("nucleo_l4r5zi", "aot", "is for firmware of a vendor's framework, and has no 'cortex-m4'"),
        ("esp32s3", "tflm", "runs the C of the runtime aot, not of 'tflm'"),
    ],
)
def test_what_it_does_not_run(board: str, runtime: str, message: str) -> None:
    target = api.load_board(board)
    plan = api.plan(DIGITS / "digits.tflite", target, api.Settings(runtime=runtime)).plan
    with pytest.raises(ToolError, match=message):
        CoreSimulator().run_model(plan, None, target, samples(), in_sequence=False)


def test_it_has_no_serial_line(tmp_path: Path) -> None:
    settings = api.Settings(directory=tmp_path / "build")
    built = api.build(DIGITS / "digits.tflite", api.load_board("esp32c3"), settings)
    with pytest.raises(ToolError, match="no serial line to serve"):
        serve(built, announce=print)


def test_layers_with_a_state_begin_anew_with_every_sample() -> None:
    """An LSTM's state was left over from the sample before: only the first one was right."""
    (path,) = [path for path in case_paths() if path.stem == "unidirectional_sequence_lstm"]
    case = load_cases(path).cases[0]
    vectors = tuple(case.vectors)[:1] * 3
    board = api.load_board("esp32c3")
    plan = api.plan(case.graph, board).plan
    run = CoreSimulator().run_model(plan, None, board, vectors, in_sequence=False)
    first = vectors[:1]
    assert_equal(case.graph, run_reference(case.graph, first), list(run.outputs[:1]))
    for outputs in run.outputs:
        assert np.array_equal(outputs[0], run.outputs[0][0])


def test_a_loop_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference, which judges every build, ran for ever."""
    monkeypatch.setattr(while_loop, "MOST_ROUNDS", 3)
    monkeypatch.setattr(while_loop, "outputs", lambda *_: (np.array([True]),))
    monkeypatch.setattr(while_loop, "advance", lambda *_: ((), {}))
    op = Op("WHILE", "loop", (), (), WhileAttrs(None, None, ()))  # type: ignore[arg-type]
    with pytest.raises(SimulationFault, match="WHILE 'loop' has not ended after 3 rounds"):
        while_loop.reference(op, None, ())  # type: ignore[arg-type]


@pytest.mark.xtensa
def test_layers_of_two_cores_in_a_linked_image(tmp_path: Path) -> None:
    """Nothing starts the other core's task there: halves run in turn, and each is timed."""
    model = Path(__file__).parents[1] / "models" / "str_ww_ref_model.tflite"
    settings = api.Settings("speed", limits=api.Limits(cores=2))
    planned = api.plan(model, api.load_board("esp32s3"), settings)
    plan, board = planned.plan, planned.target.board
    project = create(planned, generate(plan, board), tmp_path / "p")
    objects = tmp_path / "objects"
    objects.mkdir()
    image = Image(build_project(project, objects), (), (), 0, 0, (), "stand-in 1")
    vectors = api.samples_of(plan.graph).inputs[:2]
    found = [
        CoreSimulator().run_model(plan, item, board, vectors, in_sequence=False)
        for item in (image, None)
    ]
    reference = reference_of(plan)
    assert reference is not None
    for run in found:
        verify(reference, vectors, run.outputs)
        shared = run.details["two_cores"]
        steps = [i for i, step in enumerate(plan.steps) if step.call and step.call.halves]
        assert [item["layer"] for item in shared["layers"]] == steps
        for item in shared["layers"]:
            first, second = item["first"]["cycles"], item["second"]["cycles"]
            layer = run.layers[item["layer"]]
            assert layer.cycles == max(first, second) + shared["handover_cycles"]
            assert second > 0.7 * first > 0
    assert found[0].total.cycles == pytest.approx(found[1].total.cycles, rel=0.1)
