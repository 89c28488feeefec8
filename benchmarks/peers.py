"""Show the planted faults to other tools' checks, and count what each catches.

Every tool is installed into an environment of its own. A fault is a pair of ONNX files; our own
verdict is that of the release which meets it, as in ``tests/faults``. Before that, each tool is
shown the right file beside itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peer_environments import REQUIREMENTS, environment
from benchmarks.peer_runs import shown
from benchmarks.peer_tools import PEERS, Peer
from benchmarks.peer_verdicts import said, verdict
from benchmarks.results import write_result
from prunepack.errors import UsageError
from stages.downloads import cache_folder
from tests.faults.catalog import FAULTS
from tests.faults.lab import run_all

if TYPE_CHECKING:
    from tests.faults.fault import Fault
    from tests.faults.fault import Pair as PairOf

    Tools = dict[str, Path | str]  # by name: the ``bin`` of its environment, or why there is none


def judged(name: str, here: Path | str, reference: Path, faulty: Path) -> dict[str, Any]:
    """Return the row of one tool for one fault.

    Args:
        name: A key of ``PEERS``.
        here: The ``bin`` of its environment, or why there is none.
        reference: The right file.
        faulty: The other one.
    """
    if isinstance(here, str):
        return {"verdict": "cannot be shown", "says": here}
    peer = PEERS[name]
    same, wrong = (shown(peer, here, reference, other) for other in (reference, faulty))
    found = verdict(same, wrong)
    telling = said((same if found == "cannot be shown" else wrong).log, peer.telling)
    return {"verdict": found, "exit_code": wrong.code, "wrote": wrong.wrote, "says": telling}


def installed() -> Tools:
    """Install every tool that is not; return its ``bin``, or why it has none."""
    found: Tools = {}
    for name, peer in PEERS.items():
        try:
            found[name] = environment(peer.environment)
        except UsageError as error:
            found[name] = str(error).replace(str(cache_folder()), "…")
    return found


def ours(fault: Fault, folder: Path) -> dict[str, Any]:
    """Return what ``prunepack`` says of a release with this fault; only the right reason counts."""
    done = run_all(fault.plant(folder))
    says = said(done.text, fault.says)
    found = "caught" if done.code == fault.code and says else "missed"
    return {"verdict": found, "exit_code": done.code, "says": says}


def one_fault(tools: Tools, fault: Fault, pair: PairOf) -> dict[str, Any]:
    """Return the row of a fault: what each tool said."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = {"prunepack": ours(fault, folder)}
        reference, faulty = pair(folder)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            begun = {
                tool: pool.submit(judged, tool, here, reference, faulty)
                for tool, here in tools.items()
            }
        rows |= {tool: row.result() for tool, row in begun.items()}
    print(fault.name, [row["verdict"] for row in rows.values()], file=sys.stderr)
    return {"fault": fault.name, "tools": rows}


def version_of(peer: Peer) -> str:
    """Return the pinned version of a tool."""
    lines = (REQUIREMENTS / f"{peer.environment}.txt").read_text().splitlines()
    return next(line.split("==")[1] for line in lines if line.startswith(f"{peer.package}=="))


def main() -> None:
    """Install the tools, show them the faults, and write ``results/peers.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="faults with this word in their name")
    word = parser.parse_args().only
    here = installed()
    rows = [
        one_fault(here, one, one.onnx_pair)
        for one in FAULTS
        if one.onnx_pair is not None and word in one.name
    ]
    tools = {
        name: {"package": f"{peer.package} {version_of(peer)}", "how": peer.how, "note": peer.note}
        for name, peer in PEERS.items()
    }
    write_result("peers", {"planted": len(FAULTS), "tools": tools, "faults": rows})


if __name__ == "__main__":
    main()
