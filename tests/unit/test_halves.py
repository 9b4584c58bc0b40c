"""Calls cut in two for two cores: what is cut, what it gains, what the verifier refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.models.cases import case_paths, load_cases
from tests.support.models.small_graphs import small_network
from tests.support.running.halves import all_in_halves, shared_calls
from tests.support.values.plans import record_of
from tinyml import api
from tinyml.base.errors import BoardError, PlanError
from tinyml.codegen.generate import generate
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import Half, KernelCall
from tinyml.model.file import model_file
from tinyml.model.writer import write
from tinyml.ops import layer_of
from tinyml.ops.halves import with_field
from tinyml.passes import run_passes
from tinyml.passes.expand import expand_ops
from tinyml.plan import halves
from tinyml.plan.offers import offers_of
from tinyml.plan.values import Plan
from tinyml.plan.verify import verify
from tinyml.plan.verify_halves import verify_halves
from tinyml.project.create import create
from tinyml.project.saved import load_planned, save_planned
from tinyml.report.text import fit_sentences
from tinyml.target.board import Board
from tinyml.target.boards import all_boards, load_board

MODELS = Path(__file__).parents[1] / "models"
KWS = MODELS / "kws_ref_model.tflite"
SETS = ((), ("pie",), ("xtensa",), ("armv6m",), ("rv32m",))
TWO = api.Limits(cores=2)


def two_cores() -> Board:
    return replace(load_board("esp32s3"), cores=2)


def planned(optimize: str = "speed", limits: api.Limits = TWO) -> api.Planned:
    return api.plan(KWS, load_board("esp32s3"), api.Settings(optimize, limits=limits))


@pytest.mark.slow
@pytest.mark.parametrize("path", case_paths(), ids=lambda path: path.stem)
def test_halves_of_every_kernel_are_the_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the extents of each; tests/test_two_threads.py and tests/sim run them."""
    monkeypatch.setattr(halves, "pays", lambda *_: True)
    for case in load_cases(path).cases:
        graph = expand_ops(case.graph)
        for op in graph.ops:
            for isa in SETS:
                for offer in offers_of(op, graph, isa, layer_of(op, graph))[0]:
                    call = halves.in_halves(offer.call, op, graph, two_cores().chip)
                    if call is not None:
                        verify_halves(call, op, graph, case.name)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("conv_2d", {"tml_pie_conv_2d_s8", "tml_pie_pointwise_s8", "tml_conv_2d_s16"}),
        ("depthwise_conv_2d", {"tml_pie_depthwise_conv_2d_s8"}),
        ("add", {"tml_pie_add_s8", "tml_add_s8"}),
        ("mul", {"tml_pie_mul_s8"}),
        ("max_pool_2d", {"tml_pie_max_pool_2d_s8"}),
    ],
)
def test_kernels_that_are_cut(kind: str, names: set[str]) -> None:
    cases = load_cases(next(path for path in case_paths() if path.stem == kind)).cases
    plans = (all_in_halves(case.graph, two_cores()) for case in cases)
    found = {
        call.function
        for plan in plans
        if plan is not None
        for number in shared_calls(plan)
        if (call := plan.steps[number].call) is not None
    }
    assert names <= found


def test_layers_are_shared_that_gain() -> None:
    made, alone = planned(), planned(limits=api.Limits())
    verify(made.plan, made.target.board)
    assert shared_calls(made.plan) == list(range(9))
    assert not shared_calls(alone.plan)
    assert alone.verdict.shared is None
    shared, estimates = made.verdict.shared, (made.verdict.estimate, alone.verdict.estimate)
    assert shared is not None
    assert estimates[0] is not None
    assert estimates[1] is not None
    cycles = [item.cycles or 0 for item in estimates]
    assert cycles[0] + shared.saved_cycles == pytest.approx(cycles[1], rel=1e-3)
    assert shared.saved_cycles > 0.4 * cycles[1]
    handover = halves.handover_instructions(made.target.board.chip)
    for step in made.plan.steps:
        call = step.call
        if call is not None and call.halves:
            assert call.cost.instructions == max(i.instructions for i in call.halves) + handover
            assert call.instructions - call.cost.instructions >= handover
            assert not call.overlaps


