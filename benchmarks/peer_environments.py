"""Virtual environments of the compared tools, one per tool, in the cache."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from prunepack.errors import UsageError
from prunepack.stages.data.downloads import cache_folder

__all__ = ["REQUIREMENTS", "make_environment"]

REQUIREMENTS = Path(__file__).with_name("peer_requirements")
"""Packages of each environment, every version pinned."""


def make_environment(name: str) -> Path:
    """Return the ``bin`` of the environment of ``NAME.txt``; make it if it does not exist.

    Raises:
        UsageError: If pip cannot install them.
    """
    packages = REQUIREMENTS / f"{name}.txt"
    pinned = hashlib.sha256(packages.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / "benchmarks" / "peers" / f"{name}-{pinned}"
    ready = folder / "ready"
    if not ready.exists():
        venv.create(folder, clear=True)
        _install(name, packages, folder / "bin/python")
        ready.touch()
    return folder / "bin"


def _install(name: str, packages: Path, python: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    command = [*pip, "install", "--quiet", "-r", str(packages)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise UsageError(
            f"pip could not install `{name}`",
            expected=f"every package in {packages.name}",
            found=lines[-1] if lines else done.stderr.strip()[-300:],
            hint="Check the network and pip's configuration, or pin other versions",
        )
