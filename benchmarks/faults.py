"""Plant every fault of ``tests/faults`` and many honest releases; write down what the gate said."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.results import write_result
from tests.faults.catalog import FAULTS, met, told
from tests.faults.honest import RUNS, alarm
from tests.faults.lab import lab

if TYPE_CHECKING:
    from tests.faults.fault import Fault


def planted(fault: Fault) -> dict[str, Any]:
    """Plant one fault; return what it is, which check caught it and what that said."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = met(fault, Path(folder))
        line = told(fault, outcome)
        caught = outcome.code == fault.code and line is not None
        message = (line or "").replace(f"{folder}/", "").replace(f"{lab()}/", "")
    check = re.match(r"[\w.]+(?= (?:<=|>=) )", message)
    return {
        "fault": fault.name,
        "kind": fault.kind,
        "caught": caught,
        "check": check[0] if check else f"prunepack {outcome.command}",
        "code": outcome.code,
        "message": message.removeprefix("Error: "),
    }


def honest(runs: int) -> dict[str, Any]:
    """Make and judge honest releases; return how many raised an alarm, and which."""
    alarms = []
    for number in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            if alarm(number, Path(folder)) is not None:
                alarms.append(number)
        print(f"\r{number + 1} of {runs} honest releases", end="", file=sys.stderr)
    print(file=sys.stderr)
    return {"runs": runs, "alarms": alarms}


def main() -> None:
    """Plant, judge and write ``results/faults.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--honest", type=int, default=RUNS, help="honest releases")
    runs = parser.parse_args().honest
    rows = [planted(fault) for fault in FAULTS]
    missed = [row["fault"] for row in rows if not row["caught"]]
    print(f"{len(rows) - len(missed)} of {len(rows)} caught; missed: {missed}", file=sys.stderr)
    write_result("faults", {"faults": rows, "honest": honest(runs)})


if __name__ == "__main__":
    main()