def test_a_dear_hand_over_leaves_layers_on_one_core() -> None:
    board = load_board("esp32s3")
    second = board.chip.second_core
    assert second is not None
    chip = replace(board.chip, second_core=replace(second, handover_cycles=10**6))
    made = api.plan(KWS, replace(board, chip=chip), api.Settings("speed", limits=TWO))
    assert not shared_calls(made.plan)
    assert made.verdict.shared is not None
    text = "\n".join(fit_sentences(made.verdict))
    assert "gains enough beside 1,000,000 cycles of hand-over" in text


def test_kernels_that_cannot_be_cut() -> None:
    """Those for DSP instructions have no rule; nobody has looked at them running in two halves."""
    made = api.plan(KWS, load_board("rpi_pico2"), api.Settings("speed", limits=TWO))
    shared = made.verdict.shared
    assert shared is not None
    assert (shared.layers, shared.saved_cycles, shared.can_be) == ((), 0, 2)
    text = "\n".join(fit_sentences(made.verdict))
    assert "no layer runs on two cores: 2 of 13 can be cut in two, not those row by row" in text


def test_what_check_says() -> None:
    text = "\n".join(fit_sentences(planned().verdict))
    assert "9 of 13 layers run on two cores: some 1.95 ms less per inference" in text
    assert "two cores" not in "\n".join(fit_sentences(planned(limits=api.Limits()).verdict))


def test_what_is_known_of_power_is_of_one_core() -> None:
    assert planned(limits=api.Limits()).target.board.power is not None
    assert planned().target.board.power is None


def test_a_second_stack_is_in_the_budget() -> None:
    uses = [
        {use.purpose: use.nbytes for use in planned(limits=limits).plan.uses}
        for limits in (api.Limits(), TWO)
    ]
    assert uses[1]["stack"] == 2 * uses[0]["stack"]


def test_the_goal_ram_takes_no_more_ram_for_it() -> None:
    made = planned("ram")
    assert made.plan.arena_bytes == planned("ram", api.Limits()).plan.arena_bytes


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = planned()
    assert made.model is not None
    (tmp_path / made.model.file_name).write_bytes(made.model.data)
    save_planned(made, tmp_path, None)
    assert record_of(load_planned(tmp_path, None)) == record_of(made)


def changed(plan: Plan, change: Callable[[KernelCall], KernelCall]) -> Plan:
    """The plan with another call in its first shared step."""
    number = shared_calls(plan)[0]
    call = plan.steps[number].call
    assert call is not None
    steps = list(plan.steps)
    steps[number] = replace(steps[number], call=change(call))
    return replace(plan, steps=tuple(steps))


def of_second(call: KernelCall, change: Callable[[Half], Half]) -> KernelCall:
    return replace(call, halves=(call.halves[0], change(call.halves[1])))


def further(call: KernelCall, kind: str, nbytes: int) -> KernelCall:
    """The second half with an argument so many bytes further on."""

    def change(half: Half) -> Half:
        pairs = zip(call.arguments, half.offsets, strict=True)
        moved = tuple(at + nbytes * (argument.kind == kind) for argument, at in pairs)
        return replace(half, offsets=moved)

    return of_second(call, change)


def with_rows(half: Half, rows: int) -> Half:
    return replace(half, params=with_field(half.params, "height.out", rows))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda call: further(call, "output", 1), "halves write the bytes"),
        (lambda call: further(call, "output", -1), "halves write the bytes"),
        (lambda call: of_second(call, lambda half: with_rows(half, 11)), "halves write the bytes"),
        (lambda call: of_second(call, lambda _: call.halves[0]), "halves write the bytes"),
        (lambda call: further(call, "input", 1), "reads bytes .* of an operand"),
        (lambda call: further(call, "scratch", -16), "halves have the scratch"),
        (lambda call: further(call, "scratch", 16), "halves have the scratch"),
        (lambda call: replace(call, halves=call.halves[:1]), "cannot run on two cores"),
    ],
)
def test_halves_that_are_not_the_whole_are_refused(
    change: Callable[[KernelCall], KernelCall], message: str
) -> None:
    made = planned()
    with pytest.raises(PlanError, match=message):
        verify(changed(made.plan, change), made.target.board)


