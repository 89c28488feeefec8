"""Compressors of files that are programs of their own, each at its best setting.

Debian has them: ``apt-get install brotli bzip3 zpaq``. A program that is not installed is left out,
and named.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["SIZE_PROGRAMS", "SizeProgram", "find_programs"]


@dataclass(frozen=True, slots=True)
class SizeProgram:
    """A program that compresses a file.

    Attributes:
        command: Its command line; ``IN`` and ``OUT`` stand for the files. Without ``OUT``, the
            result is the standard output.
        version: A command line whose output contains the version.
    """

    command: tuple[str, ...]
    version: tuple[str, ...]

    @property
    def is_installed(self) -> bool:
        """Whether the program is on the path."""
        return shutil.which(self.command[0]) is not None

    def read_version(self) -> str:
        """Return the name and the version."""
        done = subprocess.run(self.version, capture_output=True, text=True, check=False)
        found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
        return f"{self.command[0]} {found[0] if found else '(unknown version)'}"

    def measure(self, path: Path) -> int:
        """Return the compressed bytes of a file."""
        with TemporaryDirectory() as folder:
            out = Path(folder) / "out.zpaq"
            places = {"IN": str(path), "OUT": str(out)}
            command = [places.get(word, word) for word in self.command]
            done = subprocess.run(command, capture_output=True, check=True)
            return out.stat().st_size if "OUT" in self.command else len(done.stdout)


SIZE_PROGRAMS = {
    "brotli -11": SizeProgram(
        ("brotli", "-q", "11", "--lgwin=24", "-c", "IN"), ("brotli", "--version")
    ),
    "bzip3": SizeProgram(("bzip3", "-b", "16", "-e", "-c", "IN"), ("bzip3", "--version")),
    "zpaq -m5": SizeProgram(("zpaq", "add", "OUT", "IN", "-m5"), ("zpaq",)),
}
"""The programs by their names in the tables."""


def find_programs() -> dict[str, SizeProgram]:
    """Return the programs that are installed; name the others on stderr."""
    for name, program in SIZE_PROGRAMS.items():
        if not program.is_installed:
            print(f"{name} is not installed and left out", file=sys.stderr)
    return {name: program for name, program in SIZE_PROGRAMS.items() if program.is_installed}
