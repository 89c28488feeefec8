"""Benchmark of other tools' checks: the number of planted faults that each catches.

Every tool is installed into an environment of its own. A fault is a pair of ONNX files; before it,
each tool gets the reference twice. ``benchmarks.faults`` has our own verdicts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peer_environments import REQUIREMENTS, make_environment
from benchmarks.peer_runs import run_tool
from benchmarks.peer_tools import PEERS, Peer
from benchmarks.peer_verdicts import find_message, judge_runs
from benchmarks.results import write_result
from prunepack.errors import UsageError
from prunepack.stages.data.downloads import cache_folder
from tests.faults.catalog import FAULTS
from tests.faults.lab import lab

if TYPE_CHECKING:
    from tests.faults.fault import Pair

    Files = tuple[Path, Path, Path]
    Tools = dict[str, Path | str]  # by name: the ``bin`` of its environment, or the error


def judge_tool(name: str, here: Path | str, files: Files) -> dict[str, Any]:
    """Return the row of one tool for one fault.

    Args:
        name: A key of ``PEERS``.
        here: The ``bin`` of its environment, or the error of its installation.
        files: Inputs, the reference, and the faulty model.
    """
    if isinstance(here, str):
        return {"verdict": "cannot be shown", "says": here}
    peer, (inputs, right, wrong) = PEERS[name], files
    same, faulty = (run_tool(peer, here, inputs, right, other) for other in (right, wrong))
    found = judge_runs(same, faulty, peer.writes)
    telling = find_message((same if found == "cannot be shown" else faulty).log, peer.telling)
    code = None if peer.is_call else faulty.code
    return {"verdict": found, "exit_code": code, "says": telling}


def add_real_samples(folder: Path) -> Path:
    """Add real digits to the inputs of a pair if the model takes them; return their file."""
    file = folder / "inputs.npz"
    with np.load(file) as random, np.load(lab() / "digits.npz") as real:
        given: dict[str, Any] = {
            name: np.concatenate([array, real["images"]])
            if array.shape[1:] == real["images"].shape[1:]
            else array
            for name, array in random.items()
        }
    np.savez(file, **given)
    return file


def has_same_outputs(files: Files) -> bool:
    """Return whether both models have equal outputs on the inputs, bit for bit."""
    inputs, *models = files
    feed = dict(np.load(inputs))
    try:
        right, wrong = (_compute_outputs(model, feed) for model in models)
    except Exception:  # noqa: BLE001 -- onnxruntime's have no base class of their own
        return False
    return right == wrong


def _compute_outputs(model: Path, feed: dict[str, Any]) -> list[tuple[str, str, bytes]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    found = zip(names, session.run(names, feed), strict=True)
    return [(name, f"{one.dtype}{one.shape}", one.tobytes()) for name, one in found]


def install_tools() -> Tools:
    """Install every missing tool; return its ``bin``, or the error."""
    found: Tools = {}
    for name, peer in PEERS.items():
        try:
            found[name] = make_environment(peer.environment)
        except UsageError as error:
            found[name] = str(error).replace(str(cache_folder()), "…")
    return found


def judge_fault(tools: Tools, title: str, pair: Pair) -> dict[str, Any]:
    """Return the row of a fault: the verdict of each tool, and whether their inputs show it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        right, wrong = pair(folder)
        files = (add_real_samples(folder), right, wrong)
        rows, shows = _judge_all_tools(tools, files), not has_same_outputs(files)
    print(title, [row["verdict"] for row in rows.values()], file=sys.stderr)
    return {"fault": title, "shows": shows, "tools": rows}


def _judge_all_tools(tools: Tools, files: Files) -> dict[str, dict[str, Any]]:
    """Judge with all environments in parallel; two ways of using one tool take turns."""
    alike: dict[str, list[str]] = {}
    for name in tools:
        alike.setdefault(PEERS[name].environment, []).append(name)

    def judge(names: list[str]) -> dict[str, dict[str, Any]]:
        return {name: judge_tool(name, tools[name], files) for name in names}

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return {name: row for rows in pool.map(judge, alike.values()) for name, row in rows.items()}


def read_version(peer: Peer) -> str:
    """Return the pinned version of a tool."""
    lines = (REQUIREMENTS / f"{peer.environment}.txt").read_text().splitlines()
    return next(line.split("==")[1] for line in lines if line.startswith(f"{peer.package}=="))


def main() -> None:
    """Install the tools, show them the faults, and write ``results/peers.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only faults with this word in their name")
    word = parser.parse_args().only
    here = install_tools()
    rows = [
        judge_fault(here, one.name, one.onnx_pair)
        for one in FAULTS
        if one.onnx_pair is not None and word in one.name
    ]
    tools = {
        name: {
            "package": f"{peer.package} {read_version(peer)}",
            "how": peer.how,
            "note": peer.note,
        }
        for name, peer in PEERS.items()
    }
    write_result("peers", {"tools": tools, "faults": rows})


if __name__ == "__main__":
    main()
