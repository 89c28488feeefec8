"""Replacement of limits: the stricter limits that a later one replaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.metrics.limits import Limit, matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Replacements"]

Evaluate = Callable[[Limit], float]
"""A function from a limit on a metric to its threshold."""


@dataclass(frozen=True, slots=True)
class Replacements:
    """All limits in their order, also those that a later one replaces.

    Attributes:
        limits: The built-in limits, then those of the user.
        defaults: The built-in limits that a limit of the user replaces without a word.
        relax: Whether a limit may replace any stricter one.
    """

    limits: Sequence[Limit]
    defaults: Sequence[Limit] = ()
    relax: bool = False

    def is_default(self, limit: Limit) -> bool:
        """Return whether nobody asked for a limit."""
        return limit in self.defaults and self.limits.count(limit) == 1

    def find_stricter(self, limit: Limit, threshold: float, evaluate: Evaluate) -> Limit | None:
        """Return the strictest limit that ``limit`` replaces; None if it is the strictest.

        Args:
            limit: The limit that counts, on one metric.
            threshold: Its threshold.
            evaluate: Returns the threshold of another limit.

        Raises:
            UsageError: If it replaces a stricter limit, which is not a default, and nobody
                allowed it.
        """
        sign = 1 if limit.sense == "<=" else -1
        stricter = {
            other: value
            for other in self._find_others(limit)
            if (value := sign * _evaluate(other, evaluate, sign)) < sign * threshold
        }
        strictest = min(stricter, key=lambda other: stricter[other], default=None)
        asked = [other for other in stricter if other not in self.defaults]
        if asked and not self.relax:
            raise _describe_loosening(limit, asked[-1])
        return strictest

    def _find_others(self, limit: Limit) -> Iterable[Limit]:
        """Return the limits on the same metric: by its name, or else by globs."""
        same = [other for other in self.limits if other.sense == limit.sense]
        named = [other for other in same if other.name == limit.name]
        return named or [other for other in same if matches(limit.name, (other.name,))]


def _evaluate(limit: Limit, evaluate: Evaluate, sign: int) -> float:
    """Return the threshold; the strictest one if it needs a metric that is not there."""
    try:
        return evaluate(limit)
    except UsageError:
        return -sign * float("inf")


def _describe_loosening(limit: Limit, stricter: Limit) -> UsageError:
    return UsageError(
        f"the limit `{limit}` is looser than `{stricter}`, which it replaces",
        expected=f"`{stricter}`, or a stricter limit",
        found=f"`{limit}`",
        hint="Write relax = true beside the limits, or give --relax, to allow it",
    )
