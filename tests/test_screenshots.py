"""The pictures in docs/ are taken by one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

Image = pytest.importorskip("PIL.Image", reason="pillow is missing")

from tests.screenshots.__main__ import PICTURES, SHOTS, main  # noqa: E402  # needs pillow


@pytest.mark.browser
@pytest.mark.sim
@pytest.mark.slow
def test_every_picture_is_taken_and_small(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [str(tmp_path)])
    assert done.exit_code == 0, done.output
    for shot in SHOTS:
        path = tmp_path / f"{shot.name}.png"
        assert path.stat().st_size < 150_000
        with Image.open(path) as image:
            assert image.size == (shot.width, shot.height)
            corner = image.convert("RGB").getpixel((2, 2))
        assert (corner[0] < 128) == shot.is_dark
    assert len({path.read_bytes() for path in tmp_path.glob("*.png")}) == len(SHOTS)


def test_the_pictures_of_the_docs_are_all_there() -> None:
    assert {path.stem for path in PICTURES.glob("*.png")} == {shot.name for shot in SHOTS}
