"""Run another tool on two files, and remember what it came to, by the content of all it read."""

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
from benchmarks.peer_verdicts import Ran
from prunepack.io.atomic import create_file

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["shown"]

ROOT = Path(__file__).parents[1]
QUIET = {"HF_HUB_OFFLINE": "1", "OLIVE_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(ROOT)}
SECONDS = 300


def shown(peer: Peer, here: Path, inputs: Path, reference: Path, faulty: Path) -> Ran:
    """Return what a tool came to with two files.

    Args:
        peer: The tool.
        here: The ``bin`` of its environment, whose folder remembers.
        inputs: An ``.npz`` with one batch, by the names of the inputs.
        reference: The right model.
        faulty: The other one.

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
    return Ran(**json.loads(memory.read_text()))


def _files(model: Path) -> list[Path]:
    """Return the file of a model, and that of its weights if there is one."""
    data = model.with_name(f"{model.name}.data")
    return [model, data] if data.exists() else [model]


def _run_all(commands: Sequence[Sequence[str]], inputs: Path) -> Ran:
    """Run commands in an empty folder with the inputs, until one fails."""
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
        return Ran(done.returncode, files, done.stdout)
