"""Benchmark of the gate: verdicts on every fault of ``tests/faults`` and on honest releases."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.results import write_result
from tests.faults.catalog import FAULTS, find_message, run_fault
from tests.faults.fresh_exports import share_fresh_exports
from tests.faults.honest import RUNS, judge_honest_release
from tests.faults.lab import lab

if TYPE_CHECKING:
    from tests.faults.fault import Fault


def plant_fault(fault: Fault) -> dict[str, Any]:
    """Plant one fault; return its name, the check that caught it and the message."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_fault(fault, Path(folder))
        line = find_message(fault, outcome)
        caught = outcome.code == fault.code and line is not None
        message = (line or "").replace(f"{folder}/", "").replace(f"{lab()}/", "")
    check = re.match(r"[\w.]+(?= (?:<=|>=) )", message)
    return {
        "fault": fault.name,
        "kind": fault.kind,
        "found_by": fault.found_by,
        "caught": caught,
        "check": check[0] if check else f"prunepack {outcome.command}",
        "code": outcome.code,
        "message": message.removeprefix("Error: "),
    }


def judge_honest_releases(runs: int) -> dict[str, Any]:
    """Judge honest releases; return their number and the alarms."""
    alarms = []
    for number in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            if judge_honest_release(number, Path(folder)) is not None:
                alarms.append(number)
        print(f"\r{number + 1} of {runs} honest releases", end="", file=sys.stderr)
    print(file=sys.stderr)
    return {"runs": runs, "alarms": alarms}


def main() -> None:
    """Measure, and write ``results/faults.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--honest", type=int, default=RUNS, help="number of honest releases")
    runs = parser.parse_args().honest
    with tempfile.TemporaryDirectory() as folder, share_fresh_exports(Path(folder)):
        rows = [plant_fault(fault) for fault in FAULTS]
    missed = [row["fault"] for row in rows if not row["caught"]]
    print(f"{len(rows) - len(missed)} of {len(rows)} caught; missed: {missed}", file=sys.stderr)
    write_result("faults", {"faults": rows, "honest": judge_honest_releases(runs)})


if __name__ == "__main__":
    main()
