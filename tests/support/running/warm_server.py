"""``python warm_server.py NAME PARENT MODULE...``: imports the modules, then runs scripts in forks.

Each connection to the abstract socket NAME is a script to run: the standard streams, and a line of
JSON with its arguments, folder and environment; the answer is its exit code. It goes on in the
background, and ends when the process PARENT is gone. It imports nothing of ours.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import socket
import sys
import tempfile
import traceback

LOOKS_S = 1.0  # how often it looks whether PARENT is there


def main(name: str, parent: int, modules: list[str]) -> None:
    """Serves until the parent is gone."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0{name}")
        server.listen(64)
        if os.fork():
            return
        os.setsid()
        for module in modules:
            importlib.import_module(module)
        server.settimeout(LOOKS_S)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
        while _is_there(parent):
            try:
                link, _ = server.accept()
            except TimeoutError:
                continue
            if os.fork() == 0:
                server.close()
                _answer(link)
            link.close()


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _answer(link: socket.socket) -> None:
    """Does what a connection asks for; does not return."""
    link.setblocking(True)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    data, streams, _, _ = socket.recv_fds(link, 1 << 16, 3)
    while not data.endswith(b"\n"):
        data += link.recv(1 << 16)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    code = 1
    try:
        code = _ran(**json.loads(data))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        link.sendall(bytes([code]))
        os._exit(code)


def _ran(program: str, argv: list[str], folder: str, environment: dict[str, str]) -> int:
    """Runs a script as ``python script.py`` does; its exit code."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    sys.argv, sys.executable = argv, program
    sys.path.insert(0, os.path.dirname(os.path.abspath(argv[0])))
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.path.pop(0)  # this folder
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
