"""Programs in C that measure the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["run_program"]


def run_program(name: str, flags: tuple[str, ...], arguments: tuple[str, ...] = ()) -> str:
    """Compile the program ``name``, whose source is beside this module, and return its output."""
    source = Path(__file__).with_name(f"{name}.c")
    with TemporaryDirectory() as folder:
        program = Path(folder, name)
        subprocess.run(["gcc", *flags, str(source), "-o", str(program)], check=True)
        done = subprocess.run([program, *arguments], check=True, capture_output=True, text=True)
        return done.stdout
