"""Board and chip files: each loads, is sane, builds without a warning, boots on the emulator."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.running.port_image import FAKE_MODEL, build_image
from tinyml import api
from tinyml.backends.toolchains import ArmGcc, Zig, arm_gcc, zig
from tinyml.base import resources
from tinyml.base.errors import BoardError
from tinyml.base.registry import names_of
from tinyml.target.board import config_macros, port_sources
from tinyml.target.boards import all_boards, load_board

ROOT = Path(__file__).parent.parent
NAMES = tuple(board.name for board in all_boards())
PORTED = tuple(board.name for board in all_boards() if port_sources(board))
EMULATED = tuple(name for name in PORTED if load_board(name).backends["simulator"] == "unicorn")
# Not written yet, but boards may already name them.
PLANNED = {
    "runtime": {"aot", "tflm"},
    "toolchain": set(names_of("builders")),
    "flasher": set(),
    "simulator": {"none"},
    "template": set(),
}
BOARD = """\
title = "Private"
source = "mine"
chip = "stm32f405"
stack_bytes = 4096
[memory]
ram = [{ region = "sram", max_bytes = 100_000 }]
flash = { region = "flash" }
[backends]
runtime = "aot"
toolchain = "zig"
flasher = "dfu"
simulator = "unicorn"
template = "baremetal"
[serial]
uart = "usart3"
[flasher.dfu]
usb = "0483:df11"
"""


def known(kind: str) -> set[str]:
    templates = {path.parent.name for path in resources.path("templates").glob("*/template.toml")}
    found = {"template": templates, "runtime": set()}.get(kind)
    return PLANNED[kind] | (set(names_of(f"{kind}s")) if found is None else found)


@pytest.mark.parametrize("name", NAMES)
def test_board_is_sane(name: str) -> None:
    board = load_board(name)
    chip = board.chip
    assert board.name == name
    assert board.source
    assert chip.source
    for kind, backend in board.backends.items():
        assert backend in known(kind), f"{kind} = {backend}"
    assert set(board.flashers) | set(board.options.get("flasher", {})) <= known("flasher")
    assert chip.region(chip.boot_region).kind == "flash"
    assert board.flash.region == chip.boot_region
    assert all(region.base % 4 == 0 and region.nbytes % 4 == 0 for region in chip.regions)
    assert all(re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", usb) for usb in board.usb)
    assert all(re.fullmatch("TML_[A-Z0-9_]+", macro) for macro in config_macros(board))
    firmware = resources.path("firmware")
    assert all((firmware / source).is_file() for source in port_sources(board))


def test_the_boards_of_the_readme_exist() -> None:
    assert {"nucleo_l4r5zi", "esp32s3", "rpi_pico2", "nicla_vision"} <= set(NAMES)


def test_boot_loaders_space_is_not_offered() -> None:
    board = load_board("nicla_vision")
    flash = board.region("flash")
    assert (flash.base, flash.nbytes) == (0x0804_0000, 2 * 1024 * 1024 - 256 * 1024)
    assert board.flash.max_bytes <= flash.nbytes


@pytest.mark.parametrize("name", [b.name for b in all_boards() if "esp_idf" in b.templates])
def test_what_fits_beside_esp_idf_fits_its_partition(name: str) -> None:
    """A model "fitted" whose own partitions.csv needed more flash than there was."""
    board = load_board(name)
    flash = int(board.options["flasher"]["esptool"]["flash_size"].removesuffix("MB")) << 20
    framework = board.options["template"]["esp_idf"]["framework_bytes"]
    assert board.flash.max_bytes + framework <= flash - 0x10000


def test_private_board_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BOARD)
    board = load_board(path)
    assert board.name == "mine"
    assert board.baud == 115_200
    assert board.chip.uart is not None
    assert board.chip.uart.name == "usart3"
    assert board.ram[0].max_bytes == 100_000


def test_every_unknown_backend_is_named_with_its_like(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = BOARD.replace('"dfu"', '["dfuu", "swd"]').replace('"unicorn"', '"unicorm"')
    path.write_text(text.replace('"baremetal"', '"bare_metal"').replace('"zig"', '"gcc"'))
    with pytest.raises(BoardError) as caught:
        load_board(path)
    assert caught.value.where == str(path)
    for said in (
        "there is no toolchain 'gcc': did you mean 'arm_gcc'?",
        "there is no flasher 'dfuu': did you mean 'dfu'?",
        "there is no simulator 'unicorm': did you mean 'unicorn'?",
        "there is no template 'bare_metal': did you mean 'baremetal'?",
    ):
        assert said in caught.value.message


def test_flashers_in_order_of_preference(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    own = "\n[flasher.stm32_uart]\nbaud = 57_600\n"
    path.write_text(BOARD.replace('"dfu"', '["swd", "dfu"]') + own)
    board = load_board(path)
    assert board.flashers == ("swd", "dfu")
    assert board.backends["flasher"] == "swd"
    assert board.options["flasher"]["stm32_uart"]["baud"] == 57_600
    assert board.options["flasher"]["stm32_uart"]["device_id"] == 0x413  # of the chip


def test_board_in_the_docs_loads(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "adding-a-board.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    path = tmp_path / "mine.toml"
    path.write_text(example[1], encoding="utf-8")
    board = load_board(path)
    assert board.region("flash").base == 0x0801_0000
    assert config_macros(board)["TML_UART_BASE"] == 0x4000_4800


@pytest.mark.parametrize("folder", [".", "chips"])
def test_private_chip_beside_the_board(tmp_path: Path, folder: str) -> None:
    chips = resources.path("boards") / "chips"
    text = (chips / "stm32f405.toml").read_text().replace("168_000_000", "84_000_000")
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "mychip.toml").write_text(text)
    path = tmp_path / "mine.toml"
    path.write_text(BOARD.replace('"stm32f405"', '"mychip"'))
    assert load_board(path).chip.clock_hz == 84_000_000


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("[serial]", "colour = 1\n[serial]", "unknown key 'backends.colour'", None),
        ("uart =", "usart =", "'serial.uart' is missing", "usart"),
        ("title =", "titel =", "'title' is missing", "titel"),
        ("stack_bytes = 4096", "stack_byte = 4096", "'stack_bytes' is missing", "stack_byte"),
        ("4096", '"4096"', "'stack_bytes' must be an integer", None),
        ("4096", "4097", "must be a multiple of 8", None),
        ("4096", "100000", "leaves nothing of 'sram'", None),
        ('"usart3"', '"usart4"', "'serial.uart' is 'usart4'", "usart3"),
        ("100_000", "200_000", "'sram' has 131,072 bytes, the budget wants 200,000", None),
        ('"sram"', '"sramm"', "'memory.ram.region' is 'sramm'", "sram"),
        ('"sram"', '"flash"', "which is flash", None),
        ('"stm32f405"', '"stm32f406"', "unknown chip 'stm32f406'", "stm32f405"),
        ("title =", "title", "not a TOML file", None),
        ("[memory]", "chips = 1\n[memory]", "unknown key 'chips'", "did you mean 'chip'?"),
        ("100_000", "true", "must be an integer", None),
        ('"dfu"', "[]", "'backends.flasher' must name at least one", None),
        ('"dfu"', "7", "'backends.flasher' must be a name or a list", None),
        ("[serial]", '[flasher]\nusb = "1:2"\n[serial]', "'flasher.usb' must be a table", None),
        ("max_bytes", "max_byte", "unknown key 'memory.ram.max_byte'", "'max_bytes'"),
    ],
)
def test_errors(tmp_path: Path, old: str, new: str, message: str, hint: str | None) -> None:
    path = tmp_path / "mine.toml"
    assert old in BOARD
    path.write_text(BOARD.replace(old, new, 1))
    with pytest.raises(BoardError, match=re.escape(message)) as caught:
        load_board(path)
    if hint:
        assert hint in (caught.value.hint or "")
    assert caught.value.where is None or "mine.toml" in caught.value.where


def test_unknown_board_lists_near_names() -> None:
    with pytest.raises(BoardError, match="unknown board 'nucleo_l4r5z'") as caught:
        load_board("nucleo_l4r5z")
    assert "nucleo_l4r5zi" in (caught.value.hint or "")


def test_missing_file() -> None:
    with pytest.raises(BoardError, match="no such file"):
        load_board("nowhere/mine.toml")


@pytest.mark.parametrize("name", ["boot2.c", "boot2_quad.c"])
def test_boot_stage_carries_its_checksum(name: str) -> None:
    text = (resources.path("firmware") / "port" / "rp2" / name).read_text()
    words = [int(word, 16) for word in re.findall(r"0x([0-9A-F]{8})u", text)]
    code, checksum = words[:-1], words[-1]
    data = struct.pack(f"<{len(code)}I", *code).ljust(252, b"\0")
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte << 24
        for _ in range(8):
            rest = (rest << 1 ^ (0x04C11DB7 if rest & 0x8000_0000 else 0)) & 0xFFFFFFFF
    assert rest == checksum


@pytest.mark.sim
@pytest.mark.parametrize("name", EMULATED)
def test_port_boots_and_talks(name: str, tmp_path: Path) -> None:
    from tinyml.simulate.machine import Machine

    board = load_board(name)
    elf = build_image(board, zig(), FAKE_MODEL, tmp_path)
    stack = elf.symbol("_stack_bottom")
    assert stack is not None
    assert stack.address == board.region(board.ram[0].region).base  # an overflow leaves the RAM
    machine = Machine(elf, board)
    assert machine.uart is not None
    machine.run(50_000_000)
    machine.uart.received.extend(b"id%infer 1 0%layers%mem%")
    machine.run(50_000_000)
    text = machine.uart.sent.decode()
    assert machine.uart.lost == 0
    assert text.startswith("m-init-done\r\nm-ready\r\n")
    assert f",3,{board.chip.clock_hz},40]" in text  # the clock that was set up
    first = re.search(r"m-layer-\[0,(\d+)\]", text)
    assert first is not None
    misses = [source.miss_cycles for cache in board.chip.caches for source in cache.memory]
    assert 1000 <= int(first[1]) < 3000 + 16 * max(misses)  # reading a timer takes a division
    used = re.search(rf"m-mem-\[40,{board.stack_bytes},(\d+)\]", text)
    assert used is not None
    assert 64 <= int(used[1]) <= 1024


SECOND_REGION = """\
#include "tml_port.h"

