"""Text of the serial protocol."""

import pytest

from tinyml.device import frames
from tinyml.device.frames import DamagedReply


def test_crc16_has_the_check_value_of_ccitt_false():
    assert frames.crc16("123456789") == 0x29B1
    assert frames.crc16("") == 0xFFFF


def test_commands():
    assert frames.command("infer", 3, 1) == b"infer 3 1%"
    assert list(frames.load_commands(bytes(range(33)))) == [
        b"db " + bytes(range(31)).hex().upper().encode() + b"%",
        b"db 1F20%",
    ]
    assert max(len(item) for item in frames.load_commands(bytes(99))) <= frames.MAX_COMMAND


def test_checked_lines_are_found_among_others():
    lines = ["m-init-done", frames.checked_line("layer", 0, 12), "noise", "m-layer-[1"]
    lines.append(frames.checked_line("layer", 1, 34))
    assert [field.values for field in frames.fields(lines, "layer")] == [("0", "12"), ("1", "34")]


def test_wrong_crc_is_damage():
    line = frames.checked_line("cycles", 1234).replace("1234", "1235")
    with pytest.raises(DamagedReply, match="checksum"):
        frames.only_field([line], "cycles", 1)


def test_missing_field_is_damage():
    with pytest.raises(DamagedReply, match=r"m-mem-"):
        frames.only_field([frames.checked_line("cycles", 1)], "mem", 3)


def test_data_lines():
    good = [frames.checked_line("data", 0, "0102"), frames.checked_line("data", 2, "FF")]
    assert frames.data_bytes(good, 3) == b"\x01\x02\xff"
    for lines, nbytes in ((good, 4), (good[1:], 1), (good[:1], 3), ([], 1)):
        with pytest.raises(DamagedReply):
            frames.data_bytes(lines, nbytes)
    with pytest.raises(DamagedReply):
        frames.data_bytes([frames.checked_line("data", 0, "0G")], 1)


def test_error_and_lap_lines():
    assert frames.error_text(["m-ready", "e-[Unknown command: x]"]) == "Unknown command: x"
    assert frames.error_text(["m-e-[x]"]) is None
    assert frames.lap_times_us(["m-lap-us-12", "m-lap-us-x", "m-lap-us-15"]) == (12, 15)
