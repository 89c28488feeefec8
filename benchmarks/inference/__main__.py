"""Benchmark of inference: sparse kernels beside dense ones and engines of other makers.

Dense is stock onnxruntime at its default settings, with the same pruned file. The ways alternate
round by round, so that a load on the machine slows all of them. Outputs are compared. Results are
written after each measurement, and those of other networks are kept.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from benchmarks.inference.exchange import measure_exchange
from benchmarks.inference.files import FOLDER, prune_network
from benchmarks.inference.models import BATCHES, NETWORKS, draw_feed
from benchmarks.inference.peers import start_ours, start_peers
from benchmarks.inference.roofline import measure_layers, measure_limits
from benchmarks.inference.sessions import (
    Effort,
    find_error,
    measure_creation,
    measure_ways,
    open_pair,
    summarise_sparse,
)
from benchmarks.results import FOLDER as RESULTS
from benchmarks.timing import pin_to_cores
from prunepack.stages.runtime.host import host_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SPARSITIES = (70, 80, 90, 95)
SHOWN = 90
"""Sparsity of the comparisons with two threads and with other engines, and of the creation."""

PARTS = ("machine", "sparse", "threads", "peers", "creation")
LONG = Effort(0.7, 6.0, 5, 5)
"""Effort with several threads: a system takes some time to spread waking threads over cores."""

NEAR_NS, ATTEMPTS = 150, 3
"""Exchange of a cache line up to which two cores are near, and attempts to find them so."""

QUICK = Effort(0.01, 0.2, 3, 3)


class Results:
    """The results in a file, which is written after each change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._value: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def add(self, part: str, key: str, value: object) -> None:
        """Add one result to a part, in place of an older one, and print it."""
        self._value.setdefault(part, {})[key] = value
        self._value["host"] = host_name()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self._value, indent=1, ensure_ascii=False) + "\n")
        print(part, key, json.dumps(value, ensure_ascii=False), flush=True)


def _repeat(session: Any, feed: Mapping[str, Any]) -> Callable[[int], None]:
    def run(repeats: int) -> None:
        for _ in range(repeats):
            session.run(None, feed)

    return run


def compare_sessions(name: str, percent: int, batch: int, effort: Effort) -> Any:
    """Compare the dense and the sparse session of a network on one thread."""
    feed = draw_feed(NETWORKS[name], batch)
    path = prune_network(name, percent)
    with pin_to_cores(1):
        sessions = open_pair(path)
        _, summary = summarise_sparse(sessions, feed)
        ways = {kind: _repeat(session, feed) for kind, session in sessions.items()}
        return {**measure_ways(ways, effort), **summary}


def compare_threads(name: str, batch: int, effort: Effort) -> Any:
    """Compare the sessions on two threads, each in a process of its own, in turns.

    While the two cores are far from each other, it is tried again, and the nearest is kept.
    """
    feed = draw_feed(NETWORKS[name], batch)
    path = prune_network(name, SHOWN)
    rows: list[dict[str, Any]] = []
    while not rows or (len(rows) < ATTEMPTS and rows[-1]["exchange_ns"] > NEAR_NS):
        before = measure_exchange()
        with pin_to_cores(2), start_ours(path, feed, 2) as engines:
            error = find_error(*(engine.output for engine in engines.values()))
            row = measure_ways({kind: engine.run for kind, engine in engines.items()}, effort)
        rows.append({**row, "error": error, "exchange_ns": max(before, measure_exchange())})
    return min(rows, key=lambda row: row["exchange_ns"])


def compare_peers(name: str, batch: int, effort: Effort) -> Any:
    """Compare both sessions and all engines of other makers, on the file that all can read."""
    feed = draw_feed(NETWORKS[name], batch)
    path = prune_network(name, SHOWN, old=True)
    with pin_to_cores(1):
        sessions = open_pair(path)
        expected, summary = summarise_sparse(sessions, feed)
        ways = {kind: _repeat(session, feed) for kind, session in sessions.items()}
        with start_peers(name, path, feed, expected) as (peers, notes):
            return {**measure_ways(ways | peers, effort), **summary, "peers": notes}


def measure_network(name: str, parts: list[str], options: argparse.Namespace, out: Results) -> None:
    """Measure the wanted parts of one network."""
    effort = QUICK if options.quick else Effort()
    batches = BATCHES[:1] if options.quick else BATCHES
    for batch in batches:
        for percent in (SHOWN,) if options.quick else SPARSITIES:
            if "sparse" in parts:
                row = compare_sessions(name, percent, batch, effort)
                out.add("rows", f"{name}/{percent}/{batch}/1", row)
        if "threads" in parts:
            row = compare_threads(name, batch, QUICK if options.quick else LONG)
            out.add("rows", f"{name}/{SHOWN}/{batch}/2", row)
        if "peers" in parts:
            out.add("peers", f"{name}/{batch}", compare_peers(name, batch, effort))
    if "creation" in parts:
        out.add("creation", name, measure_creation(prune_network(name, SHOWN)))


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inference", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", default=list(NETWORKS), choices=NETWORKS, metavar="MODEL"
    )
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS, metavar="PART")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few rounds at 90 %% and batch 1; results go to artifacts/inference/quick.json",
    )
    return parser.parse_args()


def main() -> None:
    """Measure the networks, and add the results to those that are not measured."""
    options = _read_options()
    out = Results(FOLDER / "quick.json" if options.quick else RESULTS / "inference.json")
    if "machine" in options.parts:
        with pin_to_cores(1):
            limits = measure_limits()
            out.add("machine", "limits", limits)
            out.add("machine", "layers", measure_layers(limits))
    for name in options.only:
        measure_network(name, options.parts, options, out)


if __name__ == "__main__":
    main()
