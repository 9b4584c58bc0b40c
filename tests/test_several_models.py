"""Several models in one firmware: each is run alone or all together, and nothing is lost."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.corpus.__main__ import random_graph
from tests.support.models.recurrent import last_only
from tests.support.models.rings import streaming
from tests.support.models.small_graphs import small_network
from tests.support.running.cli import run_tinyml
from tests.support.running.host_c import WARNINGS, compiler
from tests.support.values.plans import sharing
from tinyml import api
from tinyml.base import resources
from tinyml.base.elf import read_elf
from tinyml.base.errors import ModelError, ToolError
from tinyml.codegen.generate import generate
from tinyml.codegen.interface import io_functions
from tinyml.conformance.cases import made_vectors
from tinyml.conformance.targets import host_board
from tinyml.device.agent import AgentClient
from tinyml.evaluate.samples import Samples, random_samples, write_samples
from tinyml.ir.graph import Graph, check
from tinyml.ir.parts import models_of, parts_of_ops
from tinyml.measure.application import run_application
from tinyml.model.file import ModelFile, model_file
from tinyml.model.reader import load
from tinyml.model.together import MOST, together
from tinyml.model.writer import write
from tinyml.ops.outside import firmware_folders
from tinyml.ops.reference import expected, outputs, sequence
from tinyml.passes import run_passes
from tinyml.plan.planner import plan
from tinyml.plan.verify import verify
from tinyml.project.live import live_plan, wasm_module
from tinyml.simulate.link import MemoryLink
from tinyml.simulate.machine import Machine

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits.tflite"
BOARD = "nucleo_l4r5zi"


def files(*graphs: Graph) -> list[ModelFile]:
    return [
        model_file(f"model_{number}.tflite", write(replace(graph, name="model")))
        for number, graph in enumerate(graphs, 1)
    ]


def loaded(*graphs: Graph) -> Graph:
    return load(together(files(*graphs)))


def raw(values: Sequence[np.ndarray]) -> bytes:
    return b"".join(np.ascontiguousarray(value).tobytes() for value in values)


def saved(folder: Path, *graphs: Graph) -> list[str]:
    found = files(*graphs)
    for file in found:
        (folder / file.file_name).write_bytes(file.data)
    return [str(folder / file.file_name) for file in found]


MAIN = """
#include <stdio.h>
#include "{name}.h"

/* A number of a model, then its inputs, comes in; its outputs go out. All else of the arena is made
 * worthless before. */
