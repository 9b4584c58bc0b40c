"""Object files in the user's cache: taken when they are right, never in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tinyml.project import objects


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TINYML_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "objects"


def made(folder: Path, stem: str, content: bytes = b"object") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "made.o"
    path.write_bytes(content)
    return path.rename(folder / objects.named(stem, path))


def test_what_one_build_keeps_another_takes(cache: Path, tmp_path: Path) -> None:
    kept = made(tmp_path / "a", "main-1")
    objects.keep(kept)
    (tmp_path / "b").mkdir()
    taken = objects.take("main-1", tmp_path / "b")
    assert taken == tmp_path / "b" / kept.name
    assert taken.read_bytes() == b"object"
    assert objects.take("main-2", tmp_path / "b") is None
    assert [path.name for path in (tmp_path / "b").iterdir()] == [kept.name]


def test_macros_that_nobody_mentions_do_not_matter(tmp_path: Path) -> None:
    config, source, header = (tmp_path / name for name in ("tml_config.h", "a.c", "b.h"))
    source.write_text("#include <b.h>\nint a = TML_A;\n")
    header.write_text("#ifdef TML_B\n#define TML_C 1\n#endif\n")

    def text(a: int, b: int, c: int) -> tuple[bytes, ...]:
        lines = (f"#define TML_{name} {n}u\n" for name, n in zip("ABCD", (a, b, c, a), strict=True))
        config.write_text("".join(lines))
        return tuple(objects.relevant((source, header, config)))

    first = text(1, 2, 3)
    assert text(1, 2, 3) == first
    assert text(4, 2, 3) != first
    assert text(1, 4, 3) != first
    assert text(1, 2, 4) != first  # it may stop the other definition
    config.write_text(config.read_text().replace("#define TML_D 1u", "#define TML_D 9u"))
    config.write_text(config.read_text().replace("#define TML_C 4u", "#define TML_C 3u"))
    assert tuple(objects.relevant((source, header, config))) == first


def test_a_damaged_object_is_not_taken(cache: Path, tmp_path: Path) -> None:
    kept = made(tmp_path / "a", "main-1")
    objects.keep(kept)
    (cache / kept.name).write_bytes(b"obj")
    assert objects.take("main-1", tmp_path) is None
    objects.keep(kept)
    assert objects.take("main-1", tmp_path) is not None


def test_those_used_last_stay(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "KEPT", 2)
    monkeypatch.setattr(objects, "LARGEST_BYTES", 10)
    for number in range(2):
        kept = made(tmp_path / "a", f"part-{number}")
        objects.keep(kept)
        os.utime(cache / kept.name, (number, number))
    assert objects.take("part-0", tmp_path) is not None  # and is the newest now
    objects.keep(made(tmp_path / "a", "part-2"))
    objects.keep(made(tmp_path / "a", "part-3", b"larger than ten"))
    stems = [f"part-{number}" for number in range(4)]
    assert [stem for stem in stems if objects.take(stem, tmp_path)] == ["part-0", "part-2"]


def test_a_cache_that_cannot_be_used_is_done_without(cache: Path, tmp_path: Path) -> None:
    cache.parent.write_text("no folder")
    objects.keep(made(tmp_path / "a", "main-1"))
    assert objects.take("main-1", tmp_path) is None
