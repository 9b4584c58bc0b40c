"""The options of a conversion, shared by convert and build, gathered into one value."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tinyml.cli.feed import FEATURES, IMAGE_FIT

if TYPE_CHECKING:
    from tinyml.convert.conversion import ConvertOptions

Command = Callable[..., object]
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class ShapeType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """A shape, ``1,3,32,32``."""

    name = "shape"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The sizes."""
        try:
            sizes = tuple(int(size) for size in str(value).replace("x", ",").split(","))
        except ValueError:
            sizes = ()
        if not sizes or min(sizes) < 1:
            self.fail(f"'{value}' is not a shape such as 1,3,32,32", param, ctx)
        return sizes


class NormalizeType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """Mean and standard deviation: ``0,255``, or per channel ``123,117,104/58,57,57``."""

    name = "mean,std"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(means, deviations), one each or one per channel."""
        text = str(value)
        parts = text.split("/") if "/" in text else text.split(",")
        try:
            mean, std = (tuple(float(number) for number in part.split(",")) for part in parts)
        except ValueError:
            mean, std = (), ()
        if not mean or len(mean) != len(std) or min(std, default=0.0) <= 0:
            self.fail(f"'{value}' is neither mean,std nor m1,m2,m3/s1,s2,s3", param, ctx)
        return mean, std


class LabelsType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer Click
    """Names of classes, ``cat,dog``, or a text file with one a line."""

    name = "labels"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The names in the order of the model's outputs."""
        if isinstance(value, tuple):
            return value
        path = Path(str(value))
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else None
        if lines is None and (path.suffix == ".txt" or "/" in str(value)):
            self.fail(f"{path}: no such file", param, ctx)
        names = [name.strip() for name in (lines or str(value).split(","))]
        return tuple(name for name in names if name)


INPUT_SHAPE = click.option(
    "--input-shape",
    type=ShapeType(),
    multiple=True,
    help="Where the model leaves it open; batch 1 first (repeatable).",
)
_Options = tuple[Callable[[Command], Command], ...]


def _short_options() -> _Options:
    from tinyml.convert.choices import IO_TYPES, QUANTIZATIONS

    return (
        click.option(
            "--calibration",
            default="",
            metavar="DATA",
            help="Typical inputs: .npz, .npy, .csv, a folder of images or .wav files, "
            "module:function; 'random' for experiments on size and speed only.",
        ),
        click.option(
            "--evaluate",
            "evaluation",
            default="",
            metavar="DATA",
            help="Inputs with what should come out ('labels'); sub-folders are classes.",
        ),
        click.option(
            "--quantization",
            type=click.Choice(QUANTIZATIONS),
            default="int8",
            show_default=True,
            help="Width of weights and values.",
        ),
        click.option(
            "--io",
            type=click.Choice(IO_TYPES),
            default="int8",
            show_default=True,
            help="Type of inputs and outputs.",
        ),
        click.option(
            "--keep-int16",
            multiple=True,
            metavar="NAME",
            help="Layer whose values are 16 bits wide (repeatable, or a,b).",
        ),
    )


def _model_options() -> _Options:
    return (
        click.option("--labels", type=LabelsType(), default=(), help="Class names, or a file."),
        click.option(
            "--normalize",
            type=NormalizeType(),
            help="What raw inputs (pixels 0..255) need: (value - mean) / std.",
        ),
        click.option("--weights", type=FILE, help="PyTorch: the file of net.state_dict()."),
        INPUT_SHAPE,
        click.option("--min-accuracy", type=float, help="Fail (exit code 5) below this score."),
        click.option("--max-drop", type=float, help="Fail (5) when the score drops by more."),
    )


def _data_options() -> _Options:
    from tinyml.convert.choices import RANGES

    return (
        click.option("--equalize", is_flag=True, help="Give channels of a layer like ranges."),
        click.option(
            "--ranges",
            type=click.Choice(RANGES),
            default=RANGES[0],
            show_default=True,
            help="How ranges follow from the samples.",
        ),
        click.option("--samples", type=click.IntRange(1), help="Use only the first N samples."),
        click.option("--image-size", type=ShapeType(), help="WxH; the model's own by default."),
        IMAGE_FIT,
        FEATURES,
    )


def _import_options() -> _Options:
    return (
        click.option("--python", type=FILE, help="Python of an environment with the framework."),
        click.option(
            "--onnx2tf-python",
            type=FILE,
            help="Python of an environment with onnx2tf, for ONNX operators unknown to tinyml.",
        ),
        click.option(
            "--trust-model",
            is_flag=True,
            help="Load a model file even if that runs code that is in it (docs/security.md).",
        ),
        click.option(
            "--allow-different",
            is_flag=True,
            help="Convert even what its own framework computes otherwise than the import.",
        ),
        click.option("--sweep", is_flag=True, help="Try every suggestion and rank the results."),
        click.option("--strip", is_flag=True, help="Leave names and metadata out of the file."),
    )


def conversion_options(*, is_short: bool = False) -> Callable[[Command], Command]:
    """Adds the options of a conversion; the command gets ``conversion``, a ConvertOptions.

    The short list leaves out what helps to choose rather than to convert.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def gathered(*args: object, **given: object) -> object:
            own = {name: given.pop(name) for name in _NAMES if name in given}
            return command(*args, conversion=_gathered(own), **given)

        result: Command = gathered
        more = () if is_short else _data_options() + _import_options()
        for option in reversed(_short_options() + _model_options() + more):
            result = option(result)
        return result

    return decorate


_NAMES = (
    *("calibration", "evaluation", "quantization", "io", "keep_int16", "equalize", "ranges"),
    *("labels", "normalize", "samples", "image_size", "image_fit", "features", "weights"),
    *("input_shape", "python", "onnx2tf_python", "min_accuracy", "max_drop", "sweep", "strip"),
    *("trust_model", "allow_different"),
)


def _gathered(own: dict[str, Any]) -> ConvertOptions:
    from tinyml.convert.conversion import ConvertOptions
    from tinyml.convert.data.values import DataOptions
    from tinyml.convert.importers.values import ImportOptions
    from tinyml.convert.values import QuantizeSettings

    def given(*names: str) -> dict[str, Any]:
        return {name: own[name] for name in names if name in own}

    mean, std = own["normalize"] or ((), ())
    kept = tuple(name for text in own["keep_int16"] for name in text.split(",") if name)
    size = own.get("image_size")
    if size is not None and len(size) != 2:
        raise click.BadParameter("needs two numbers, WIDTHxHEIGHT", param_hint="--image-size")
    return ConvertOptions(
        QuantizeSettings(
            own["quantization"], own["io"], keep_int16=kept, **given("equalize", "ranges")
        ),
        ImportOptions(
            own["weights"],
            own["input_shape"],
            **given("python", "onnx2tf_python"),
            is_trusted=own.get("trust_model", False),
        ),
        DataOptions(
            own.get("samples"),
            size,
            mean=mean,
            std=std,
            labels=own["labels"],
            **given("image_fit", "features"),
        ),
        own["calibration"],
        own["evaluation"],
        own["min_accuracy"],
        own["max_drop"],
        own.get("sweep", False),
        is_stripped=own.get("strip", False),
        allows_different=own.get("allow_different", False),
    )
