"""What pip is told adds to the tinyml that is there: of a checkout, or of an index."""

from __future__ import annotations

from importlib import metadata

import pytest

from tinyml.base import programs


class Installed:
    def __init__(self, text: str | None) -> None:
        self.text = text

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self.text


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (None, "pip install 'tinyml-firmware[onnx,torch]'"),
        (
            '{"url": "file:///a/my%20tinyml", "dir_info": {}}',
            "pip install '/a/my tinyml[onnx,torch]'",
        ),
        (
            '{"url": "file:///a/tinyml", "dir_info": {"editable": true}}',
            "pip install -e '/a/tinyml[onnx,torch]'",
        ),
        ('{"url": "https://x.test/t.whl"}', "pip install 'tinyml-firmware[onnx,torch]'"),
    ],
)
def test_extras_are_added_to_what_is_installed(
    text: str | None, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hint sent those who had a checkout to an index that does not have the package."""
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(text))
    assert programs.pip_command("torch", "onnx") == command


def test_without_metadata_the_name_is_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    assert programs.pip_command("mcp") == "pip install 'tinyml-firmware[mcp]'"
