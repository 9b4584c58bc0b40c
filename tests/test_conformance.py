"""The corpus, and the command that holds it against the reference."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.corpus.__main__ import chain, models, random_graph
from tests.corpus.networks import NETWORKS
from tests.support.models.small_graphs import small_network
from tests.support.running.tflm import needs_tflm
from tinyml.base.errors import BoardError, TinymlError
from tinyml.conformance import batch, targets
from tinyml.conformance.batch import Settings, check_batch
from tinyml.conformance.cases import golden_outputs, made_vectors, models_in, read_case
from tinyml.conformance.merge import part_of, parted
from tinyml.conformance.run import RESULTS, conform
from tinyml.conformance.shrink import smallest
from tinyml.conformance.targets import Way
from tinyml.conformance.values import Case, Vector
from tinyml.ir.graph import Graph
from tinyml.model.writer import write
from tinyml.ops import all_ops, form_of
from tinyml.ops.reference import outputs

ROOT = Path(__file__).parent.parent
SEED = 4242  # not one of the corpora that were looked at by hand
GRAPHS, NETS, ON_CORES = 240, 60, 60  # make conformance: 6,000 on every core

ARM = ("nucleo_g0b1re", "nucleo_l4r5zi", "nucleo_h743zi2", "nucleo_u575zi_q")


def save(folder: Path, graphs: list[tuple[str, Graph]]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, graph in graphs:
        (folder / f"{name}.tflite").write_bytes(write(replace(graph, name="model")))
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("corpus"), models(GRAPHS, NETS, SEED, with_rows=False))


def equal_everywhere(folder: Path, work: Path, *names: str, size: int = 60) -> None:
    settings = Settings(folder, names, work, samples=3, batch=size)
    found = conform(settings)
    failed = [result for result in found.results if result.is_failed]
    assert not failed, "\n".join(f"{r.model} on {r.target}: {r.detail}" for r in failed)
    assert len(found.results) >= len(models_in(folder))


@pytest.mark.host_cc
@pytest.mark.slow
@needs_tflm
def test_the_corpus_is_equal_here_and_in_tflm(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """17 % of random chains were wrong on every core, with exit code 0."""
    monkeypatch.setattr(targets, "OPTIMIZE", "-O0")  # small models: compiling takes the time
    equal_everywhere(corpus, tmp_path, "host", "tflm")


@pytest.mark.sim
@pytest.mark.slow
@pytest.mark.parametrize("board", [*ARM, "esp32c3"])
def test_the_corpus_is_equal_on_emulated_cores(board: str, tmp_path: Path) -> None:
    number = [*ARM, "esp32c3"].index(board)  # each core gets models of its own
    made = models(ON_CORES, len(NETWORKS), SEED + 1 + number, with_rows=False)
    equal_everywhere(save(tmp_path / "corpus", made), tmp_path / "work", board)


@pytest.mark.qemu
@pytest.mark.slow
def test_the_corpus_is_equal_on_helium(tmp_path: Path) -> None:
    made = models(ON_CORES, len(NETWORKS), SEED + 7, with_rows=False)
    equal_everywhere(save(tmp_path / "corpus", made), tmp_path / "work", "mps3_an547")


@pytest.mark.xtensa
@pytest.mark.slow
def test_the_corpus_is_equal_on_xtensa(tmp_path: Path) -> None:
    made = models(ON_CORES, len(NETWORKS), SEED + 8, with_rows=False)
    equal_everywhere(save(tmp_path / "corpus", made), tmp_path / "work", "esp32s3")


@pytest.mark.host_cc
@pytest.mark.slow
def test_models_with_constants_in_ram_are_one_program(tmp_path: Path) -> None:
    """The batch lost where they lie, so each model was built alone, in twice the time."""
    folder = save(tmp_path / "models", models(10, 0, SEED, with_rows=False))
    cases = [read_case(path, 1) for path in models_in(folder)]
    way = Way("nucleo_g0b1re", is_shared=True)
    assert any(targets._planned(way, case).copied_steps for case in cases)
    outputs_of_all = targets.outputs_on(way, cases, tmp_path / "program")
    for case, found in zip(cases, parted(cases, outputs_of_all), strict=True):
        assert all(map(np.array_equal, found[0], case.expected[0]))


def test_the_page_says_how_many() -> None:
    """It said twice as many long after the tests had become a sample."""
    text = (ROOT / "docs" / "verification.md").read_text(encoding="utf-8")
    assert f"{GRAPHS + NETS} models on this machine and in TFLM" in " ".join(text.split())
    assert f"{ON_CORES + len(NETWORKS)} models of its own on each core" in " ".join(text.split())


@pytest.mark.sim
def test_models_follow_one_another_in_one_folder(tmp_path: Path) -> None:
    """The second one on a board failed: the folder was that of another model file."""
    folder = save(tmp_path / "models", [(name, small_network()) for name in ("one", "two")])
    settings = Settings(
        folder, ("nucleo_l4r5zi",), tmp_path / "work", samples=1, is_shrinking=False
    )
    for path in models_in(folder):
        (result,) = check_batch((path,), settings, tmp_path / "work" / "build")
        assert result.status == "equal", result.detail


def test_the_corpus_has_every_form_and_every_network() -> None:
    graphs = [random_graph(n) for n in range(1500)]
    graphs += [chain(n) for n in range(len(NETWORKS))]
    made = {(op.kind, form_of(op, graph).name) for graph in graphs for op in graph.ops}
    forms = {(kind, form.name) for kind, spec in all_ops().items() for form in spec.forms}
    assert made == forms


def test_the_same_seed_gives_the_same_models() -> None:
    first, again = (models(6, 3, 5, with_rows=False) for _ in range(2))
    assert [write(graph) for _, graph in first] == [write(graph) for _, graph in again]


def wrong_on(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets every program of more than nothing write one wrong element behind ops of a kind."""
    right = targets.outputs_on

    def outputs_on(way: targets.Way, cases: list[Case], folder: Path) -> tuple[Vector, ...]:
        found = right(way, cases, folder)
        if not any(op.kind == kind for case in cases for op in case.graph.ops):
            return found
        first = found[0][0].copy()
        first.flat[0] ^= 1
        return ((first, *found[0][1:]), *found[1:])

    monkeypatch.setattr(batch, "outputs_on", outputs_on)


