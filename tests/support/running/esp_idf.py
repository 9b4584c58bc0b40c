"""What ESP-IDF's own tools read from a project: sdkconfig.defaults and partitions.csv."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

STAND_INS = Path(__file__).parents[1] / "stand_ins" / "esp_idf"
TABLE_END = 0x9000  # the partition table lies at 0x8000 and takes a sector
ALIGNMENT = {"app": 0x10000, "data": 0x1000}
SUBTYPES = {"app": {"factory", "ota_0", "ota_1"}, "data": {"nvs", "phy", "ota"}}
CORES = {"esp32s3": 2, "esp32c3": 1}


@dataclass(frozen=True, slots=True)
class Partition:
    """A line of partitions.csv."""

    name: str
    type: str
    subtype: str
    offset: int
    nbytes: int


def read_partitions(text: str) -> tuple[Partition, ...]:
    """The table, as gen_esp32part.py reads it: comments, numbers in decimal or hex, K and M."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = []
    for row in csv.reader(lines, skipinitialspace=True):
        name, kind, subtype, offset, size, *flags = (cell.strip() for cell in row)
        assert not flags
        found.append(Partition(name, kind, subtype, _number(offset), _number(size)))
    return tuple(found)


def check_partitions(table: tuple[Partition, ...], flash_bytes: int) -> None:
    """ESP-IDF's rules, from the Programming Guide, "Partition Tables"."""
    end = TABLE_END
    for item in table:
        assert 0 < len(item.name) <= 16
        assert item.subtype in SUBTYPES[item.type]
        assert item.offset >= end, f"{item.name} overlaps what lies before it"
        assert item.offset % ALIGNMENT[item.type] == 0
        assert item.nbytes > 0
        assert item.nbytes % 0x1000 == 0
        end = item.offset + item.nbytes
    assert end <= flash_bytes
    slots = [item.subtype for item in table if item.type == "app" and item.subtype != "factory"]
    assert slots == [f"ota_{number}" for number in range(len(slots))]
    is_updated = any(item.subtype == "ota" for item in table)
    assert is_updated == bool(slots), "otadata says which of them starts"
    assert sum(item.subtype == "factory" for item in table) == (0 if slots else 1)
    assert all(item.nbytes >= 0x3000 for item in table if item.subtype == "nvs")


def read_sdkconfig(text: str) -> dict[str, str]:
    """Name → value; raises on what is neither a comment nor an assignment, and on repetition."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r'CONFIG_([A-Z0-9_]+)=(y|\d+|"[^"]*")', line)
        assert match, line
        assert match[1] not in found, line
        found[match[1]] = match[2].strip('"')
    return found


def known_settings() -> dict[str, str]:
    """Name → type of the settings that every supported ESP-IDF has."""
    lines = (STAND_INS / "kconfig.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines if not line.startswith("#"))


def write_sdkconfig_header(project: Path, folder: Path) -> None:
    """sdkconfig.h as the build makes it from the defaults and the chip's capabilities."""
    settings = read_sdkconfig((project / "sdkconfig.defaults").read_text(encoding="utf-8"))
    target = settings["IDF_TARGET"]
    lines = ["#pragma once", "#define CONFIG_SOC_USB_SERIAL_JTAG_SUPPORTED 1"]
    lines.append(f"#define CONFIG_SOC_CPU_CORES_NUM {CORES[target]}")
    lines.append(f"#define CONFIG_IDF_TARGET_{target.upper()} 1")
    for name, value in settings.items():
        text = {"y": "1"}.get(value, value if value.isdigit() else f'"{value}"')
        lines.append(f"#define CONFIG_{name} {text}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sdkconfig.h").write_text("\n".join(lines) + "\n")


def _number(text: str) -> int:
    scale = {"K": 1024, "M": 1024 * 1024}.get(text[-1:], 1)
    return int(text.rstrip("KM"), 0) * scale
