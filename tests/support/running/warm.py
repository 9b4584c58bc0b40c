"""A Python that has a framework imported already: each run of it is a fork of a server.

Importing TensorFlow and Keras takes ten seconds of a processor, PyTorch and litert-torch nine, and
a test may convert ten models. Where forks are not safe with such libraries, or where the import
itself is the point, tests take the interpreter as it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tinyml.convert.child import QUIET

SERVER = Path(__file__).with_name("warm_server.py")

_CLIENT = """#!{python} -IS
import json, os, socket, sys, time

if sys.argv[1].startswith("-"):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
link = socket.socket(socket.AF_UNIX)
for left in range({patience_s} * 10, -1, -1):
    try:
        link.connect({address!r})
        break
    except ConnectionRefusedError:  # another process has not started the server yet
        if not left:
            raise
        time.sleep(0.1)
task = dict(program=sys.argv[0], argv=sys.argv[1:])
task |= dict(folder=os.getcwd(), environment=dict(os.environ))
data = json.dumps(task).encode() + b"\\n"
sent = socket.send_fds(link, [data], [0, 1, 2])
if data[sent:]:  # a task that is over already has closed the other end
    link.sendall(data[sent:])
code = link.recv(1)
sys.exit(code[0] if code else 1)
"""
PATIENCE_S = 60


def warm_python(folder: Path, parent: int, name: str, modules: Sequence[str]) -> Path:
    """A program that runs ``script.py arguments`` where the modules are imported already.

    Processes that the script starts with ``sys.executable`` run there too.

    ``folder`` is shared by all that may use it, while the process ``parent`` is there.
    """
    if sys.platform != "linux":
        return Path(sys.executable)
    program, address = folder / f"python-{name}", f"tinyml-tests-{parent}-{name}"
    text = _CLIENT.format(python=sys.executable, patience_s=PATIENCE_S, address="\0" + address)
    made = folder / f"{program.name}-{os.getpid()}"
    made.write_text(text)
    made.chmod(0o755)
    made.replace(program)
    try:
        log = os.open(folder / f"{program.name}.log", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:  # another process of this session starts the server
        return program
    command = [sys.executable, str(SERVER), address, str(parent), *modules]
    try:
        environment = os.environ | QUIET
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, check=True
        )
    finally:
        os.close(log)
    return program
