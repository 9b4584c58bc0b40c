"""Files are there as a whole or not at all, also when the power goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tinyml.base.files import write_atomic


def test_a_file_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other way round a power cut leaves an empty file where a whole one was."""
    path = tmp_path / "plan.json"
    path.write_text("old")
    synced: list[tuple[int, str]] = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.append((os.fstat(handle).st_size, path.read_text()))
    )
    assert write_atomic(path, "newer")
    assert synced == [(5, "old")]
    assert path.read_text() == "newer"
    assert not write_atomic(path, "newer")
    assert len(synced) == 1
    assert [item.name for item in tmp_path.iterdir()] == ["plan.json"]
