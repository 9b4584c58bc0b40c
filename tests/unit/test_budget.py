"""Budgets: profiles of a board file, limits given by the user, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyml.base import resources
from tinyml.base.errors import BoardError
from tinyml.target.board import Board
from tinyml.target.boards import load_board
from tinyml.target.limits import for_template, with_budgets
from tinyml.target.memory import Budget


@pytest.fixture(scope="module")
def nicla() -> Board:
    return load_board("nicla_vision")


def regions(board: Board) -> dict[str, int]:
    return {item.region: item.max_bytes for item in board.ram}


def test_a_single_size_is_the_first_region_and_no_other(nicla: Board) -> None:
    made = with_budgets(nicla, ram=("64K",), template="baremetal")
    assert regions(made) == {"dtcm": 65_536}
    assert made.memory_options == ("--ram-budget", "64K")


def test_named_sizes_change_single_regions(nicla: Board) -> None:
    made = with_budgets(nicla, ram=("axi=1_000", "sram_d3=0"), flash="1M", template="baremetal")
    assert regions(made) == {"dtcm": 131_072, "axi": 1_000, "sram_d2": 294_912}
    assert made.flash.max_bytes == 1 << 20
    assert made.memory_options[-2:] == ("--flash-budget", "1M")


def test_a_profile_and_limits_add_up() -> None:
    made = with_budgets(load_board("esp32s3"), "wifi", ("psram=0",))
    assert regions(made) == {"dram": 131_072}
    assert made.memory_options == ("--memory", "wifi", "--ram-budget", "psram=0")


def test_a_template_brings_its_own_budgets_unless_the_user_chose(nicla: Board) -> None:
    made = for_template(nicla, "arduino")
    assert made.ram == (Budget("axi", 393_216), Budget("dtcm", 130_400, address=0x2000_02A0))
    assert for_template(nicla, "baremetal") is nicla
    chosen = with_budgets(nicla, ram=("64K",), template="baremetal")
    assert for_template(chosen, "arduino") is chosen


@pytest.mark.parametrize(
    ("ram", "flash", "message"),
    [
        (("64Q",), None, "'64Q' is no budget"),
        (("dtcn=64K",), None, "no RAM region 'dtcn'"),
        (("dtcm=0",), None, "'dtcm' holds the stack and cannot be taken away"),
        (("200K",), None, "'dtcm' of 'nicla_vision' has 131,072 bytes, the budget wants 204,800"),
        (("0",), None, "the budget wants 0"),
        (("4K",), None, "the stack (8,192 bytes) leaves nothing of 'dtcm' (4,096 bytes)"),
        ((), "axi=64K", "the flash of 'nicla_vision' is called 'flash', not 'axi'"),
    ],
)
def test_what_the_board_does_not_have_is_refused(
    nicla: Board, ram: tuple[str, ...], flash: str | None, message: str
) -> None:
    with pytest.raises(BoardError) as caught:
        with_budgets(nicla, ram=ram, flash=flash, template="baremetal")
    assert message in caught.value.message
    assert caught.value.hint


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(BoardError, match="no memory profile 'wify'") as caught:
        with_budgets(load_board("esp32s3"), "wify")
    assert "wifi" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ('ram = [{ region = "sram", max_bytes = 9_000_000 }]', "the budget wants 9,000,000"),
        ('ram = [{ region = "flash" }]', "budget for ram names region 'flash', which is flash"),
        ('ram = [{ region = "sram", address = 0x10 }]', "an arena at 0x00000010 is not inside"),
        ("stack_bytes = 1001", "'stack_bytes' must be a multiple of 8"),
        ("rams = []", "unknown key 'memory.profiles.tight.rams'"),
    ],
)
def test_a_wrong_profile_is_an_error_of_the_board_file(
    tmp_path: Path, profile: str, message: str
) -> None:
    text = (resources.path("boards") / "nucleo_l4r5zi.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(f'{text}\n[memory.profiles.tight]\nnote = "n"\n{profile}\n', encoding="utf-8")
    with pytest.raises(BoardError) as caught:
        load_board(path)
    assert message in caught.value.message
