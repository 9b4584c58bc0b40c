"""The quality report: figures, the layer that is to blame, and what following its advice brings."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.support.nets.digit_nets import data_of, digits, mobilenet_v3, plain_cnn
from tests.support.nets.float_graphs import single_op
from tests.support.running.tflm import needs_tflm
from tinyml.base.errors import MismatchError
from tinyml.convert.layers import Layer, sqnr_db
from tinyml.convert.present import lost_sentences
from tinyml.convert.quality import Quality, Score, auc, measure, require, score
from tinyml.convert.quantize import quantize
from tinyml.convert.runners import INTEGER_REFERENCE, float_runner, quantised_runner
from tinyml.convert.sweep import costs, macs_of, sweep
from tinyml.convert.values import Evaluation, QuantizeSettings
from tinyml.ir.graph import Graph

pytestmark = pytest.mark.slow


def test_sqnr_of_known_noise() -> None:
    signal = np.ones(100)
    assert sqnr_db(signal, signal * 1.1) == pytest.approx(20.0)
    assert sqnr_db(signal, signal) == 120.0
    assert sqnr_db(np.zeros(4), np.ones(4)) < -200


def test_area_under_the_curve() -> None:
    labels = np.array([0, 0, 1, 1])
    assert auc(np.array([0.1, 0.2, 0.3, 0.4]), labels) == 1.0
    assert auc(np.array([0.4, 0.3, 0.2, 0.1]), labels) == 0.0
    assert auc(np.array([0.5, 0.5, 0.5, 0.5]), labels) == 0.5
    assert auc(np.array([0.1, 0.3, 0.2, 0.4]), labels) == 0.75


def _needs_frameworks() -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert (extra 'convert') is missing")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")


def _report(graph: Graph, settings: QuantizeSettings) -> tuple[Quality, bytes]:
    train, test = digits()
    made = quantize(data_of(graph), train.images[:100], settings)
    evaluation = test.evaluation()
    return measure((data_of(graph), made), settings, train.images[:100], evaluation), made.data


def test_a_healthy_network_needs_no_advice() -> None:
    _needs_frameworks()
    quality, _ = _report(plain_cnn(), QuantizeSettings())
    assert quality.evaluator == INTEGER_REFERENCE
    assert quality.score.metric == "accuracy"
    assert quality.score.in_float > 0.9
    assert quality.score.drop <= 0.01
    assert quality.suggestions == ()
    assert all(layer.sqnr_db > 25 for layer in quality.layers)
    require(quality, least=0.9, drop=0.01)
    json.dumps(quality.to_json())


def test_an_outlier_channel_is_found_and_equalised() -> None:
    _needs_frameworks()
    quality, _ = _report(plain_cnn(300.0), QuantizeSettings())
    assert quality.score.drop > 0.5
    worst = quality.worst(1)[0]
    assert (worst.name, worst.outlier_channel) == ("first", 5)
    first = quality.suggestions[0]
    assert first.option == "--equalize"
    assert "channel 5 of 'first'" in first.text
    with pytest.raises(MismatchError, match=r"accuracy drops by 0\.8.*harms most is 'first'"):
        require(quality, drop=0.01)
    with pytest.raises(MismatchError, match=r"accuracy is 0\.\d+ in integers, 0\.9 is needed"):
        require(quality, least=0.9)
    assert first.settings is not None
    better, _ = _report(plain_cnn(300.0), first.settings)
    assert better.score.drop <= 0.02


@needs_tflm
def test_a_hard_swish_that_breaks_8_bits_is_kept_at_16() -> None:
    _needs_frameworks()
    quality, _ = _report(mobilenet_v3(300.0), QuantizeSettings())
    assert quality.score.drop > 0.2
    assert {layer.name for layer in quality.worst(2)} == {"stem", "stem_swish"}
    first = quality.suggestions[0]
    assert first.option == "--keep-int16 stem_swish --keep-int16 stem"
    assert first.settings is not None
    better, made = _report(mobilenet_v3(300.0), first.settings)
    assert better.score.drop <= 0.02
    kinds = {tensor.dtype.name for tensor in quantised_runner(made).graph.tensors}
    assert {"int8", "int16"} <= kinds


@needs_tflm
def test_a_sweep_ranks_what_the_report_suggests() -> None:
    _needs_frameworks()
    graph, settings = mobilenet_v3(300.0), QuantizeSettings()
    train, test = digits()
    quality, made = _report(graph, settings)
    trials = sweep(
        data_of(graph), quality, (train.images[:60], test.evaluation()), (settings, None)
    )
    options = {trial.option for trial in trials}
    assert {"", "--quantization int16x8", "--ranges mse"} <= options
    drops = [trial.drop for trial in trials]
    assert drops == sorted(drops)
    assert trials[0].drop <= 0.02
    given = next(trial for trial in trials if not trial.option)
    assert given.costs == costs(made)
    assert given.costs.ram_bytes < trials[0].costs.ram_bytes
    assert given.costs.macs == trials[0].costs.macs > 0


def test_scores_follow_the_kind_of_data() -> None:
    _needs_frameworks()
    train, test = digits()
    data = data_of(plain_cnn())
    made = quantize(data, train.images[:40], QuantizeSettings()).data
    pair = (float_runner(data), quantised_runner(made))
    few = test.images[:20]
    assert score(pair, Evaluation(few)).metric == "agreement"
    goal = tuple(pair[0].outputs(sample)[0] for sample in few)
    against_itself = score(pair, replace(Evaluation(few), targets=goal))
    assert against_itself.metric == "RMSE"
    assert against_itself.in_float == 0.0
    assert 0 < against_itself.in_integers < 0.1
    assert against_itself.drop == against_itself.in_integers


def test_scores_say_when_they_mean_nothing() -> None:
    """ "agreement 1.0000" stood behind a model that gives the same output whatever comes in."""
    _needs_frameworks()
    train, test = digits()
    graph = plain_cnn()
    healthy, few = data_of(graph), test.images[:20]
    zeros = tuple(
        replace(tensor, data=np.zeros_like(tensor.data))
        if tensor.data is not None and tensor.dtype.name == "float32"
        else tensor
        for tensor in graph.tensors
    )
    dead = data_of(replace(graph, tensors=zeros))
    for data, doubt in ((healthy, ""), (dead, "the output is the same for all samples of the")):
        made = quantize(data, train.images[:40], QuantizeSettings()).data
        pair = (float_runner(data), quantised_runner(made))
        for evaluation in (Evaluation(few), test.evaluation()):
            found = score(pair, evaluation)
            assert found.doubt.startswith(doubt)
            assert bool(found.doubt) == bool(doubt)
    one = score((float_runner(healthy), quantised_runner(made)), Evaluation(few[:1]))
    assert one.doubt == "the float model: there is one sample only"


def _layer(name: str, noise_db: float) -> Layer:
    return Layer(name, "CONV_2D", (1, 4), 8, -1.0, 1.0, 0.0, noise_db, None, noise_db, 1.0, 0)


def test_layers_of_noise_are_named() -> None:
    """0 dB stood in a table among other figures, and nothing was said about it."""
    layers = tuple(_layer(name, db) for name, db in (("good", 30.0), ("noise", 0.0), ("off", -3.0)))
    held = Score("accuracy", 1.0, 1.0, 20, is_higher_better=True)
    quality = Quality(held, -3.0, INTEGER_REFERENCE, layers, ())
    assert quality.lost() == ("noise", "off")
    assert quality.to_json()["lost_layers"] == ["noise", "off"]
    said = " ".join(lost_sentences(quality))
    assert "zeros would be as good as the output of 'noise', 'off'" in said
    assert "the output has a signal-to-noise ratio of -3.0 dB" in said
    assert list(lost_sentences(replace(quality, layers=layers[:1], output_sqnr_db=30.0))) == []


def test_the_sweep_counts_products_as_the_compiler_does() -> None:
    """Of transposed convolutions also those were counted that fall outside of the output."""
    graph = single_op("TRANSPOSE_CONV")
    op = graph.ops[0]
    given, filters = (graph.tensors[op.inputs[k]].shape for k in (2, 1))
    made = graph.tensors[op.outputs[0]].shape
    reached = 1
    for axis in (1, 2):
        pad = max((-(-made[axis] // 2) - 1) * 2 + filters[axis] - made[axis], 0) // 2
        places = [i * 2 + k - pad for i in range(given[axis]) for k in range(filters[axis])]
        reached *= sum(0 <= place < made[axis] for place in places)
    assert macs_of(graph, 0) == reached * given[3] * filters[0]
