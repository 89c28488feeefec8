"""Put the results of the benchmarks into the docs, between their marks; or check that they are.

A table stands between ``<!-- NAME -->`` and ``<!-- /NAME -->`` where NAME is a key of ``TABLES``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.bisect_table import bisect_table
from benchmarks.latency_table import latency_table
from benchmarks.results import read_result

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/benchmarks.md")


def pipeline_table() -> str:
    """Return what a LeNet run takes and gives, beside the targets."""
    result = read_result("pipeline")
    figures, sizes = result["figures"], result["bytes"]

    def seconds(name: str) -> str:
        one = result[name]
        return f"{one['median']:.2f} s ({one['least']:.2f}–{one['most']:.2f}, {one['runs']} runs)"

    rows = [
        ("first `prunepack run lenet` after set-up", seconds("first_run_seconds"), "≤ 45 s"),
        ("`prunepack run lenet` with nothing to do", seconds("idle_run_seconds"), "≤ 1.5 s"),
        ("`prunepack --help`", seconds("help_seconds"), "≤ 0.25 s"),
        ("artifact", f"{sizes['artifact']:,} bytes", ""),
        ("dense ONNX / artifact", f"{figures['size.ratio']:.2f}×", "≥ 8.5×"),
        ("`zstd -19` of the dense ONNX / artifact", f"{figures['size.ratio_zstd19']:.2f}×", ""),
        ("sparsity of the weights", f"{figures['sparsity.weights']:.1f} %", "90 %"),
        ("accuracy lost on 10,000 images", f"{figures['accuracy.drop']:.2f} points", "≤ 0.5"),
    ]
    lines = ["| | measured | target |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", f"Measured on {result['host']}."])


def stages_table() -> str:
    """Return where the time of a first run goes."""
    stages = read_result("pipeline")["stage_seconds"]
    rows = [f"| `{name}` | {seconds:.2f} |" for name, seconds in stages.items()]
    return "\n".join(["| stage | seconds |", "|---|---|", *rows])


TABLES = {
    "pipeline": pipeline_table,
    "stages": stages_table,
    "latency": latency_table,
    "bisect": bisect_table,
}


def rendered(text: str) -> str:
    """Return ``text`` with every table between its marks made anew."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, opened, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if opened and not closed:
            sys.exit(f"a page has {start.strip()} and no {end}")
        if opened:
            text = f"{before}{start}{table()}\n{end}{after}"
    return text


def main() -> None:
    """Render the pages, or with ``--check`` fail if one is not as it would be rendered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if stale")
    check = parser.parse_args().check
    for page in PAGES:
        path = ROOT / page
        before = path.read_text()
        after = rendered(before)
        if check and after != before:
            sys.exit(f"{page} is stale: run `make bench`, or `python -m benchmarks.render`")
        if not check:
            path.write_text(after)


if __name__ == "__main__":
    main()
