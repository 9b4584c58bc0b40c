"""Options, skips with a reason, golden files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.support")
os.environ["TINYML_PROGRESS"] = "none"  # which lines come depends on the machine's load

# The same examples every time; --hypothesis-profile=explore looks for new ones.
settings.register_profile("tinyml", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("tinyml")

GOLDEN = Path(__file__).parent / "golden"

NEEDS = {  # marker: programs
    "qemu": ("qemu-system-arm",),
    "arm_gcc": ("arm-none-eabi-gcc",),
    "browser": ("chromium",),
    "xtensa": (
        *("clang-22", "llc-22", "llvm-mc-22", "xtensa-lx106-elf-ld"),
        "qemu-system-xtensa",
    ),
    "cmake": ("cmake", "ninja", "arm-none-eabi-gcc"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")
    parser.addoption("--shard", default="1/1", help="a part of the test files: 2/3 of three")
    parser.addoption("--board", default=None, help="board file or name for tests marked hil")
    parser.addoption("--port", default=None, help="serial port for tests marked hil")
    parser.addoption("--flasher", default=None, help="how to flash for tests marked hil, or none")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = {
        mark: absent
        for mark, programs in NEEDS.items()
        if (absent := ", ".join(name for name in programs if not shutil.which(name)))
    }
    _leave_out_other_parts(config, items)
    has_board = config.getoption("--board") and config.getoption("--port")
    for item in items:
        for mark, program in missing.items():
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=f"{program} is not on PATH"))
        if item.get_closest_marker("hil") and not has_board:
            item.add_marker(pytest.mark.skip(reason="needs --board and --port"))


def _leave_out_other_parts(config: pytest.Config, items: list[pytest.Item]) -> None:
    from tests.support.running.shards import part_of, shard_of  # after what is rewritten

    try:
        number, parts = shard_of(config.getoption("--shard"))
    except ValueError as error:
        raise pytest.UsageError(f"--shard: {error}") from error
    folder = config.rootpath
    kept, others = [], []
    for item in items:
        is_ours = part_of(item.path.relative_to(folder).as_posix(), parts) == number
        (kept if is_ours else others).append(item)
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = kept


@pytest.fixture(scope="session", autouse=True)
def files_need_not_survive_a_power_cut() -> Iterator[None]:
    """A build writes fifty files and waits for the disk with each; tests/unit/test_files.py asks
    that it does.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def images_hold_lines_only() -> Iterator[None]:
    """Compilers need a third less for them; the code is the same."""
    from tests.support.running.debug_lines import lines_only  # after what is rewritten

    with lines_only():
        yield


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with a file under tests/golden, or rewrites it with --update-golden."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.exists(), f"{path} is missing: run pytest with --update-golden"
        expected = path.read_text(encoding="utf-8")
        assert text == expected, f"{name} changed: check the diff, then --update-golden"

    return compare
