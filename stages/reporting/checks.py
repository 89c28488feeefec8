"""Budgets: limits held against figures, also relative to the dense model or an earlier release."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.metrics.limits import HOST_DEPENDENT, Check, Limit, matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prunepack.stages.metrics.files import MetricSet
    from prunepack.stages.metrics.metric import Metric

__all__ = ["evaluate_limits"]

DENSE = ("dense", "dense_onnx")
"""What the dense model's figure of a group is called: ``accuracy.dense``, ``size.dense_onnx``."""

MANY = 12
"""With more names than this, a hint lists their groups."""


def evaluate_limits(
    limits: Iterable[Limit],
    measured: MetricSet,
    baseline: MetricSet | None = None,
    skip: Iterable[str] = (),
) -> list[Check]:
    """Hold every limit against its figure, and a glob against every figure that matches.

    A limit on one figure counts more than a glob, and a later glob more than an earlier one.

    Args:
        limits: The limits, at most one of each sense on a name.
        measured: The figures.
        baseline: Those of an earlier release.
        skip: Globs over the names of figures that are not judged.

    Raises:
        UsageError: With every limit that is on a figure, or relative to one, that is not there.
    """
    globs = tuple(skip)
    bounds = _Bounds(measured, baseline)
    checks: list[Check] = []
    problems: list[UsageError] = []
    wanted = [limit for limit in limits if not matches(limit.name, globs)]
    for limit in _expanded(wanted, measured.metrics):
        if matches(limit.name, globs):
            continue
        try:
            checks.append(bounds.check(limit))
        except UsageError as problem:
            problems.append(problem)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        listing = "".join(f"\n  {problem}" for problem in problems)
        raise UsageError(f"{len(problems)} limits cannot be held against what is there:{listing}")
    return checks


def _expanded(limits: list[Limit], metrics: Mapping[str, Metric]) -> list[Limit]:
    """Return a limit for each figure that a glob matches; the glob itself where none does."""
    own = {(limit.name, limit.sense) for limit in limits if not limit.is_glob}
    found: dict[tuple[str, str], Limit] = {}
    for limit in limits:
        names = [name for name in metrics if limit.is_glob and matches(name, (limit.name,))]
        for name in names or [limit.name]:
            if not names or (name, limit.sense) not in own:
                found[name, limit.sense] = replace(limit, name=name)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Finds a limit's figure, and what it is relative to."""

    measured: MetricSet
    baseline: MetricSet | None

    def check(self, limit: Limit) -> Check:
        metrics = self.measured.metrics
        if limit.name not in metrics:
            what = "matches no figure" if limit.is_glob else "is on a figure that was not measured"
            raise UsageError(f"the limit {str(limit)!r} {what}", hint=_hint(limit.name, metrics))
        return Check(limit, metrics[limit.name], self._bound(limit), self._samples(limit.name))

    def _samples(self, name: str) -> int | None:
        """Return how many samples the figures of its group are from: ``accuracy.samples``."""
        found = self.measured.metrics.get(f"{name.partition('.')[0]}.samples")
        return int(found.value) if found is not None and math.isfinite(found.value) else None

    def _bound(self, limit: Limit) -> float:
        if not limit.of:
            return limit.bound
        value = self._of_baseline(limit) if limit.of == "baseline" else self._of_own(limit)
        bound = limit.factor * value + limit.bound
        if not math.isfinite(bound):
            raise UsageError(
                f"the limit {str(limit)!r} is relative to no number",
                expected=f"{limit.of} to be finite",
                found=value,
            )
        return bound

    def _of_own(self, limit: Limit) -> float:
        """Return another figure of the same model, or of the dense one."""
        metrics, group = self.measured.metrics, limit.name.rpartition(".")[0]
        names = [f"{group}.{name}" for name in DENSE] if limit.of == "dense" else [limit.of]
        found = next((name for name in names if name in metrics), None)
        if found is None:
            raise UsageError(
                f"the limit {str(limit)!r} is relative to a figure that was not measured",
                expected=" or ".join(names),
                hint=_hint(names[0], metrics),
            )
        return metrics[found].value

    def _of_baseline(self, limit: Limit) -> float:
        """Return the same figure of the baseline; a time only if it is of the same machine."""
        if self.baseline is None:
            raise UsageError(
                f"the limit {str(limit)!r} needs a baseline",
                hint="Name a report or an artifact with --baseline or in gate.baseline",
            )
        metrics = self.baseline.metrics
        if limit.name not in metrics:
            raise UsageError(
                f"the limit {str(limit)!r} is on a figure that the baseline does not have",
                hint=_hint(limit.name, metrics),
            )
        here, there = self.measured.host, self.baseline.host
        is_ratio = self.measured.metrics[limit.name].unit == "×"
        if here != there and matches(limit.name, HOST_DEPENDENT) and not is_ratio:
            raise UsageError(
                f"the limit {str(limit)!r} compares two machines",
                expected=f"a baseline measured on {here or 'the same machine'}",
                found=there or "one without a machine",
                hint="Limit the ratio instead, or measure the baseline here.",
            )
        return metrics[limit.name].value


def _hint(name: str, metrics: Mapping[str, Metric]) -> str:
    """Name the nearest figure, or what there is."""
    hint = suggest_name(name, metrics)
    if hint.startswith("Choose among") and len(metrics) > MANY:
        groups = sorted({known.partition(".")[0] for known in metrics})
        return f"There are figures of {', '.join(groups)}."
    return hint
