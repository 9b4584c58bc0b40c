"""PyTorch modules through litert-torch: ``net.py:build``, and .pt2 archives of torch.export."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tinyml.base.errors import ModelError
from tinyml.convert.importers.torch_files import HOW_TO_SAVE
from tinyml.convert.importers.torch_images import (
    channels_last,
    input_names,
    is_channels_first,
    is_image,
)
from tinyml.convert.importers.torch_onnx import differs, is_at_hand, through_onnx
from tinyml.convert.importers.torch_outputs import in_a_row, names, results, short
from tinyml.convert.importers.torch_protos import Converted, Module, Program, Tensor
from tinyml.convert.importers.trust import check_torch
from tinyml.convert.importers.values import Imported, ImportOptions, Source
from tinyml.convert.importers.weights import watched_weights
from tinyml.ir.graph import Array

PACKAGES = ("torch", "litert_torch")
_SAID = 160  # characters of a converter's error, where there is another one


def import_model(source: Source, options: ImportOptions) -> Imported:
    """The model as a float .tflite with channels last; runs in the child process."""
    import litert_torch
    import torch

    module, samples, is_trained = _loaded(source, options)
    _check_samples(samples)
    keys = names(module, samples)
    module = in_a_row(module) if keys else module
    program = _exported(module, samples)
    first = [is_channels_first(program, i) for i in range(len(samples))]
    made = results(module, samples)
    last = [
        value.ndim in (3, 4) and any(first) and is_image(program, i) for i, value in enumerate(made)
    ]
    untrained = "" if is_trained else ", UNTRAINED weights"
    named = input_names(program, len(samples))
    try:
        converted = _converted(module, samples, (first, last))
        is_wrong = differs(module, converted, samples, (first, last))
    except ModelError as error:
        return _by_the_other_road(module, samples, (named, keys, untrained), error)
    if is_wrong and is_at_hand():
        wrong = ModelError("litert-torch converts it to something else")
        return _by_the_other_road(module, samples, (named, keys, untrained), wrong)
    return Imported(
        bytes(converted.model_content()),
        f"torch {torch.__version__}, litert-torch {litert_torch.__version__}{untrained}",
        named,
        keys,
        input_permutations=tuple(
            channels_last(value.ndim) if yes else None
            for value, yes in zip(samples, first, strict=True)
        ),
        output_permutations=tuple(
            channels_last(value.ndim) if yes else None
            for value, yes in zip(made, last, strict=True)
        ),
        is_trained=is_trained,
    )


def outputs_of(
    source: Source, options: ImportOptions, samples: Sequence[Sequence[Array]]
) -> list[tuple[Array, ...]]:
    """What PyTorch computes for each sample; runs in the child process."""
    import torch

    module, like, _ = _loaded(source, options)
    _check_samples(like)
    return [
        tuple(
            value.detach().numpy()
            for value in results(
                module,
                tuple(
                    torch.from_numpy(v.copy()).to(other.dtype)
                    for v, other in zip(sample, like, strict=True)
                ),
            )
        )
        for sample in samples
    ]


def _by_the_other_road(
    module: Module,
    samples: tuple[Tensor, ...],
    words: tuple[tuple[str, ...], tuple[str, ...], str],
    error: ModelError,
) -> Imported:
    """The module through ONNX, where litert-torch gave it up with an error; else that error."""
    import torch

    named, keys, untrained = words
    if not is_at_hand():
        raise error
    from tinyml.convert.importers.onnx_reader import UnknownNodes

    try:
        made = through_onnx(module, samples)
    except Exception as second:  # PyTorch's exporter has a hundred types
        said = str(second) if isinstance(second, UnknownNodes) else short(second)
        raise ModelError(
            f"{error.message[:_SAID]}; and through ONNX: {said}",
            hint="replace the layers that are named; 'tinyml ops' lists what firmware can run.",
        ) from second
    return replace(
        made,
        producer=f"torch {torch.__version__}, {made.producer.rpartition(', ')[2]}{untrained}",
        input_names=named,
        output_names=keys or made.output_names,
        notes=(*made.notes, f"read through ONNX: {error.message[:120]}"),
        is_trained=not untrained,
    )


def _loaded(source: Source, options: ImportOptions) -> tuple[Module, tuple[Tensor, ...], bool]:
    """The module, inputs as it takes them, and whether it has trained weights.

    Weights that code draws at random are the same each time.
    """
    import torch

    torch.manual_seed(0)
    if source.path.suffix == ".pt2":
        return *_archive(source.path, options.is_trusted), True
    module, is_trained = _built(source, options)
    return module, tuple(torch.zeros(shape) for shape in options.input_shapes), is_trained


def _converted(
    module: Module, samples: tuple[Tensor, ...], images: tuple[list[bool], list[bool]]
) -> Converted:
    """What litert-torch makes of a module; ``images`` says which inputs and outputs are turned."""
    import litert_torch

    first, last = images
    wrapped = litert_torch.to_channel_last_io(
        module,
        args=[i for i, yes in enumerate(first) if yes],
        outputs=[i for i, yes in enumerate(last) if yes],
    )
    moved = tuple(
        value.movedim(1, -1).contiguous() if yes else value
        for value, yes in zip(samples, first, strict=True)
    )
    wrapped.training = False  # an archive's module has no eval(), and needs none
    try:
        converted: Converted = litert_torch.convert(wrapped, moved)
        return converted
    except Exception as error:  # torch, jax and the converter have a hundred types
        raise ModelError(
            f"litert-torch cannot convert it: {short(error)}",
            hint="export it to ONNX (torch.onnx.export) and convert that.",
        ) from error


def _built(source: Source, options: ImportOptions) -> tuple[Module, bool]:
    """What the user's function returns with the user's weights, and whether there were any."""
    import torch

    with watched_weights() as loads:
        built = _called(source)
    if not isinstance(built, torch.nn.Module):
        raise ModelError(
            f"'{source.entry}' returns a {type(built).__name__}, not a torch.nn.Module",
            hint="name a class or a function without arguments that returns the network.",
        )
    if options.weights is not None:
        _load_weights(built, options.weights)
    return built.eval(), bool(loads) or options.weights is not None or not _has_weights(built)


def _has_weights(module: Module) -> bool:
    return any(True for _ in module.parameters())


def _called(source: Source) -> object:
    """What the user's function returns."""
    sys.path.insert(0, str(source.path.parent))
    spec = importlib.util.spec_from_file_location(source.path.stem, source.path)
    if spec is None or spec.loader is None:
        raise ModelError("is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        return getattr(module, source.entry)()
    except AttributeError as error:
        found = sorted(n for n in vars(module) if callable(getattr(module, n)) and n[0] != "_")
        raise ModelError(
            f"calling '{source.entry}' failed: {error}",
            hint=f"the file has: {', '.join(found) or 'no function'}",
        ) from error
    except Exception as error:  # the user's own code
        raise ModelError(
            f"calling '{source.entry}' failed: {short(error)}",
            hint="name a class or a function without arguments that returns the network.",
        ) from error


def _load_weights(module: Module, path: Path) -> None:
    import torch

    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and torch's own types
        raise ModelError(
            f"PyTorch cannot read the weights: {short(error)}",
            hint=HOW_TO_SAVE,
            where=str(path),
        ) from error
    if not isinstance(held, dict):
        raise ModelError(
            f"holds a {type(held).__name__}, not the weights of a network",
            hint=HOW_TO_SAVE,
            where=str(path),
        )
    held = held.get("state_dict", held)
    try:
        module.load_state_dict(held)
    except Exception as error:  # RuntimeError mostly; TypeError, AttributeError for odd values
        inner = [name for name, value in held.items() if isinstance(value, dict)]
        taken = f"torch.save(torch.load('{path.name}')['{inner[0]}'], 'net.pt')" if inner else ""
        raise ModelError(
            f"the weights are not those of the network: {short(error)}",
            hint=f"the file holds others in a dictionary: {taken}"
            if inner
            else "build the network with the arguments with which it was trained.",
            where=str(path),
        ) from error


def _archive(path: Path, is_trusted: bool) -> tuple[Module, tuple[Tensor, ...]]:
    """The module of a .pt2 archive and inputs of the shapes that it was exported with."""
    import torch

    if not is_trusted:
        check_torch(path)
        # torch.load reads these: its own fallback to any pickle is closed in this process.
        os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
        os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    try:
        program: Program = torch.export.load(path)
    except Exception as error:  # zip, JSON and torch's own types
        raise ModelError(
            f"PyTorch cannot read it: {short(error)}",
            hint="write it with torch.export.save(torch.export.export(net, inputs), path); "
            "--trust-model also loads objects other than plain weights, and runs what they bring.",
        ) from error
    given = set(program.graph_signature.user_inputs)
    samples = [
        torch.zeros(
            [int(size) if isinstance(size, int) else 1 for size in node.meta["val"].shape],
            dtype=node.meta["val"].dtype,
        )
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in given
    ]
    # The guards are Python text in the file; the shapes are those of the samples anyway.
    return program.module(check_guards=False), tuple(samples)


def _check_samples(samples: tuple[Tensor, ...]) -> None:
    if not samples:
        raise ModelError(
            "has no input", hint="export a module that computes with what it is given."
        )
    for i, sample in enumerate(samples):
        if sample.ndim and sample.shape[0] != 1:
            raise ModelError(
                f"input {i} has a fixed batch size of {sample.shape[0]}; firmware runs one sample",
                hint="export it with inputs whose first dimension is 1.",
            )


def _exported(module: Module, samples: tuple[Tensor, ...]) -> Program:
    import torch

    try:
        program: Program = torch.export.export(module, samples)
        return program
    except Exception as error:  # whatever the user's forward() raises, and torch's own
        shapes = " and ".join(str(list(sample.shape)) for sample in samples)
        raise ModelError(
            f"torch.export fails for an input of {shapes}: {short(error)}",
            hint="check --input-shape; replace control flow that depends on values.",
        ) from error
