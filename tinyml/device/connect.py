"""From a port and a build to a firmware that is known to be the right one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinyml.base.errors import DeviceError
from tinyml.device.agent import AgentClient
from tinyml.device.baud import Speed
from tinyml.device.link import SerialLink
from tinyml.device.ports import choose, list_ports
from tinyml.device.values import Identity
from tinyml.target.board import Board
from tinyml.target.boards import all_boards


@dataclass(frozen=True, slots=True)
class Expected:
    """The build that should be on the board."""

    model: str
    sha256: str  # as many digits as are known
    layers: int
    abi: int
    build: str  # directory, for messages
    arena_bytes: int | None = None  # of all regions together; None: not compared
    fingerprint: str = ""  # "": an older tinyml made the build


# Six parameters: what a user may say of a line, by name.
def connect(
    port: str | None,
    board: Board,
    expected: Expected | None = None,
    *,
    baud: int | None = None,
    is_tuned: bool = True,
    explain: Callable[[str], str] = str,
) -> AgentClient:
    """A client of the firmware on the board; ``port`` None means the only one that fits.

    Real serial lines are set to the fastest rate that works, unless ``baud`` is given.
    Raises DeviceError when there is no such port or firmware.
    """
    device = choose(port, board.usb, [] if port else list_ports(all_boards()), board.name)
    link = SerialLink(device, baud or board.baud)
    client = AgentClient(link, explain=explain)
    try:
        identity = client.identify()
        if expected is not None:
            check_identity(link.name, identity, expected)
        if is_tuned and link.is_uart and baud is None:
            client.tune(Speed(link, board.baud))
    except BaseException:
        client.close()
        raise
    return client


def check_identity(where: str, found: Identity, expected: Expected) -> None:
    """Raises DeviceError when the firmware is not that of the build.

    What differs in model, layers or arena is named. The fingerprint tells all other builds apart,
    where neither firmware nor build is too old to have one.
    """
    build = expected.build
    if found.sha256 != expected.sha256[: len(found.sha256)]:
        raise _another(
            f"{where}: the firmware runs another model: '{found.model}' ({found.sha256}), and "
            f"{build} holds '{expected.model}' ({expected.sha256[:12]})",
            build,
        )
    if found.abi < expected.abi:
        raise DeviceError(
            f"{where}: the firmware is older than this tinyml: its kernels have ABI {found.abi}, "
            f"{expected.abi} is needed",
            hint="build it again and flash it: 'tinyml build', then 'tinyml flash'",
        )
    if found.layers != expected.layers:
        raise _another(
            f"{where}: the firmware has the model in {found.layers} layers, {build} in "
            f"{expected.layers}: it was built with other settings or another tinyml",
            build,
        )
    if expected.arena_bytes not in (None, found.arena_bytes):
        raise _another(
            f"{where}: the firmware has an arena of {found.arena_bytes:,} bytes, {build} one of "
            f"{expected.arena_bytes:,}: it is another build of this model",
            build,
        )
    if found.fingerprint and expected.fingerprint not in ("", found.fingerprint):
        raise _another(
            f"{where}: the firmware is another build of this model: its fingerprint is "
            f"{found.fingerprint}, that of {build} {expected.fingerprint}",
            build,
        )


def _another(message: str, build: str) -> DeviceError:
    hint = f"flash this build ('tinyml flash {build}'), or name the build that is on it"
    return DeviceError(message, hint=hint)