@pytest.mark.host_cc
def test_a_wrong_element_is_found_and_shrunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(tmp_path / "models", [("net", small_network())])
    wrong_on("SOFTMAX", monkeypatch)
    settings = Settings(folder, ("host",), tmp_path / "work", samples=2)
    (result,) = check_batch(models_in(folder), settings, tmp_path / "work" / "build")
    assert (result.status, result.target) == ("wrong", "host")
    assert "input 0, output 'out': 1 of 4 elements; element 0 is" in result.detail
    assert "smallest part that fails, of 1 operators" in result.detail
    path = Path(result.detail.rsplit(": ", 1)[1])
    assert [op.kind for op in read_case(path, 1).graph.ops] == ["SOFTMAX"]


@pytest.mark.host_cc
def test_results_are_kept_and_not_made_again(tmp_path: Path) -> None:
    folder = save(tmp_path / "models", [("a", small_network())])
    (folder / "damaged.tflite").write_bytes(b"nothing")
    settings = Settings(folder, ("host",), tmp_path / "work", samples=2)
    assert [(r.model, r.target, r.status) for r in conform(settings).results] == [
        ("a.tflite", "host", "equal"),
        ("damaged.tflite", "read", "refused"),
    ]
    kept = (tmp_path / "work" / RESULTS).read_text()
    shown: list[tuple[int, int]] = []
    again = conform(settings, show=lambda _, done, total: shown.append((done, total)))
    assert [result.status for result in again.results] == ["equal", "refused"]
    assert shown == []
    assert (tmp_path / "work" / RESULTS).read_text().strip() == kept.strip()
    assert all(json.loads(line)["key"] for line in kept.split("\n") if line)
    (tmp_path / "work" / RESULTS).write_text(kept[:-20])  # cut off by an interrupt
    assert conform(settings).results == again.results


@pytest.mark.parametrize("suffix", ["npz", "csv"])
def test_golden_files_beside_a_model_are_inputs_and_outputs(suffix: str, tmp_path: Path) -> None:
    graph = small_network()
    save(tmp_path, [("m", graph)])
    vectors = made_vectors(graph, 3)
    right = [outputs(graph, vector) for vector in vectors]
    wrong = right[2][0].copy()
    wrong.flat[1] += 1
    answers = [right[0][0], right[1][0], wrong]
    if suffix == "npz":
        np.savez(
            tmp_path / "m.npz",
            image=np.stack([vector[0] for vector in vectors]),
            out=np.stack(answers),
        )
    else:
        rows = (
            ",".join(map(str, [*vector[0].ravel(), *answer.ravel()]))
            for vector, answer in zip(vectors, answers, strict=True)
        )
        (tmp_path / "m.csv").write_text("\n".join(rows))
    case = read_case(tmp_path / "m.tflite", 5)
    assert len(case.vectors) == 3
    np.testing.assert_array_equal(golden_outputs(case)[2][0].ravel(), wrong.ravel())
    settings = Settings(tmp_path, (), tmp_path / "work")
    (result,) = check_batch(models_in(tmp_path), settings, tmp_path / "work")
    assert (result.target, result.status) == ("golden", "wrong")
    assert "input 2" in result.detail


def test_a_short_row_of_golden_values_is_one_clear_error(tmp_path: Path) -> None:
    save(tmp_path, [("m", small_network())])
    (tmp_path / "m.csv").write_text("1,2,3")
    with pytest.raises(TinymlError, match="line 1: 3 values, 108 inputs and 4 outputs are needed"):
        read_case(tmp_path / "m.tflite", 1)


def test_models_that_a_run_made_are_not_its_models(tmp_path: Path) -> None:
    """The smallest parts of what had failed were among the models of the next run."""
    save(tmp_path, [("m", small_network())])
    save(tmp_path / "work", [("smallest", small_network())])
    assert models_in(tmp_path, without=tmp_path / "work") == (tmp_path / "m.tflite",)
    assert len(models_in(tmp_path)) == 2


def test_unknown_targets_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TinymlError, match=r"holds no \.tflite file"):
        conform(Settings(tmp_path, ("host",), tmp_path / "work"))
    save(tmp_path, [("m", small_network())])
    with pytest.raises(BoardError, match="nucleo_l4r5z"):
        conform(Settings(tmp_path, ("nucleo_l4r5z",), tmp_path / "work"))


def test_shrinking_keeps_what_fails() -> None:
    case = Case(Path("m"), small_network(), made_vectors(small_network(), 3), ())
    case = replace(case, expected=tuple(outputs(case.graph, v) for v in case.vectors))

    def fails(part: Case) -> bool:
        kinds = [op.kind for op in part.graph.ops]
        return "DEPTHWISE_CONV_2D" in kinds and "ADD" in kinds

    found = smallest(case, fails)
    assert sorted(op.kind for op in found.graph.ops) == ["ADD", "DEPTHWISE_CONV_2D"]
    assert len(found.vectors) == 1
    for vector, wanted in zip(found.vectors, found.expected, strict=True):
        for made, right in zip(outputs(found.graph, vector), wanted, strict=True):
            np.testing.assert_array_equal(made, right)
    assert part_of(case, []) is None
