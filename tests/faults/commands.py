"""The command line, run in this process."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING
from unittest import mock

from prunepack.pipeline.cli import main
from tests.faults.fault import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.fault import Command

__all__ = ["run", "run_all", "run_honest"]


def run(command: Command) -> Outcome:
    """Run ``prunepack`` in this process, as its console script does."""
    said = io.StringIO()
    plain = {name: text for name, text in os.environ.items() if not name.startswith("GITHUB_")}
    with (
        mock.patch.dict(os.environ, plain, clear=True),
        mock.patch.object(sys, "argv", ["prunepack", *command]),
        redirect_stdout(said),
        redirect_stderr(said),
    ):
        try:
            main()
        except SystemExit as end:
            return Outcome(command[0], int(end.code or 0), said.getvalue())


def run_all(commands: Sequence[Command]) -> Outcome:
    """Run commands in turn until one does not pass."""
    done = Outcome("", 0, "")
    for command in commands:
        done = run(command)
        if done.code:
            break
    return done


def run_honest(*commands: Command) -> None:
    """Run commands that must all pass.

    Raises:
        RuntimeError: If one does.
    """
    done = run_all(commands)
    if done.code:
        raise RuntimeError(f"an honest command failed: {done.command}: {done.text}")
