"""Programs in C that measure the machine."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["run_program"]


def run_program(name: str, flags: tuple[str, ...], arguments: tuple[str, ...] = ()) -> str:
    """Run the program ``name``, and return its output.

    Its source is beside this module. It is compiled once per process.
    """
    program = Path(_compile(name, flags).name, name)
    done = subprocess.run([program, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


@cache
def _compile(name: str, flags: tuple[str, ...]) -> TemporaryDirectory[str]:
    """Return the folder of the compiled program, which is removed when the process ends."""
    folder = TemporaryDirectory()
    source = Path(__file__).with_name(f"{name}.c")
    subprocess.run(["gcc", *flags, str(source), "-o", str(Path(folder.name, name))], check=True)
    return folder
