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
from prunepack.outputs import new_file

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["shown"]

ROOT = Path(__file__).parents[1]
QUIET = {"HF_HUB_OFFLINE": "1", "OLIVE_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(ROOT)}
SECONDS = 300


def shown(peer: Peer, here: Path, reference: Path, faulty: Path) -> Ran:
    """Return what a tool came to with two files.

    Args:
        peer: The tool.
        here: The ``bin`` of its environment, whose folder remembers.
        reference: The right model, with ``inputs.npz`` beside it.
        faulty: The other one.

    Raises:
        TimeoutExpired: If a command takes more than ``SECONDS``.
    """
    inputs = reference.with_name("inputs.npz")
    digest = hashlib.sha256(repr(peer.commands(here, Path("A"), Path("B"))).encode())
    for one in (*sorted(CHECKS.glob("*.py")), inputs, reference, faulty):
        digest.update(hashlib.sha256(one.read_bytes()).digest())
    memory = here.parent / f"{digest.hexdigest()}.json"
    if not memory.exists():
        done = _run_all(peer, here, reference, faulty)
        with new_file(memory, force=True) as file:
            file.write(json.dumps(asdict(done)).encode())
    return Ran(**json.loads(memory.read_text()))


def _run_all(peer: Peer, here: Path, reference: Path, faulty: Path) -> Ran:
    """Run the commands in an empty folder with the inputs, until one fails."""
    with tempfile.TemporaryDirectory() as name:
        folder, done = Path(name), Ran(0, wrote=True, log="")
        shutil.copy(reference.with_name("inputs.npz"), folder)
        for command in peer.commands(here, reference, faulty):
            done = _run(command, folder, peer.writes)
            if done.code:
                break
        return done


def _run(command: Sequence[str], folder: Path, writes: str) -> Ran:
    found = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **QUIET},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    wrote = (folder / writes).is_file() if writes else True
    return Ran(found.returncode, wrote, found.stdout)
