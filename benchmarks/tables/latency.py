"""Table of the error rate of the verdict on latency."""

from __future__ import annotations

from benchmarks.results import read_result

KINDS = {"same": "the same model twice", "slower": "a model that does 15 % more"}


def latency_table() -> str:
    """Return the verdicts on the same model and on a slower one, beside the targets."""
    result = read_result("latency")
    targets = {"same": "≤ 5 % slower", "slower": "≥ 95 % slower"}
    lines = [
        "| | ratio | slower | faster | undecided | target | slower or faster, by single pairs |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, name in KINDS.items():
        one = result[kind]
        total = one["comparisons"]
        ratio = f"{one['median_ratio']:.3f} ± {one['median_half_width']:.3f}"
        words = [f"{one[word]} of {total}" for word in ("slower", "faster", "undecided")]
        naive = f"{one['single_pairs_slower'] + one['single_pairs_faster']} of {total}"
        lines.append(f"| {' | '.join([name, ratio, *words, targets[kind], naive])} |")
    load = result["load_average"]
    where = (
        f"Measured on {result['host']}, {result['seconds_per_comparison']:.1f} s for a comparison, "
        f"load average {load['before']} before and {load['after']} after."
    )
    return "\n".join([*lines, "", where])
