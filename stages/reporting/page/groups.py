"""Groups of checks by subject; a group with a check that did not pass is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prunepack.stages.reporting.report import CheckResult, Report

__all__ = ["CheckGroup", "group_checks"]


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """A group of checks whose metrics have the same subject."""

    name: str
    checks: tuple[CheckResult, ...]

    @property
    def passed(self) -> int:
        """The number of checks that passed."""
        return sum(check.outcome == "passed" for check in self.checks)

    @property
    def is_open(self) -> bool:
        """Whether a check did not pass."""
        return self.passed < len(self.checks)


def group_checks(report: Report) -> list[CheckGroup]:
    """Return the groups, those that are open first."""
    groups: dict[str, list[CheckResult]] = {}
    for check in report.checks:
        parts = check.name.split(".")
        depth = 2 if parts[0] == "parity" else 1
        groups.setdefault(".".join(parts[:depth]), []).append(check)
    found = [CheckGroup(name, tuple(checks)) for name, checks in groups.items()]
    return sorted(found, key=lambda group: not group.is_open)
