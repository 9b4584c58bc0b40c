"""tinyml for programs and notebooks: the commands as functions, with the values that they pass on.

::

    from tinyml import api

    board = api.load_board("nucleo_l4r5zi")
    print(api.check("model.tflite", board).is_ok)
    built = api.build("model.tflite", board)
    run = api.simulate(built, api.samples_of(built.plan.graph))

Every function raises a ``TinymlError`` for what the user can do something about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinyml.base.arguments import checked
from tinyml.base.errors import ModelError, PlanError, TinymlError
from tinyml.convert.conversion import Converted, ConvertOptions
from tinyml.convert.conversion import convert as convert_model
from tinyml.convert.data.values import DataOptions
from tinyml.convert.feeding import read_feed
from tinyml.convert.importers.values import ImportOptions
from tinyml.convert.values import QuantizeSettings
from tinyml.device.profile import Show
from tinyml.evaluate.samples import Samples, random_samples
from tinyml.evaluate.verification import Verification, reference_of
from tinyml.evaluate.verification import verify as hold_against
from tinyml.ir.graph import Array, Graph
from tinyml.measure import builds, onboard, simulation
from tinyml.measure import flash as flashing
from tinyml.measure.simulation import RANDOM_SAMPLES
from tinyml.model.file import ModelFile, is_flatbuffer, model_file, read_model
from tinyml.model.together import together as put_together
from tinyml.passes import run_passes
from tinyml.plan import explore as exploring
from tinyml.plan.explore import Alternative
from tinyml.plan.fit import Fit
from tinyml.plan.planned import Planned
from tinyml.project.built import Built
from tinyml.project.everywhere import OnBoards, on_boards
from tinyml.project.pipeline import build_planned
from tinyml.project.plans import planned_for
from tinyml.project.settings import Settings, resolve
from tinyml.report import compare as comparing
from tinyml.report.compare import Comparison
from tinyml.report.report import read_report
from tinyml.runtimes import runtime_of
from tinyml.target import boards
from tinyml.target.board import Board
from tinyml.target.limits import Limits
from tinyml.values.flash_job import Progress
from tinyml.values.run import Run

__all__ = [
    "Built",
    "Connection",
    "ConvertOptions",
    "Limits",
    "OnBoards",
    "Planned",
    "Settings",
    "TinymlError",
    "build",
    "check",
    "check_all",
    "compare",
    "convert",
    "explore",
    "flash",
    "for_size",
    "inspect",
    "load",
    "load_board",
    "open_build",
    "plan",
    "profile",
    "samples_of",
    "simulate",
    "together",
    "verify",
]

Model = str | Path | ModelFile | Graph


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a board; None: found by its USB id, and the fastest baud rate that works."""

    port: str | None = None
    baud: int | None = None


_checked = checked(
    deep=(
        *(Settings, Limits, Connection, Samples),
        *(ConvertOptions, DataOptions, ImportOptions, QuantizeSettings),
    ),
    makers={
        Board: "load_board(NAME) or load_board(FILE) makes one",
        Built: "build() makes one, open_build(DIRECTORY) opens one",
        Samples: "samples_of(graph, FILE) reads them",
        Graph: "load(MODEL) reads one",
    },
)
load_board = _checked(boards.load_board)
open_build = _checked(builds.open_build)


@_checked
def samples_of(
    graph: Graph,
    inputs: str | Path | None = None,
    limit: int | None = None,
    options: DataOptions = DataOptions(),
) -> Samples:
    """Samples from arrays, a table, a folder of images or sounds, or ``module:function``.

    Random ones without ``inputs``. Raises TinymlError for what does not suit the model.
    """
    if inputs is None:
        return random_samples(graph, limit or RANDOM_SAMPLES)
    return read_feed(str(inputs), graph, replace(options, limit=limit or options.limit))


@_checked
def convert(model: str | Path, options: ConvertOptions = ConvertOptions()) -> Converted:
    """A float model of any known format as an int8 .tflite, with what that cost.

    Nothing is written: the bytes are ``converted.report.result.data``.
    """
    return convert_model(str(model), options)


@_checked
def load(model: str | Path | ModelFile, runtime: str = "aot") -> Graph:
    """The checked graph of a .tflite file, as a runtime reads it."""
    return runtime_of(runtime).load(_file(model))


@_checked
def inspect(model: str | Path | ModelFile) -> tuple[Graph, ModelError | None]:
    """The graph of any .tflite file, and why it cannot be compiled, if so.

    Of a model that is refused the operators have no options. Raises ModelError for what cannot be
    read at all.
    """
    from tinyml.convert.flatfile import read

    file = _file(model)
    try:
        return load(file), None
    except ModelError as error:
        try:
            graph = read(file.file_name, file.data)
        except ModelError:
            raise error from None
        ops = tuple(replace(op, attrs=None) for op in graph.ops)
        return replace(graph, ops=ops), error


