"""Tables of the faults that ``benchmarks.faults`` plants."""

from __future__ import annotations

from typing import Any

from benchmarks.results import read_result

__all__ = ["faults_summary", "faults_table"]

KINDS = {
    "model": "In the torch model or its checkpoint",
    "export": "In the exported graph",
    "artifact": "In the packed file",
    "runtime": "In the runtime",
    "data": "In the data",
    "report": "In a report, its signature or its limits",
}
LONGEST = 150
"""Number of characters of a message that the table shows."""


def faults_summary() -> str:
    """Return the numbers of caught faults and of passed honest releases, as a sentence."""
    result = read_result("faults")
    rows, honest = result["faults"], result["honest"]
    caught = sum(row["caught"] for row in rows)
    passed = honest["runs"] - len(honest["alarms"])
    return (
        f"{caught} of {len(rows)} planted faults are caught; "
        f"{passed} of {honest['runs']} honest releases with other seeds pass."
    )


def faults_table() -> str:
    """Return every fault by kind, with its check, exit code and message."""
    rows = read_result("faults")["faults"]
    return "\n\n".join(
        f"### {title}\n\n{_table([row for row in rows if row['kind'] == kind])}"
        for kind, title in KINDS.items()
    )


def _table(rows: list[dict[str, Any]]) -> str:
    lines = ["| fault | found by | caught by | exit | message |", "|---|---|---|---|---|"]
    for row in rows:
        check = f"`{row['check']}`" if row["caught"] else "**missed**"
        found_by = row.get("found_by", "us")
        lines.append(
            f"| {row['fault']} | {found_by} | {check} | {row['code']} | {_short(row['message'])} |"
        )
    return "\n".join(lines)


def _short(message: str) -> str:
    text = message if len(message) <= LONGEST else f"{message[:LONGEST].rstrip()} …"
    return f"`{text.replace('|', '/').replace('`', chr(39))}`"
