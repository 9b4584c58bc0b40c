"""The price of quantisation, measured: the float model against the integer one, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from tinyml.base.errors import MismatchError
from tinyml.convert.fixups.equalize import pairs_of
from tinyml.convert.layers import CEILING_DB, Layer, Sample, as_fed, layers_of, sqnr_db
from tinyml.convert.ranges import dequantize
from tinyml.convert.runners import Runner, float_runner, quantised_runner
from tinyml.convert.states import following
from tinyml.convert.suggest import Suggestion, suggestions
from tinyml.convert.values import Evaluation, QuantizedModel, QuantizeSettings
from tinyml.evaluate.caveats import SAME, answer_doubt, are_same, class_doubt, error_doubt
from tinyml.evaluate.verification import MOST_CLASSES, Confusion, confusion_of
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array

LAYER_SAMPLES = 16  # for the figures per layer; the score takes all

Progress = Callable[[str, int, int], None]  # what, done, of how many


def _quiet(_what: str, _done: int, _total: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Score:
    """One figure for each of the two models."""

    metric: str  # "accuracy", "AUC", "RMSE", "agreement"
    in_float: float
    in_integers: float
    samples: int
    is_higher_better: bool
    doubt: str = ""  # why it says little; "" when it does not
    confusion_in_float: Confusion = ()  # where there are classes, and not too many of them
    confusion_in_integers: Confusion = ()

    @property
    def drop(self) -> float:
        """How much worse the integer model is; negative when it is better."""
        change = self.in_float - self.in_integers
        return change if self.is_higher_better else -change


@dataclass(frozen=True, slots=True)
class Quality:
    """The report on one quantised model."""

    score: Score
    output_sqnr_db: float  # of the first output, inside the integer model
    evaluator: str  # which arithmetic the integer model ran in
    layers: tuple[Layer, ...]
    suggestions: tuple[Suggestion, ...]  # best first

    def worst(self, count: int = 5) -> tuple[Layer, ...]:
        """The layers that harm the output most, worst first."""
        guilty = [layer for layer in self.layers if layer.own_db < CEILING_DB]
        return tuple(sorted(guilty, key=lambda layer: layer.own_db)[:count])

    def lost(self) -> tuple[str, ...]:
        """Layers whose output in integers is no better than zeros would be."""
        return tuple(layer.name for layer in self.layers if layer.sqnr_db <= 0)

    def to_json(self) -> dict[str, object]:
        """As it stands in convert.json."""
        return {
            "score": {**asdict(self.score), "drop": self.score.drop},
            "output_sqnr_db": round(self.output_sqnr_db, 2),
            "evaluator": self.evaluator,
            "layers": [_layer_json(layer) for layer in self.layers],
            "lost_layers": list(self.lost()),
            "worst_layers": [layer.name for layer in self.worst()],
            "suggestions": [suggestion.to_json() for suggestion in self.suggestions],
        }


def _layer_json(layer: Layer) -> dict[str, object]:
    rounded = {
        key: round(value, 6) if isinstance(value, float) else value
        for key, value in asdict(layer).items()
    }
    return {**rounded, "shape": list(layer.shape), "own_db": round(layer.own_db, 6)}


def measure(
    models: tuple[bytes, QuantizedModel],
    settings: QuantizeSettings,
    samples: Sequence[Sample],
    evaluation: Evaluation | None = None,
    progress: Progress = _quiet,
) -> Quality:
    """The report on ``models`` = (float model, what the quantiser made of it).

    ``samples`` are those of the calibration; they serve for the figures per layer, and for the
    score when there is no evaluation.
    """
    original, made = models
    graph = made.original
    assert graph is not None
    quantised = quantised_runner(made.data)
    pair = (float_runner(original), quantised)
    judged = (pair[0], following(quantised, settings.states))
    result = score(judged, evaluation or Evaluation(tuple(map(tuple, samples))), progress)
    chosen = _spread(evaluation.samples if evaluation else samples, LAYER_SAMPLES)
    layers = layers_of(graph, quantised, chosen)
    found = [(_first(pair[0], s), _first(quantised, s)) for s in chosen]
    noise = sqnr_db(np.stack([a for a, _ in found]), np.stack([b for _, b in found]))
    advice = suggestions(
        layers, settings, frozenset(graph.tensors[p.value].name for p in pairs_of(graph))
    )
    return Quality(result, noise, quantised.name, layers, advice)


def _spread(samples: Sequence[Sample], count: int) -> tuple[Sample, ...]:
    """At most ``count`` samples, evenly from all of them."""
    step = max(1, len(samples) // count)
    return tuple(samples[::step][:count])


def outputs(runner: Runner, sample: Sample) -> tuple[Array, ...]:
    """The model's outputs as real values, whatever its types."""
    graph = runner.graph
    fed = tuple(as_fed(graph.tensors[i], v) for i, v in zip(graph.inputs, sample, strict=True))
    tensors = (graph.tensors[i] for i in graph.outputs)
    return tuple(
        value
        if tensor.quant is None or tensor.dtype == FLOAT32
        else dequantize(value, tensor.quant)
        for value, tensor in zip(runner.outputs(fed), tensors, strict=True)
    )


def _first(runner: Runner, sample: Sample) -> Array:
    return outputs(runner, sample)[0]


