"""What a file of PyTorch is, by the names in its archive: PyTorch need not be imported to know."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from tinyml.base.errors import ModelError
from tinyml.convert.importers.values import Source

HOW_TO_SAVE = "write them with torch.save(net.state_dict(), path)."


def is_script(names: Sequence[str]) -> bool:
    """Whether the files in an archive are those of a TorchScript program."""
    return any(name.endswith("/constants.pkl") for name in names)


def check_weights(source: Source, weights: Path | None) -> None:
    """Raises ModelError for a file that holds no weights, and where nothing takes them."""
    if weights is None:
        return
    if not source.entry:
        raise ModelError(
            "has its own weights, --weights would change nothing",
            hint="leave --weights out; it goes with code that makes a network: net.py:build.",
            where=str(source.path),
        )
    try:
        is_archive = zipfile.is_zipfile(weights)
        names = zipfile.ZipFile(weights).namelist() if is_archive else []
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"cannot be read: {error}", hint=HOW_TO_SAVE, where=str(weights)
        ) from error
    if is_script(names):
        raise ModelError(
            "is a TorchScript program, not weights",
            hint=f"load it with torch.jit.load, and {HOW_TO_SAVE}",
            where=str(weights),
        )
    if is_archive and not any(name.endswith("data.pkl") for name in names):
        raise ModelError(
            "is an archive, but not of PyTorch's weights", hint=HOW_TO_SAVE, where=str(weights)
        )