@_checked
def plan(model: Model, board: Board, settings: Settings = Settings()) -> Planned:
    """Kernels, memory layout and verdict; also where the model does not fit."""
    target = resolve(board, settings)
    if isinstance(model, Graph):
        return planned_for(target, model)
    file = _file(model)
    return planned_for(target, runtime_of(target.runtime).load(file), file)


@_checked
def check(model: Model, board: Board, settings: Settings = Settings()) -> Fit:
    """Needs against budgets of the board, before anything is compiled."""
    return plan(model, board, settings).verdict


@_checked
def for_size(model: str | Path, input_shapes: tuple[tuple[int, ...], ...] = ()) -> ModelFile:
    """The .tflite of a model in any format, for measuring size and speed only.

    What is not quantised yet becomes int8 by random samples: its results mean nothing.
    ``input_shapes`` are of inputs whose sizes the model leaves open, batch of one first.
    """
    path = Path(model)
    if path.suffix == ".tflite" or is_flatbuffer(path):
        return read_model(path)
    imports = ImportOptions(input_shapes=input_shapes)
    made = convert_model(str(model), ConvertOptions(imports=imports, calibration="random"))
    return model_file(f"{path.stem}.tflite", made.report.result.data)


@_checked
def check_all(model: Model, settings: Settings = Settings()) -> OnBoards:
    """``check`` on every board that the settings suit.

    What boards have in common is computed once. Raises BoardError when they suit none.
    """
    return on_boards(model if isinstance(model, Graph) else _file(model), settings)


@_checked
def explore(model: Model, board: Board, settings: Settings = Settings()) -> tuple[Alternative, ...]:
    """RAM against time against flash: the plans of all goals and those in between."""
    target = resolve(board, settings)
    if not runtime_of(target.runtime).has_alternatives:
        raise PlanError(
            f"there is one plan only with the runtime '{target.runtime}'",
            hint="leave out --explore, or give --runtime aot",
        )
    graph = model if isinstance(model, Graph) else load(model, target.runtime)
    return exploring.explore(run_passes(graph), target.board)


@_checked
def build(model: Model, board: Board, settings: Settings = Settings()) -> Built:
    """Project, image and report in a build directory, tested on the emulated core if there is one.

    A failure leaves no half-written file. Where the toolchain is not there, project and report are
    complete and ``Built.missing`` says so.
    """
    return build_planned(plan(model, board, settings), settings)


@_checked
def simulate(
    built: Built, inputs: Sequence[tuple[Array, ...]] | Samples, simulator: str | None = None
) -> Run:
    """Boots the image on an emulated core, feeds it every sample, compares with the reference.

    Raises MismatchError when an output differs. A model without a reference is not compared.
    """
    fed = inputs.inputs if isinstance(inputs, Samples) else inputs
    run = simulation.simulate(built, fed, simulator=simulator)
    reference = reference_of(built.plan)
    if reference is not None:
        hold_against(reference, fed, run.outputs)
    return run


@_checked
def flash(
    build: Path | None = None,
    board: Board | None = None,
    *,
    port: str | None = None,
    flasher: str | None = None,
    progress: Progress = lambda what, done, total: None,
) -> str:
    """Writes the image of a build directory to a board, verifies, resets; says what was done.

    What lies on the board is lost without a question.
    """
    image, target = flashing.find_build(build, board)
    ready = flashing.prepare(image, target, port=port, flasher=flasher)
    return flashing.flash(ready, progress)


@_checked
def profile(
    built: Built,
    samples: Samples,
    connection: Connection = Connection(),
    *,
    runs: int = 100,
    warmup: int = 5,
    show: Show = onboard.quiet,
) -> Built:
    """Times every layer on the board that runs this build, and completes its report.

    ``runs`` inferences are timed, after ``warmup`` others; ``show`` is told how far it is. (Six
    parameters: each is a thing of its own, and what a user sets by name.)
    """
    with onboard.connected(built, connection.port, connection.baud) as client:
        return onboard.profile_build(built, client, samples, runs=runs, warmup=warmup, show=show)


@_checked
def verify(
    built: Built,
    samples: Samples,
    connection: Connection = Connection(),
    *,
    show: Show = onboard.quiet,
) -> Verification:
    """Runs every sample on the board; MismatchError names the first layer that differs."""
    with onboard.connected(built, connection.port, connection.baud) as client:
        return onboard.verify_build(built, client, samples, show=show)


@_checked
def compare(before: str | Path, after: str | Path) -> Comparison:
    """Two build directories, or report.json files, side by side."""
    return comparing.compare(read_report(Path(before)), read_report(Path(after)))


@_checked
def together(models: Sequence[str | Path | ModelFile]) -> ModelFile:
    """Several .tflite models as one file, for a firmware that runs each by functions of its own.

    One model stays as it is. Raises ModelError where two have one name in C.
    """
    files = [_file(model) for model in models]
    return files[0] if len(files) == 1 else put_together(files)


def _file(model: str | Path | ModelFile) -> ModelFile:
    return model if isinstance(model, ModelFile) else read_model(Path(model))
