"""Builders: one file per ecosystem whose own tools build a whole project.

A builder works inside the project's folder and nowhere else, so that the commands it runs are the
commands that a user would type there.
"""

from __future__ import annotations

import os

from tinyml.backends.protocols import Builder
from tinyml.base.process import Command
from tinyml.values.project import Project

MOUNT = "/project"  # where a container sees the project


def contained(builder: Builder, project: Project) -> tuple[Command, ...]:
    """The builder's commands in the container of its vendor, with the user's own file rights."""
    user = ("-u", f"{os.getuid()}:{os.getgid()}") if hasattr(os, "getuid") else ()
    start = ("docker", "run", "--rm", "-v", f"{project.directory}:{MOUNT}", "-w", MOUNT)
    return tuple(
        Command(
            (*start, *user, "-e", "HOME=/tmp", builder.container, *command.argv),
            cwd=command.cwd,
            message=command.message,
        )
        for command in builder.commands(project)
    )
