"""Table of the planted faults that other tools' checks catch."""

from __future__ import annotations

from typing import Any

from benchmarks.results import read_result
from benchmarks.tables.markdown import table

__all__ = ["peers_table"]

BELOW = """Every fault that differs between two ONNX files, {shown} of {planted}.
**missed**: the tool ends with exit code 0 and writes its model, or its call returns, so that a
build continues; *logged*: a line of its log reports the fault. **caught**: anything else; *exit
code 0*: only the missing file would stop a build. –: the tool rejects even the reference compared
with itself, or is not installed. †: the two files agree bit for bit on the inputs of the tools: a
few random samples, and real digits if the model takes them; `prunepack verify` draws more kinds of
inputs, and compares weights.

{tools}"""


def peers_table() -> str:
    """Return the verdict of each tool on each fault, the sums, and the use of each tool."""
    result, ours = read_result("peers"), read_result("faults")["faults"]
    names, faults = result["tools"], result["faults"]
    caught = {one["fault"]: one["caught"] for one in ours}
    rows = [
        (_title(one), _own(caught[one["fault"]]), *(_cell(one["tools"][name]) for name in names))
        for one in faults
    ]
    own = f"{sum(caught[one['fault']] for one in faults)} of {len(faults)}"
    sums = (_sum([one["tools"][name] for one in faults]) for name in names)
    below = BELOW.format(shown=len(faults), planted=len(ours), tools=_tools(names))
    return table(("fault", "prunepack", *names), [*rows, ("**caught**", own, *sums)], below)


def _own(caught: bool) -> str:
    return "caught" if caught else "**missed**"


def _title(fault: dict[str, Any]) -> str:
    return f"{fault['fault']}{'' if fault['shows'] else ' †'}"


def _cell(row: dict[str, Any]) -> str:
    if row["verdict"] == "cannot be shown":
        return "–"
    if row["verdict"] == "caught":
        return "caught, exit code 0" if row["exit_code"] == 0 else "caught"
    return "**missed**, logged" if row["says"] else "**missed**"


def _sum(rows: list[dict[str, Any]]) -> str:
    caught = sum(row["verdict"] == "caught" for row in rows)
    return f"{caught} of {sum(row['verdict'] != 'cannot be shown' for row in rows)}"


def _tools(tools: dict[str, dict[str, str]]) -> str:
    rows = [(name, one["package"], f"`{one['how']}`", one["note"]) for name, one in tools.items()]
    return table(("tool", "version", "used as", ""), rows)