def score(
    pair: tuple[Runner, Runner], evaluation: Evaluation, progress: Progress = _quiet
) -> Score:
    """Both models on the evaluation data, by what the data is.

    Classes: accuracy, or AUC where there is one number (or a reconstruction) and two classes.
    Arrays: root mean square error. Neither: how often both models decide alike, or the RMSE
    between them where the output is no list of classes.
    """
    total = len(evaluation.samples)
    found: tuple[list[Array], list[Array]] = ([], [])
    for number, sample in enumerate(evaluation.samples):
        for runner, results in zip(pair, found, strict=True):
            results.append(_first(runner, sample))
        progress("evaluating", number + 1, total)
    result = _scored([np.stack(results) for results in found], evaluation)
    for model, values in zip(("float", "integer"), found, strict=True):
        if are_same(values):
            return replace(result, doubt=f"{SAME} of the {model} model")
    return result


def _scored(results: list[Array], evaluation: Evaluation) -> Score:
    total = len(evaluation.samples)
    if evaluation.labels:
        return _labelled(results, evaluation, total)
    if evaluation.targets:
        goal = np.stack([np.reshape(t, results[0].shape[1:]) for t in evaluation.targets])
        real, whole = (float(np.sqrt(np.mean((goal - r) ** 2))) for r in results)
        doubt = _of_float(error_doubt(results[0], goal))
        return Score("RMSE", real, whole, total, is_higher_better=False, doubt=doubt)
    if results[0][0].size > 1 and results[0].ndim == 3:
        said, again = (r.reshape(total, -1).argmax(1) for r in results)
        doubt = _of_float(answer_doubt(said.tolist()))
        alike = float(np.mean(said == again))
        return Score("agreement", 1.0, alike, total, is_higher_better=True, doubt=doubt)
    between = float(np.sqrt(np.mean((results[0] - results[1]) ** 2)))
    return Score("RMSE between both", 0.0, between, total, is_higher_better=False)


def _of_float(doubt: str) -> str:
    """A doubt about the float model: whatever comes of it cannot be better."""
    return f"the float model: {doubt}" if doubt else ""


def _labelled(results: list[Array], evaluation: Evaluation, total: int) -> Score:
    labels = np.array(evaluation.labels)
    flat = [r.reshape(total, -1) for r in results]
    given = np.stack([np.reshape(sample[0], -1) for sample in evaluation.samples])
    if set(labels.tolist()) <= {0, 1} and flat[0].shape[1] == 1:
        real, whole = (auc(r[:, 0], labels) for r in flat)
        return Score(
            "AUC", real, whole, total, is_higher_better=True, doubt=_auc_doubt(real, labels)
        )
    if set(labels.tolist()) <= {0, 1} and flat[0].shape[1] == given.shape[1] > 2:
        real, whole = (auc(np.mean((r - given) ** 2, axis=1), labels) for r in flat)
        metric, doubt = "AUC of the reconstruction error", _auc_doubt(real, labels)
        return Score(metric, real, whole, total, is_higher_better=True, doubt=doubt)
    said = [r.argmax(axis=1) for r in flat]
    real, whole = (float(np.mean(answers == labels)) for answers in said)
    doubt = _of_float(class_doubt(said[0].tolist(), labels.tolist()))
    counts = [confusion_of(labels.tolist(), answers.tolist()) for answers in said]
    kept = counts if max(map(len, counts)) <= MOST_CLASSES else [(), ()]
    return Score("accuracy", real, whole, total, True, doubt, *kept)


def _auc_doubt(real: float, labels: Array) -> str:
    if len(set(labels.tolist())) == 1:
        return f"every label is class {labels[0]}"
    return _of_float("no better than chance") if real <= 0.5 else ""


def auc(scores: Array, labels: Array) -> float:
    """Area under the ROC curve; ties count half. 0.5 when there is only one class."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    ranks = np.empty(len(scores))
    first = np.searchsorted(ordered, ordered, "left")
    last = np.searchsorted(ordered, ordered, "right")
    ranks[order] = (first + last + 1) / 2
    positives = labels == 1
    count = int(positives.sum())
    others = len(labels) - count
    if not count or not others:
        return 0.5
    return float((ranks[positives].sum() - count * (count + 1) / 2) / (count * others))


def require(quality: Quality, least: float | None = None, drop: float | None = None) -> None:
    """Returns when the score is good enough.

    Raises MismatchError when it is below ``least``, or worse than the float model by more than
    ``drop``. For errors, ``least`` is the most that is allowed.
    """
    held = quality.score
    worst = quality.worst(1)
    hint = None
    if quality.suggestions:
        first = quality.suggestions[0]
        hint = f"{first.text} ({first.option})" if first.option else first.text
    where = f"; the layer that harms most is '{worst[0].name}'" if worst else ""
    if least is not None:
        is_bad = held.in_integers < least if held.is_higher_better else held.in_integers > least
        if is_bad:
            raise MismatchError(
                f"{held.metric} is {held.in_integers:.4f} in integers, {least:g} is needed "
                f"(float: {held.in_float:.4f}){where}",
                hint=hint,
            )
    if drop is not None and held.drop > drop:
        raise MismatchError(
            f"{held.metric} drops by {held.drop:.4f} from {held.in_float:.4f} to "
            f"{held.in_integers:.4f}, {drop:g} is allowed{where}",
            hint=hint,
        )
