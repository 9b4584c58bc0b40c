"""Whether a firmware's results are right: held against the integer reference, and against labels.

The reference computes the model as it was read, before any pass: what a pass breaks shows as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.base.errors import InternalError, MismatchError, TinymlError
from tinyml.evaluate.caveats import SAME, are_same, class_doubt
from tinyml.ir.graph import Array, Graph, Quant
from tinyml.model.support import has_reference
from tinyml.plan.values import Plan

AOT = "aot"  # the runtime whose models all have a reference

MOST_CLASSES = 64  # of a confusion matrix that is kept in a report
Confusion = tuple[tuple[int, ...], ...]  # [label][answer] → samples

Results = Sequence[tuple[Array, ...]]  # of each sample, one array per output


@dataclass(frozen=True, slots=True)
class Verification:
    """What comparing a board with the reference gave; all elements were equal."""

    samples: int
    elements: int  # compared
    accuracy: float | None = None  # None without labels
    confusion: Confusion = ()  # [label][what the board said] → samples
    doubt: str = ""  # why accuracy or equality say little


def reference_of(plan: Plan) -> Graph | None:
    """The graph whose outputs are right; None where only an interpreter knows an operator or type.

    Raises InternalError when there is none for a compiled model: it had one when it was read.
    """
    graph = plan.reference_graph
    if has_reference(graph):
        return graph
    if plan.runtime == AOT:
        raise InternalError(
            f"{graph.source.file_name} was compiled, but there is no reference to compare with"
        )
    return None


def verify(graph: Graph, inputs: Results, outputs: Results) -> None:
    """Raises MismatchError unless every output element equals the integer reference.

    Each sample begins with the state after a reset, but for streaming models, whose samples are one
    sequence.
    """
    from tinyml.ops.reference import expected

    hold_against(graph, tuple(expected(graph, inputs)), outputs)


def hold_against(graph: Graph, right_ones: Results, outputs: Results) -> None:
    """Raises MismatchError unless every output element is right."""
    for number, (wanted, results) in enumerate(zip(right_ones, outputs, strict=True)):
        for index, found, right in zip(graph.outputs, results, wanted, strict=True):
            wrong = np.flatnonzero(~equal_elements(found, right))
            if wrong.size:
                first = int(wrong[0])
                raise MismatchError(
                    f"sample {number}: {wrong.size} of {right.size} elements of output "
                    f"'{graph.tensors[index].name}' differ from the reference; the first is "
                    f"element {first}: {np.ravel(found)[first]} instead of "
                    f"{np.ravel(right)[first]}",
                    hint="this is a bug of tinyml or of the compiler: please report it with the "
                    "model",
                )


def equal_elements(found: Array, wanted: Array) -> Array:
    """For each element in order whether it is right: equal, or NaN where the reference has NaN."""
    a, b = np.ravel(found), np.ravel(wanted)
    return np.asarray((a == b) | ((a != a) & (b != b)))


def check_labels(graph: Graph, labels: Sequence[int]) -> None:
    """Raises TinymlError when a label is no class of the model."""
    made = graph.tensors[graph.outputs[0]]
    if labels and made.shape and math.prod(made.shape[:-1]) != 1:
        raise TinymlError(
            f"the samples have labels, but the output {list(made.shape)} is no row of classes",
            hint="leave them out: the outputs are compared with the reference all the same",
        )
    classes = max(made.elements, 2)
    wrong = [label for label in labels if not 0 <= label < classes]
    if wrong:
        raise TinymlError(
            f"{len(wrong)} labels are no class of the model, such as {wrong[0]}: its classes are "
            f"0 to {classes - 1}",
            hint="a label is the index of the output that should be the largest",
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """How many samples are right."""

    accuracy: float  # share of samples
    confusion: Confusion  # counts [label][what the first output says]
    doubt: str  # why the accuracy says little; "" when it does not


def is_constant(outputs: Results) -> bool:
    """Whether every one of several samples gave the same outputs."""
    return bool(outputs) and all(map(are_same, zip(*outputs, strict=True)))


def tally(graph: Graph, outputs: Results, labels: Sequence[int]) -> Tally:
    """Holds what the first output says against the labels."""
    quant = graph.tensors[graph.outputs[0]].quant
    said = [_class_of(np.ravel(result[0]), quant) for result in outputs]
    counts = confusion_of(labels, said)
    right = sum(counts[index][index] for index in range(len(counts)))
    doubt = SAME if is_constant(outputs) else class_doubt(said, labels)
    return Tally(right / len(said), counts, doubt)


def confusion_of(labels: Sequence[int], said: Sequence[int]) -> Confusion:
    """Samples by label (rows) and by answer (columns)."""
    size = max([*said, *labels, 1]) + 1
    counts = [[0] * size for _ in range(size)]
    for label, answer in zip(labels, said, strict=False):
        counts[label][answer] += 1
    return tuple(map(tuple, counts))


def score_details(graph: Graph, outputs: Results, labels: Sequence[int]) -> dict[str, object]:
    """What a run's details say on its results: accuracy where there are labels, and doubts."""
    found: dict[str, object] = {}
    if labels:
        counted = tally(graph, outputs, labels)
        found = {"accuracy": counted.accuracy}
        if len(counted.confusion) <= MOST_CLASSES:
            found["confusion"] = counted.confusion
        if counted.doubt:
            found["accuracy_doubt"] = counted.doubt
    if is_constant(outputs):
        found["outputs_doubt"] = SAME
    return found


def _class_of(values: Array, quant: Quant | None) -> int:
    """The largest output; with only one output, whether its real value is above one half."""
    if values.size > 1:
        return int(np.argmax(values))
    real = (float(values[0]) - quant.zero_point) * quant.scale if quant else float(values[0])
    return int(real > 0.5)
