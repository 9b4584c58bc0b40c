"""The runtime TFLM without compiling anything: what it accepts, the arena, the plan in the file."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.rings import odd_graphs, streaming
from tests.support.models.small_graphs import GraphBuilder, small_network
from tests.support.running.tflm import needs_tflm
from tests.support.running.tflm_tree import sine_file
from tests.support.values.plans import sine_graph
from tinyml import api
from tinyml.base.errors import ModelError, PlanError, UnsupportedOps
from tinyml.convert.building import model_for_build
from tinyml.convert.conversion import ConvertOptions
from tinyml.ir.dtype import BOOL, FLOAT32, INT16
from tinyml.ir.graph import Graph, Quant
from tinyml.ir.module import Module
from tinyml.model.file import ModelFile, model_file, read_model
from tinyml.model.handles import as_file
from tinyml.model.reader import load
from tinyml.model.support import has_reference
from tinyml.model.writer import write, write_module
from tinyml.ops.control import ONCE
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.plan.fit import fit
from tinyml.runtimes import runtime_of
from tinyml.target.boards import load_board
from tinyml.tflm import needs
from tinyml.tflm.arena import arena_of
from tinyml.tflm.calls import taken_bytes, variables_of
from tinyml.tflm.graphs import Outline
from tinyml.tflm.greedy import Buffer, greedy
from tinyml.tflm.offline import better_plan, plan_in, with_plan
from tinyml.tflm.outline import outline
from tinyml.tflm.scales import rules_of
from tinyml.tflm.table import Kernels, op_facts
from tinyml.values.goal import Goal

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "tests" / "models"
CMSIS_DSP = Kernels("cmsis_nn", "dsp")
MEASURED = {  # arena_used_bytes() of TFLM with CMSIS-NN on a Cortex-M4
    "kws_ref_model": 22_820,
    "pretrainedResnet_quant": 54_996,
    "str_ww_ref_model": 16_596,
}
RELU, GELU, ZEROS_LIKE = 19, 150, 93  # opcodes


def outline_of(graph: Graph) -> Outline:
    return outline(model_file("m.tflite", write(graph)))


def with_opcode(data: bytes, old: int, new: int) -> bytes:
    """The file with another operator under the same options."""
    from tflite import Model

    changed = bytearray(data)
    model = Model.GetRootAs(data, 0)
    for i in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(i)
        if max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) == old:
            for slot, value in ((4, min(new, 127)), (10, new)):
                offset = code._tab.Offset(slot)
                if offset:
                    changed[code._tab.Pos + offset] = value
    return bytes(changed)


def test_buffers_of_one_size_are_placed_last_first() -> None:
    buffers = [Buffer(16, 0, 1), Buffer(16, 1, 2), Buffer(32, 2, 3), Buffer(10, 0, 3)]
    assert greedy(buffers) == (0, 48, 0, 32)


def test_fixed_offsets_stay_and_gaps_are_used() -> None:
    buffers = [Buffer(32, 0, 2, 0), Buffer(32, 0, 2, 48), Buffer(16, 1, 1), Buffer(17, 1, 1)]
    assert greedy(buffers) == (0, 48, 32, 80)


@pytest.mark.parametrize("seed", range(20))
def test_no_two_buffers_share_a_byte_while_both_are_alive(seed: int) -> None:
    chosen = random.Random(seed)
    buffers = []
    for _ in range(chosen.randint(1, 30)):
        first = chosen.randint(0, 10)
        buffers.append(Buffer(chosen.randint(1, 300), first, first + chosen.randint(0, 4)))
    offsets = greedy(buffers)
    for i, a in enumerate(buffers):
        assert offsets[i] % 16 == 0
        for j, b in enumerate(buffers[:i]):
            if a.first_use <= b.last_use and b.first_use <= a.last_use:
                apart = offsets[i] + a.nbytes <= offsets[j] or offsets[j] + b.nbytes <= offsets[i]
                assert apart


@pytest.mark.parametrize("name", sorted(MEASURED))
def test_the_arena_is_what_was_measured(name: str) -> None:
    path = MODELS / f"{name}.tflite"
    assert arena_of(outline(read_model(path)), CMSIS_DSP).used_bytes == MEASURED[name]


def test_the_arena_of_the_example() -> None:
    """Measured: the emulated Cortex-M4 with TFLM and CMSIS-NN says 5,892 and needs 5,904."""
    found = arena_of(outline(read_model(ROOT / "examples/digits/digits.tflite")), CMSIS_DSP)
    assert (found.used_bytes, found.needed_bytes) == (5_892, 5_904)


def test_setting_up_a_small_model_takes_more_than_running_it() -> None:
    """Measured: 612 bytes are used, 896 are needed, with 880 the planner has too little room."""
    found = arena_of(outline_of(sine_graph()), CMSIS_DSP)
    assert found.used_bytes == 612
    assert found.needed_bytes == 896


def test_kernels_differ_in_what_they_need() -> None:
    model = outline_of(small_network())
    plain, dsp, mve = (
        arena_of(model, Kernels("cmsis_nn", isa)).used_bytes for isa in ("", "dsp", "mve")
    )
    reference = arena_of(model, Kernels("reference")).used_bytes
    wide = arena_of(model, Kernels("reference", has_wide_enums=True)).used_bytes
    assert reference < plain <= dsp < mve
    assert wide > reference


def test_what_only_tflm_takes_is_accepted() -> None:
    b = GraphBuilder()
    given = tuple(b.value(name, (1, 4), (0.5, 0), INT16) for name in "ab")
    b.op("GREATER", given, b.value("y", (1, 4), None, BOOL), NoAttrs())
    file = model_file("wide.tflite", write(b.graph(given, (2,))))
    with pytest.raises(UnsupportedOps, match="GREATER"):
        load(file)
    assert [op.kind for op in outline(file).graph.ops] == ["GREATER"]


def test_operators_that_tflm_lacks_are_all_listed() -> None:
    file = model_file("gelu.tflite", with_opcode(write(small_network()), RELU, GELU))
    with pytest.raises(UnsupportedOps, match=r"one of TFLM's\. Found: GELU"):
        outline(file)


@pytest.mark.parametrize("name", ["assigned_twice", "streaming"])
def test_variables_and_called_graphs_are_planned(name: str) -> None:
    """They were refused: 'none can be with --runtime tflm'."""
    module = as_file(streaming() if name == "streaming" else odd_graphs()[name])
    file = model_file("m.tflite", write_module(module))
    read, runtime, board = outline(file), runtime_of("tflm"), load_board("nucleo_f446re")
    assert len(read.graphs) == len(module.graphs)
    plan = runtime.plan(file, runtime.load(file), board, Goal())
    assert plan.reference_graph.is_streaming  # results are held against it, sample after sample
    text = dict(runtime.generate(file, plan, board, Goal()).files)["m.cpp"]
    assert f"kVariables = {len(variables_of(read))};" in text
    assert "(void)m_init();" in text
    assert "AddAssignVariable()" in text
    assert len(plan.steps) == len(read.graph.ops)


def test_memory_of_variables_is_in_the_arena() -> None:
    """Measured on an emulated Cortex-M4 to the byte: with 16 bytes less the set-up fails."""
    module = as_file(streaming())
    read = outline(model_file("m.tflite", write_module(module)))
    with_them, taken = arena_of(read, CMSIS_DSP), taken_bytes(read)
    assert sum(taken.values()) > 0
    assert with_them.tail_bytes >= sum(-(-nbytes // 16) * 16 for nbytes in taken.values())
    assert len(with_them.steps) > len(read.graph.ops) + 1  # the graph that runs once has its own
    assert with_them.steps[-1] == len(read.graph.ops)


def test_what_tflm_cannot_call_is_refused() -> None:
    module = as_file(streaming())
    main, inner = module.graphs
    first = next(i for i, op in enumerate(main.ops) if op.kind == ONCE)
    beyond = replace(main.ops[first], attrs=replace(main.ops[first].attrs, graph=7))
    changed = replace(main, ops=(*main.ops[:first], beyond, *main.ops[first + 1 :]))
    file = model_file("m.tflite", write_module(Module((changed, inner))))
    with pytest.raises(ModelError, match=r"runs graph 7 of 2"):
        outline(file)
    unassigned = replace(
        main, ops=tuple(op for op in main.ops if op.kind not in (ONCE, "ASSIGN_VARIABLE"))
    )
    file = model_file("m.tflite", write_module(Module((unassigned,))))
    with pytest.raises(ModelError, match="a variable that nothing assigns"):
        outline(file)


def test_scales_are_those_of_the_channels() -> None:
    """A model with 16 scales for 5 filters was accepted; TFLM stops as it is set up."""
    graph = small_network()
    at = next(op.inputs[1] for op in graph.ops if isinstance(op.attrs, Conv2dAttrs))
    weights = graph.tensors[at]
    count = weights.shape[0] + 1
    quant = Quant((0.01,) * count, (0,) * count, 3)
    tensors = (*graph.tensors[:at], replace(weights, quant=quant), *graph.tensors[at + 1 :])
    with pytest.raises(UnsupportedOps, match=f"Found: {count} scales, {count - 1} channels"):
        outline_of(replace(graph, tensors=tensors))


def test_float_models_are_accepted() -> None:
    graph = sine_graph()
    floats = tuple(
        replace(
            tensor,
            dtype=FLOAT32,
            quant=None,
            data=None if tensor.data is None else tensor.data.astype(np.float32),
        )
        for tensor in graph.tensors
    )
    file = model_file("float.tflite", write(replace(graph, tensors=floats)))
    board = load_board("nucleo_f446re")
    runtime = runtime_of("tflm")
    plan = runtime.plan(file, runtime.load(file), board, Goal())
    assert fit(plan, board).is_ok
    assert has_reference(plan.graph)


def test_float_models_are_only_quantised_on_request(tmp_path: Path) -> None:
    path = tmp_path / "sine.tflite"
    path.write_bytes(with_opcode(write(small_network()), RELU, ZEROS_LIKE))
    file, converted = model_for_build(str(path), ConvertOptions())
    assert file.data == path.read_bytes()
    assert converted is None


def test_there_is_nothing_to_explore() -> None:
    with pytest.raises(PlanError, match="one plan only with the runtime 'tflm'"):
        api.explore(sine_graph(), load_board("nucleo_f446re"), api.Settings(runtime="tflm"))


def test_damaged_files_give_one_error() -> None:
    data = write(small_network())
    for length in range(0, len(data), 97):
        with pytest.raises(ModelError):
            outline(model_file("cut.tflite", data[:length]))


def chain() -> ModelFile:
    """Pointwise convolutions for which placing the largest tensor first is not the best."""
    builder, channels = GraphBuilder(), (14, 8, 12, 10, 10, 12)
    made = [builder.value("input", (1, 16, 16, channels[0]))]
    for number, (given, count) in enumerate(pairwise(channels)):
        name = f"v{number}"
        weights = builder.weights(f"{name}/w", (count, 1, 1, given), 0, count)
        operands = (made[-1], weights, builder.bias(f"{name}/b", count))
        output = builder.value(name, (1, 16, 16, count))
        made.append(builder.op("CONV_2D", operands, output, Conv2dAttrs("SAME", 1, 1)))
    return model_file("chain.tflite", write(builder.graph((made[0],), (made[-1],))))


def test_a_plan_goes_into_the_file_and_replaces_an_older_one() -> None:
    file = sine_file()
    first = with_plan(file.data, 7, {0: 32, 3: 0})
    assert plan_in(file.data) is None
    assert plan_in(first) == (32, -1, -1, 0, -1, -1, -1)
    second = with_plan(first, 7, {0: 16, 3: 0, 6: 48})
    assert plan_in(second) == (16, -1, -1, 0, -1, -1, 48)
    graph = load(model_file("sine.tflite", second))
    assert [op.kind for op in graph.ops] == ["FULLY_CONNECTED", "FULLY_CONNECTED"]
    for a, b in zip(graph.tensors, load(file).tensors, strict=True):
        assert a == b
        assert a.data is None or np.array_equal(a.data, b.data)


def test_the_plan_lowers_the_head_and_nothing_overlaps() -> None:
    model = outline(chain())
    offsets, found = better_plan(model, CMSIS_DSP)
    assert found.head_bytes < arena_of(model, CMSIS_DSP).head_bytes
    places = [*found.tensors.values(), *(place for _, place in found.scratch)]
    for i, a in enumerate(places):
        assert a.offset % 16 == 0
        for b in places[:i]:
            if a.first_use <= b.last_use and b.first_use <= a.last_use:
                assert a.offset + a.nbytes <= b.offset or b.offset + b.nbytes <= a.offset
    assert {i: found.tensors[i].offset for i in offsets} == offsets


@needs_tflm
def test_stock_tflm_follows_the_plan() -> None:
    """The same outputs, in an arena that is too small without the plan."""
    from tflite_micro.python.tflite_micro import runtime

    file = chain()
    model = outline(file)
    offsets, offline = better_plan(model, CMSIS_DSP)
    planned = with_plan(file.data, len(model.graph.tensors), offsets)
    sample = np.arange(model.graph.tensors[model.graph.inputs[0]].elements) % 256 - 128
    sample = sample.astype(np.int8).reshape(model.graph.tensors[model.graph.inputs[0]].shape)

    def least(data: bytes) -> int:
        """The smallest arena, in bytes, with which the wheel sets the model up."""
        low, high = 0, 1 << 13
        while low < high:
            middle = (low + high) // 2
            try:
                runtime.Interpreter.from_bytes(data, arena_size=16 * middle)
                high = middle
            except RuntimeError:
                low = middle + 1
        return 16 * low

    results = []
    for data in (file.data, planned):
        interpreter = runtime.Interpreter.from_bytes(data, arena_size=1 << 17)
        interpreter.set_input(sample, 0)
        interpreter.invoke()
        results.append(interpreter.get_output(0).copy())
    assert np.array_equal(*results)
    online = arena_of(model, CMSIS_DSP)
    assert online.head_bytes - offline.head_bytes == 2_560
    assert least(file.data) - least(planned) == online.head_bytes - offline.head_bytes


def test_every_method_is_named_once() -> None:
    methods = [facts.method for facts in op_facts().values()]
    assert len(set(methods)) == len(methods) == 100


def test_the_table_names_rules_that_there_are() -> None:
    """A rule misspelt in ops.toml would only be noticed by a model with that operator."""
    for kind, facts in op_facts().items():
        assert len(rules_of(facts)) == len(facts.scales)
        assert not facts.asks or facts.asks in needs._RULES, kind
        assert facts.looks in ((0,) if facts.calls or facts.handle else (1, 2))