int main(void)
{{
    {name}_init();
    for (int model; (model = getchar()) != EOF;) {{
        memset({name}_model.arena, 0x5a, {name}_model.arena_bytes);
{cases}
    }}
    return 0;
}}
"""


def main_of(graph: Graph) -> str:
    lines = []
    for number, model in enumerate(models_of(graph)):
        given = zip(io_functions("input", model), model.inputs, strict=True)
        made = zip(io_functions("output", model), model.outputs, strict=True)
        sizes = [tensor.nbytes for tensor in graph.tensors]
        lines += [f"        if (model == {number}) {{"]
        lines += [
            f"            if (!fread({name}(), {sizes[i]}, 1, stdin)) return 1;"
            for name, i in given
        ]
        lines += [f"            {model.name}_invoke();"]
        lines += [f"            fwrite({name}(), {sizes[i]}, 1, stdout);" for name, i in made]
        lines += ["        }"]
    return MAIN.format(name=graph.name, cases="\n".join(lines))


def program_of(graph: Graph, folder: Path) -> Path:
    board = host_board()
    made = plan(run_passes(graph), board, optimize="size")
    verify(made, board)
    sources = generate(sharing(made), None)
    for name, text in (*sources.files, ("main.c", main_of(graph))):
        (folder / name).write_text(text, encoding="utf-8")
    folders = (folder, resources.path("firmware") / "include", *firmware_folders())
    command = [
        *(*compiler("size"), "-std=c11", "-DTML_DEBUG", *WARNINGS),
        *(f"-I{path}" for path in folders),
        *(str(folder / name) for name in ("main.c", *sources.compiled)),
        *("-o", str(folder / "program")),
    ]
    subprocess.run(command, check=True)
    return folder / "program"


@pytest.mark.host_cc
@pytest.mark.slow
def test_each_is_run_alone_in_any_order(tmp_path: Path) -> None:
    """One arena is shared: what one model leaves there must not matter to any other."""
    graph = loaded(small_network(), streaming(), random_graph(3), small_network(), last_only())
    models = models_of(graph)
    assert [model.name for model in models] == [f"model_{n}" for n in range(1, 6)]
    rng = random.Random(5)
    order = [rng.randrange(len(models)) for _ in range(24)]
    vectors = [made_vectors(model, len(order)) for model in models]
    given = [iter(samples) for samples in vectors]
    made = [iter(sequence(*item)) for item in zip(models, vectors, strict=True)]
    asked = b"".join(bytes([number]) + raw(next(given[number])) for number in order)
    wanted = b"".join(raw(next(made[number])) for number in order)
    done = subprocess.run(
        [str(program_of(graph, tmp_path))], input=asked, stdout=subprocess.PIPE, check=True
    )
    assert done.stdout == wanted


def test_the_file_says_which_models_it_holds() -> None:
    graph = loaded(small_network(), random_graph(1))
    assert graph.file_names == ("model_1.tflite", "model_2.tflite")
    again = load(model_file("again.tflite", write(graph)))
    assert again.parts == graph.parts
    assert set(parts_of_ops(run_passes(graph))) == {0, 1}
    for whole, alone in zip(models_of(graph), (small_network(), random_graph(1)), strict=True):
        sample = made_vectors(alone, 1)[0]
        for got, right in zip(outputs(whole, sample), outputs(alone, sample), strict=True):
            assert np.array_equal(got, right)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        "nonsense",
        '[{"name": 1}]',
        "[" * 3000,
        '[{"name":"a","inputs":99,"outputs":1,"source":{}}]',
    ],
)
def test_a_damaged_list_of_models_is_none(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tinyml.model import writer
    from tinyml.model.metadata import PARTS

    monkeypatch.setattr(writer, "entry_of_parts", lambda parts: {PARTS: text.encode()})
    assert load(model_file("m.tflite", write(small_network()))).parts == ()


def test_a_list_that_is_not_true_is_none() -> None:
    """A value of two models would be computed by one of them and be garbage in the other."""
    two = loaded(small_network(), small_network())
    first, second = two.parts
    crossed = replace(two, outputs=two.outputs[::-1])
    assert load(model_file("m.tflite", write(crossed))).parts == ()
    wrong = replace(second, outputs=second.outputs + 1)
    assert load(model_file("m.tflite", write(replace(two, parts=(first, wrong))))).parts == ()
    with pytest.raises(ModelError, match="its models have 3 outputs, and it has 2"):
        check(replace(two, parts=(first, wrong)))


def test_models_that_cannot_be_told_apart_are_refused() -> None:
    file = files(small_network())[0]
    with pytest.raises(ModelError, match="is called 'model_1' in C"):
        together([file, file])
    with pytest.raises(ModelError, match=r"17 models; at most 16"):
        together([replace(file, name=f"m{n}") for n in range(MOST + 1)])
    whole = together(files(small_network(), small_network()))
    with pytest.raises(ModelError, match="one of the files holds several models"):
        together([file, whole])


@pytest.mark.sim
def test_the_agent_looks_into_each_model(tmp_path: Path) -> None:
    """An inference that ends in the first model must not go on with the second."""
    file = together(files(small_network(), small_network()))
    built = api.build(file, api.load_board(BOARD), api.Settings(directory=tmp_path / "b"))
    graph = built.plan.graph
    machine = Machine(read_elf(built.linked().elf), built.board)
    machine.counter.ignore_memory()
    client = AgentClient(MemoryLink(machine))
    (sample,) = random_samples(graph, 1).inputs
    for number, value in enumerate(sample):
        client.load_input(number, np.ascontiguousarray(value).tobytes())
    for number, step in enumerate(built.plan.steps):
        index = graph.ops[step.ops[-1]].outputs[0]
        part = Samples((sample,))
        wanted = next(iter(expected(replace(graph, outputs=(index,), parts=()), part.inputs)))[0]
        assert client.layer_output(number) == np.ascontiguousarray(wanted).tobytes(), number


@pytest.mark.sim
def test_each_prints_a_line_of_its_own(tmp_path: Path) -> None:
    file = together([api.together([DIGITS]), *files(small_network())])
    graph = load(file)
    samples = random_samples(graph, 3)
    write_samples(tmp_path / "in.npz", [graph.tensors[i] for i in graph.inputs], samples.inputs)
    settings = api.Settings(compiled_inputs=tmp_path / "in.npz", directory=tmp_path / "b")
    built = api.build(file, api.load_board(BOARD), settings)
    printed = run_application(built, samples)
    assert [item.agrees for item in printed] == [True] * 6
    assert [item.text.split(":")[0] for item in printed] == ["digits", "model_1"] * 3


def test_who_is_told_of_layers_is_asked_between_models() -> None:
    """The page's module did not link: one of the places had only one of both functions."""
    sources = [path.read_text() for path in resources.path("firmware").rglob("*.c")]
    told = [text for text in sources if "bool tml_layer_done(uint32_t layer)\n{" in text]
    assert len(told) >= 3
    assert all("bool tml_inference_is_ended(void)\n{" in text for text in told)