int main(void);

__attribute__((section(".arena_axi"))) static uint8_t arena[200000];

int main(void)
{
    uint32_t ones = 0;
    tml_port_init();
    for (uint32_t i = 0; i < sizeof arena; i++) {
        ones |= arena[i];
        arena[i] = 1;
    }
    tml_port_write(ones == 0 ? 'z' : '!');
    return 0;
}
"""


@pytest.mark.sim
@pytest.mark.parametrize(
    "toolchain", [pytest.param(zig), pytest.param(arm_gcc, marks=pytest.mark.arm_gcc)]
)
def test_arena_in_another_region_starts_as_zeros(
    tmp_path: Path, toolchain: Callable[[], Zig | ArmGcc]
) -> None:
    from tinyml.simulate.machine import Machine

    source = tmp_path / "main.c"
    source.write_text(SECOND_REGION)
    board = load_board("nucleo_h743zi2")
    elf = build_image(board, toolchain(), (source,), tmp_path)
    arena = elf.symbol("arena")
    assert arena is not None
    assert arena.address == board.region("axi").base
    assert sum(len(segment.data) for segment in elf.segments) < 10_000  # takes no flash
    machine = Machine(elf, board)  # fills RAM with a pattern
    machine.run(100_000_000)
    assert machine.uart is not None
    assert machine.uart.sent == b"z"


@pytest.mark.arm_gcc
@pytest.mark.parametrize("name", PORTED)
def test_port_builds_with_gcc(name: str, tmp_path: Path) -> None:
    board = load_board(name)
    elf = build_image(board, arm_gcc(), FAKE_MODEL, tmp_path)
    vectors = elf.symbol("tml_vectors")
    assert vectors is not None
    assert vectors.address % 128 == 0
    flash = board.region(board.flash.region)
    assert flash.base <= vectors.address <= flash.base + 0x100


@pytest.mark.sim
def test_a_board_is_one_file(tmp_path: Path) -> None:
    """The one that docs/adding-a-board.md shows, outside of tinyml: its firmware runs."""
    guide = (ROOT / "docs" / "adding-a-board.md").read_text(encoding="utf-8")
    (tmp_path / "node.toml").write_text(guide.split("```toml\n")[1].split("```")[0])
    board = load_board(tmp_path / "node.toml")
    built = api.build(
        ROOT / "examples" / "digits" / "digits.tflite",
        board,
        api.Settings(directory=tmp_path / "build"),
    )
    assert built.board.title == "My sensor node"
    tested = built.linked().self_test
    assert tested is not None
    assert tested.samples > 1