def test_an_output_over_the_input_is_refused() -> None:
    """One half would overwrite what the other still reads."""
    made = planned()
    number = shared_calls(made.plan)[2]
    op = made.plan.graph.ops[made.plan.steps[number].ops[0]]
    places = list(made.plan.tensors)
    given, result = places[op.inputs[0]], places[op.outputs[0]]
    assert given is not None
    assert result is not None
    places[op.outputs[0]] = replace(result, offset=given.offset)
    with pytest.raises(PlanError, match="would share memory"):
        verify(replace(made.plan, tensors=tuple(places)), made.target.board)


def test_the_c_of_a_shared_layer() -> None:
    made = planned()
    sources = generate(made.plan, made.target.board)
    text = sources.text("kws_ref_model.c")
    assert '#include "tml_both.h"' in text
    assert "TML_LAYER(0, tml_both(run_layer_0_0, run_layer_0_1));" in text
    assert "; on two cores" in text
    assert "--cores 2" in text
    alone = generate(planned(limits=api.Limits()).plan, None).text("kws_ref_model.c")
    assert "both" not in alone


def test_the_project_brings_what_runs_it(tmp_path: Path) -> None:
    made = planned()
    project = create(made, generate(made.plan, made.target.board), tmp_path)
    assert any(name.endswith("port/two_cores/freertos.c") for name in project.sources)
    component = tmp_path / "components" / "kws_ref_model_model"
    assert "#define TML_TWO_CORES 1u" in (component / "tml_config.h").read_text()
    assert (component / "firmware" / "include" / "tml_both.h").is_file()
    assert "tml_both_start();" in (tmp_path / "main" / "main.c").read_text()
    alone = planned(limits=api.Limits())
    files = create(alone, generate(alone.plan, alone.target.board), tmp_path / "alone").sources
    assert not any("two_cores" in name for name in files)


def test_a_template_without_a_second_core(tmp_path: Path) -> None:
    board, settings = load_board("esp32s3"), api.Settings("speed", template="zephyr", limits=TWO)
    made = api.plan(KWS, board, settings)
    with pytest.raises(BoardError, match="'zephyr' runs nothing on a second core") as caught:
        create(made, generate(made.plan, made.target.board), tmp_path)
    assert caught.value.hint == "leave out --cores, or give --template esp_idf or platformio_idf"


@pytest.mark.parametrize(
    ("board", "settings", "message", "hint"),
    [
        ("esp32c3", {}, "'esp32c3' .* has one core that runs models, not 2", "leave out --cores"),
        ("esp32s3", {"cores": 3}, "has two cores, not 3", "give --cores 2, or leave it out"),
        ("esp32s3", {"kernels": ("esp_nn",)}, "run on one core", "leave out --cores or --kernels"),
    ],
)
def test_boards_that_cannot(
    board: str, settings: dict[str, object], message: str, hint: str
) -> None:
    limits = api.Limits(**{"cores": 2, **settings})  # type: ignore[arg-type]  # the rows' types
    with pytest.raises(BoardError, match=message) as caught:
        api.plan(KWS, load_board(board), api.Settings(limits=limits))
    assert caught.value.hint == hint


def test_an_interpreter_cannot() -> None:
    settings = api.Settings(runtime="tflm", limits=TWO)
    with pytest.raises(BoardError, match="the runtime 'tflm' runs a model on one core") as caught:
        api.plan(KWS, load_board("esp32s3"), settings)
    assert caught.value.hint == "leave out --cores, or compile ahead of time: --runtime aot"


def test_every_second_core_has_a_source_and_something_that_runs_it() -> None:
    from tinyml.target.template import load_template, two_cores_source

    found = [board for board in all_boards() if board.chip.second_core is not None]
    assert found
    for board in found:
        assert board.chip.second_core is not None
        assert board.chip.second_core.source
        assert any(two_cores_source(board, load_template(name)) for name in board.templates)


def test_a_network_on_one_core_is_what_it_was() -> None:
    graph: Graph = run_passes(small_network())
    plan = api.plan(model_file("m.tflite", write(graph)), load_board("esp32s3")).plan
    assert not shared_calls(plan)