def test_the_page_runs_them_all() -> None:
    graph = loaded(small_network(), small_network())
    assert wasm_module(live_plan(graph, api.load_board(BOARD))).startswith(b"\0asm")


@pytest.mark.sim
def test_the_commands_take_several(tmp_path: Path) -> None:
    (tmp_path / "digits.tflite").write_bytes(DIGITS.read_bytes())
    names = ["digits.tflite", *(Path(name).name for name in saved(tmp_path, small_network()))]
    ran = run_tinyml("simulate", *names, "--board", BOARD, "--samples", "2", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "outputs equal to the reference on all 2 samples" in ran.stdout
    folder = tmp_path / "build" / f"digits_model_1-{BOARD}"
    report = json.loads((folder / "report.json").read_text())
    held = report["model"]["models"]
    assert [(item["name"], item["file"]) for item in held] == [
        ("digits", names[0]),
        ("model_1", names[1]),
    ]
    layers = [index for item in held for index in item["layers"]]
    assert layers == list(range(len(report["layers"])))
    assert report["command"].startswith(f"tinyml simulate {names[0]} {names[1]} --board {BOARD}")
    assert 'data-table="models"' in (folder / "report.html").read_text()
    assert api.open_build(folder).plan.graph.parts
    checked = run_tinyml("check", *names, "--json", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    (tmp_path / "tinyml.toml").write_text(
        f'model = {json.dumps(names)}\nboard = "{BOARD}"\ntemplate = "baremetal"\n'
    )
    again = run_tinyml("build", "--output", "other", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "model" / "digits_model_1.c").is_file()


def test_what_several_models_cannot_have(tmp_path: Path) -> None:
    names = saved(tmp_path, small_network(), small_network())
    both = run_tinyml("build", *names, "--board", BOARD, "--calibration", "x.npz", cwd=tmp_path)
    assert both.returncode == 2 or "--calibration is for one model" in both.stderr
    assert "hint: convert each of them first" in both.stderr
    tflm = run_tinyml("build", *names, "--board", BOARD, "--runtime", "tflm", cwd=tmp_path)
    assert "TFLM's interpreter runs one" in tflm.stderr
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize(
    ("board", "template"),
    [
        ("arduino_nano33ble", "arduino"),
        ("nucleo_l4r5zi", "cmake"),
        ("nucleo_l4r5zi", "cubemx"),
        ("nucleo_l4r5zi", "zephyr"),
        ("nucleo_l4r5zi", "library"),
        ("esp32s3", "esp_idf"),
        ("esp32s3", "platformio_idf"),
        ("nucleo_f446re", "platformio"),
    ],
)
def test_every_template_takes_several(board: str, template: str, tmp_path: Path) -> None:
    settings = api.Settings(
        template=template, directory=tmp_path / "b", project_only=True, self_test=False
    )
    file = together(files(small_network(), last_only()))
    built = api.build(file, api.load_board(board), settings)
    project = built.directory / "project"
    texts = [
        path.read_text()
        for path in project.rglob("*")
        if path.suffix in (".c", ".md", ".ino", ".cpp")
    ]
    assert any("model_1_input" in text and "model_2_input" in text for text in texts)


@pytest.mark.sim
def test_an_application_may_run_one_at_a_time(tmp_path: Path) -> None:
    """Nothing runs all of them then, and the self-test found no model in the image."""
    file = together(files(small_network(), last_only()))
    settings = api.Settings(directory=tmp_path / "b", agent=False)
    api.build(file, api.load_board(BOARD), replace(settings, project_only=True))
    main = tmp_path / "b" / "project" / "main.c"
    name = load(file).name
    alone = main.read_text().replace(f"{name}_invoke();", "model_2_invoke(); model_1_invoke();")
    prints = "model_1_print_result(); model_2_print_result();"
    alone = alone.replace(f"{name}_print_result();", prints)
    main.write_text(alone)
    built = api.build(file, api.load_board(BOARD), settings)
    assert read_elf(built.linked().elf).symbol(f"{name}_invoke") is None
    assert built.report.self_test is not None
    main.write_text(alone.replace("model_2_invoke(); ", ""))
    with pytest.raises(ToolError, match="there is no 'model_2_invoke' in the image") as caught:
        api.build(file, api.load_board(BOARD), settings)
    assert "call model_1_invoke() and model_2_invoke()" in (caught.value.hint or "")
