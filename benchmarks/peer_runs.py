"""Cached runs of other tools on two files; the key is the content of all files that they read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peer_tools import CHECKS, Peer
from benchmarks.peer_verdicts import ToolRun
from prunepack.io.atomic import create_file

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run_tool"]

ROOT = Path(__file__).parents[1]
QUIET = {"HF_HUB_OFFLINE": "1", "OLIVE_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(ROOT)}
SECONDS = 300


def run_tool(peer: Peer, here: Path, inputs: Path, reference: Path, faulty: Path) -> ToolRun:
    """Return the outcome of a tool for two files, from the cache if it is there.

    Args:
        peer: The tool.
        here: The ``bin`` of its environment, whose folder is the cache.
        inputs: An ``.npz`` with one batch, by the names of the inputs.
        reference: The reference.
        faulty: The faulty model.

    Raises:
        TimeoutExpired: If a command takes more than ``SECONDS``.
    """
    digest = hashlib.sha256(repr(peer.commands(here, Path("A"), Path("B"))).encode())
    for one in (*sorted(CHECKS.glob("*.py")), inputs, *_files(reference), *_files(faulty)):
        digest.update(hashlib.sha256(one.read_bytes()).digest())
    memory = here.parent / f"{digest.hexdigest()}.json"
    if not memory.exists():
        done = _run_all(peer.commands(here, reference, faulty), inputs)
        with create_file(memory, force=True) as file:
            file.write(json.dumps(asdict(done)).encode())
    return ToolRun(**json.loads(memory.read_text()))


def _files(model: Path) -> list[Path]:
    """Return the file of a model, and the file of its external data if it exists."""
    data = model.with_name(f"{model.name}.data")
    return [model, data] if data.exists() else [model]


def _run_all(commands: Sequence[Sequence[str]], inputs: Path) -> ToolRun:
    """Run commands in a folder that holds only the inputs, until one fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(inputs, folder / "inputs.npz")
        for command in commands:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, **QUIET},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=SECONDS,
            )
            if done.returncode:
                break
        files = [str(one.relative_to(folder)) for one in folder.glob("*/*")]
        return ToolRun(done.returncode, files, done.stdout)
