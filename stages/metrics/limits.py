"""Limits on metrics, and checks that compare one metric with one limit."""

from __future__ import annotations

import fnmatch
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic_core import core_schema

from prunepack.errors import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidatorFunctionWrapHandler

    from prunepack.stages.metrics.metric import Metric

__all__ = ["HOST_DEPENDENT", "Check", "Limit", "Outcome", "Sense", "format_exact", "matches"]

HOST_DEPENDENT = ("latency.*", "memory.*", "session.*", "throughput.*")
"""Metrics that only hold for one machine. A busy one widens their intervals, so a check on one
stops a release only if the whole interval is beyond the threshold."""

Sense = Literal["<=", ">="]
Outcome = Literal["passed", "failed", "undecided"]

_NUMBER = r"[-+.\deE]+"
_REFERENCE = r"baseline|dense|[A-Za-z_]\w*(?:\.[\w:/-]+)+"
_LIMIT = re.compile(
    rf"\s*(?P<name>[A-Za-z_*?][\w.:/*?-]*)\s*(?P<sense><=|>=)\s*"
    rf"(?:(?P<number>{_NUMBER})"
    rf"|(?:(?P<factor>{_NUMBER})\s*[x×*]\s*)?(?P<reference>{_REFERENCE})"
    rf"(?:\s*(?P<sign>[-+])\s*(?P<plus>{_NUMBER}))?)\s*"
)


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest or smallest value that a metric may have, such as ``size.ratio >= 8.5``.

    It is a pydantic type: a config reads it from its text, and its JSON is that text.

    Attributes:
        name: The metric's name, or a glob over names.
        sense: Whether the threshold is the largest value or the smallest one.
        constant: The threshold; with a reference, the number that is added to it.
        reference: ``baseline``, ``dense`` or another metric; empty if the limit is absolute.
        factor: The number that the reference is multiplied by.
    """

    name: str
    sense: Sense
    constant: float
    reference: str = ""
    factor: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``NAME <= NUMBER`` or ``NAME <= NUMBER x REFERENCE + NUMBER``, or with ``>=``.

        A reference is ``baseline``, ``dense`` or a metric; both numbers beside it are optional.

        Raises:
            ValueError: If ``text`` does not have this form.
        """
        match = _LIMIT.fullmatch(text)
        numbers = None if match is None else _read_numbers(match)
        if match is None or numbers is None:
            raise ValueError(
                f"{quote(text)} is not a limit: expected NAME <= NUMBER or NAME >= NUMBER, where a "
                "number may be relative, such as `size.ratio >= 8.5` or "
                "`size.artifact <= 1.02 x baseline`"
            )
        sense: Sense = "<=" if match["sense"] == "<=" else ">="
        constant, factor = numbers
        return cls(match["name"], sense, constant, match["reference"] or "", factor)

    @property
    def is_glob(self) -> bool:
        """Whether the limit holds for every metric whose name matches."""
        return "*" in self.name or "?" in self.name

    @property
    def right_side(self) -> str:
        """The part of the text after the metric's name."""
        if not self.reference:
            return f"{self.sense} {format_exact(self.constant)}"
        times = "" if self.factor == 1 else f"{format_exact(self.factor)} x "
        sign = "+" if self.constant > 0 else "-"
        plus = f" {sign} {format_exact(abs(self.constant))}" if self.constant else ""
        return f"{self.sense} {times}{self.reference}{plus}"

    def __str__(self) -> str:
        return f"{self.name} {self.right_side}"

    @classmethod
    def _validate(cls, value: object, read_text: ValidatorFunctionWrapHandler) -> Limit:
        return value if isinstance(value, Limit) else cls.parse(read_text(value))

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> Any:
        return core_schema.no_info_wrap_validator_function(
            cls._validate,
            core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(
                str, return_schema=core_schema.str_schema()
            ),
        )


def _read_numbers(match: re.Match[str]) -> tuple[float, float] | None:
    """Return constant and factor of a limit; None if one of them is not a finite number."""
    sign = -1 if match["sign"] == "-" else 1
    try:
        constant = float(match["number"] or match["plus"] or "0")
        factor = float(match["factor"] or "1")
    except ValueError:
        return None
    numbers = (sign * constant, factor)
    return numbers if all(map(math.isfinite, numbers)) else None


def format_exact(value: float) -> str:
    """Return the shortest text that is read back as ``value``."""
    return repr(float(value)).removesuffix(".0")


@dataclass(frozen=True, slots=True)
class Check:
    """One metric compared with one limit.

    Attributes:
        limit: The limit, on this metric alone.
        metric: The metric.
        threshold: The number that the limit evaluates to.
        samples: The number of samples that the metric is estimated from, if it is known.
        replaces: The stricter limit that this one replaces, if there is one.
        by_value: Whether the value decides where the interval does not: for a limit that nobody
            asked for, and for a comparison with a baseline that is the same model.
        doubt: The reason why the metric says nothing about the model; empty without one.
    """

    limit: Limit
    metric: Metric
    threshold: float
    samples: int | None = None
    replaces: Limit | None = None
    by_value: bool = False
    doubt: str = ""

    @property
    def outcome(self) -> Outcome:
        """Whether the limit holds.

        NaN fails. A metric with an interval passes if the whole interval is within the threshold
        and fails if the whole interval is beyond it. In between, it is undecided: there are too
        few samples, or the machine is too busy. A metric in doubt never passes.
        """
        metric = self.metric
        ends = [end for end in (metric.value, metric.low, metric.high) if end is not None]
        if any(map(math.isnan, (*ends, self.threshold))):
            return "failed"
        best, worst = (min(ends), max(ends)) if self.limit.sense == "<=" else (max(ends), min(ends))
        if not self._allows(best):
            return "failed"
        passes = self._allows(worst) or (self.by_value and self._allows(metric.value))
        return "passed" if passes and not self.doubt else "undecided"

    @property
    def is_tolerated(self) -> bool:
        """Whether the check lets a release pass because the machine alone may decide it."""
        return matches(self.limit.name, HOST_DEPENDENT) and not self.doubt

    @property
    def samples_needed(self) -> int | None:
        """How many samples would decide if the value stays the same; None if that is unknown.

        :func:`prunepack.stages.metrics.intervals.count_required_samples` has the formula.
        """
        from prunepack.stages.metrics.intervals import count_required_samples

        value, low, high = self.metric.value, self.metric.low, self.metric.high
        if (
            self.outcome != "undecided"
            or self.doubt
            or low is None
            or high is None
            or not self.samples
        ):
            return None
        return count_required_samples(value, low, high, self.threshold, self.samples)

    def _allows(self, value: float) -> bool:
        return value <= self.threshold if self.limit.sense == "<=" else value >= self.threshold


def matches(name: str, globs: Iterable[str]) -> bool:
    """Return whether ``name`` matches one of ``globs``, with case."""
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)
