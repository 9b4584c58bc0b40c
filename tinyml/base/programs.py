"""Where programs and Python packages that tinyml does not bring come from."""

from __future__ import annotations

from tinyml import DISTRIBUTION

HOW_TO_GET = {
    "STM32_Programmer_CLI": "https://www.st.com/en/development-tools/stm32cubeprog.html",
    "arduino-cli": "https://arduino.github.io/arduino-cli/latest/installation",
    "arm-none-eabi-g++": "apt install gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib, or brew "
    "install --cask gcc-arm-embedded",
    "arm-none-eabi-gcc": "apt install gcc-arm-none-eabi, brew install --cask gcc-arm-embedded, or "
    "https://developer.arm.com/downloads/-/arm-gnu-toolchain-downloads; or use --toolchain zig",
    "bossac": "arduino-cli core install arduino:mbed_nano brings Arduino's own version",
    "cc": "apt install gcc, xcode-select --install, or pip install ziglang",
    "cmake": "apt install cmake, brew install cmake, or pip install cmake",
    "dfu-util": "apt install dfu-util, or brew install dfu-util",
    "docker": "https://docs.docker.com/engine/install",
    "esptool": "pip install esptool",
    "idf.py": "https://docs.espressif.com/projects/esp-idf, then run its export script",
    "ninja": "apt install ninja-build, brew install ninja, or pip install ninja",
    "openocd": "apt install openocd, or brew install openocd",
    "openocd-esp32": "pip install openocd-esp32",
    "pio": "pip install platformio",
    "probe-rs": "https://probe.rs/docs/getting-started/installation",
    "pyocd": "pip install pyocd",
    "qemu-system-arm": "apt install qemu-system-arm, or brew install qemu",
    "stm32flash": "apt install stm32flash",
    "unicorn": "pip install unicorn",
    "west": "pip install west; then https://docs.zephyrproject.org/latest/develop/getting_started",
    "zig": "pip install ziglang",
    "ziglang": "pip install ziglang",
}


def how_to_get(program: str) -> str:
    """Where a program or Python package comes from."""
    return HOW_TO_GET.get(program, f"install '{program}' and make sure that it is on PATH")


def pip_command(*extras: str) -> str:
    """How pip adds extras to this very installation, which may be of a checkout.

    Source: PEP 610, direct_url.json.
    """
    import json
    import shlex
    from importlib import metadata
    from urllib.parse import unquote, urlsplit

    try:
        text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}"
    except metadata.PackageNotFoundError:
        text = "{}"
    origin = json.loads(text)
    source = urlsplit(origin.get("url", ""))
    name = unquote(source.path) if source.scheme == "file" else DISTRIBUTION
    option = "-e " if origin.get("dir_info", {}).get("editable") else ""
    wanted = f"{name}[{','.join(sorted(extras))}]"
    return f"pip install {option}{shlex.quote(wanted)}"
