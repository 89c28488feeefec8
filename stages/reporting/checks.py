"""Evaluation of limits: globs, references to other metrics, and every missing metric at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.metrics.flaws import find_measured_flaw
from prunepack.stages.metrics.limits import HOST_DEPENDENT, Check, Limit, matches
from prunepack.stages.metrics.quality import find_doubt
from prunepack.stages.metrics.replacements import Replacements
from prunepack.stages.reporting.built_in_checks import BUILT_IN_LIMITS, DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from prunepack.stages.metrics.files import MetricSet
    from prunepack.stages.metrics.metric import Metric

__all__ = ["evaluate_limits"]

DENSE = ("dense", "dense_onnx")
"""Last part of the names of the dense model's metrics, as in ``size.dense_onnx``."""

MOST_NAMES = 12
"""With more metrics than this, a hint lists groups instead of names."""


def evaluate_limits(
    limits: Iterable[Limit],
    measured: MetricSet,
    baseline: MetricSet | None = None,
    skip: Iterable[str] = (),
    own: Sequence[Limit] = (),
    *,
    relax: bool = False,
) -> list[Check]:
    """Return a check for every limit, and for every metric that a glob matches.

    A limit on one metric overrides a glob, and a later glob overrides an earlier one.

    Args:
        limits: The limits, at most one of each sense per name.
        measured: The metrics.
        baseline: The metrics of an earlier release.
        skip: Globs over the names of metrics that are not checked.
        own: All limits of the user in their order, also those that later ones replace.
        relax: Whether a limit may replace a stricter one.

    Raises:
        UsageError: If limits need metrics that are missing, say nothing about them, or replace
            stricter ones; it lists all of them.
    """
    globs = tuple(skip)
    replacements = Replacements((*BUILT_IN_LIMITS, *own), DEFAULT_LIMITS, relax)
    evaluator = _Evaluator(measured, baseline, replacements)
    checks: list[Check] = []
    wanted = [limit for limit in limits if not matches(limit.name, globs)]
    flaws = [find_measured_flaw(limit, measured.metrics) for limit in wanted]
    problems = [UsageError(flaw) for flaw in flaws if flaw]
    expanded = _expand_globs(wanted, measured.metrics)
    for limit in (limit for limit in expanded if not matches(limit.name, globs)):
        try:
            checks.append(evaluator.make_check(limit))
        except UsageError as problem:
            problems.append(problem)
    _refuse(problems)
    return checks


def _refuse(problems: Sequence[UsageError]) -> None:
    """Raise the only problem, or one error that lists all."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        listing = "".join(f"\n  {problem}" for problem in problems)
        raise UsageError(f"{len(problems)} limits cannot be evaluated:{listing}")


def _expand_globs(limits: list[Limit], metrics: Mapping[str, Metric]) -> list[Limit]:
    """Return a limit for each metric that a glob matches; the glob itself if none does."""
    own = {(limit.name, limit.sense) for limit in limits if not limit.is_glob}
    found: dict[tuple[str, str], Limit] = {}
    for limit in limits:
        names = [name for name in metrics if limit.is_glob and matches(name, (limit.name,))]
        for name in names or [limit.name]:
            if not names or (name, limit.sense) not in own:
                found[name, limit.sense] = replace(limit, name=name)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Evaluator:
    """Finds the metric of a limit, and evaluates the limit to a threshold."""

    measured: MetricSet
    baseline: MetricSet | None
    replacements: Replacements

    def make_check(self, limit: Limit) -> Check:
        metrics = self.measured.metrics
        if limit.name not in metrics:
            what = "matches no metric" if limit.is_glob else "is on a metric that was not measured"
            raise UsageError(f"the limit `{limit}` {what}", hint=_hint(limit.name, metrics))
        threshold, samples = self._threshold(limit), self._samples(limit.name)
        replaces = self.replacements.find_stricter(
            limit, threshold, lambda other: self._threshold(replace(other, name=limit.name))
        )
        by_value = self.replacements.is_default(limit) or self._is_unchanged(limit)
        doubt = find_doubt(limit.name, metrics)
        return Check(limit, metrics[limit.name], threshold, samples, replaces, by_value, doubt)

    def _samples(self, name: str) -> int | None:
        """Return the number of samples of the metric's group: ``accuracy.samples``."""
        found = self.measured.metrics.get(f"{name.partition('.')[0]}.samples")
        return int(found.value) if found is not None and math.isfinite(found.value) else None

    def _threshold(self, limit: Limit) -> float:
        if not limit.reference:
            return limit.constant
        is_baseline = limit.reference == "baseline"
        value = self._from_baseline(limit) if is_baseline else self._from_own(limit)
        threshold = limit.factor * value + limit.constant
        if not math.isfinite(threshold):
            raise UsageError(
                f"the reference of the limit `{limit}` is not a number",
                expected=f"{limit.reference} to be finite",
                found=value,
            )
        return threshold

    def _is_unchanged(self, limit: Limit) -> bool:
        """Return whether the baseline is the same release, whose samples are the same too."""
        if limit.reference != "baseline" or self.baseline is None:
            return False
        here, there = self.measured.digests, self.baseline.digests
        common = here.keys() & there.keys()
        return bool(common) and all(here[name] == there[name] for name in common)

    def _from_own(self, limit: Limit) -> float:
        """Return another metric of the same model, or of the dense one."""
        metrics, group = self.measured.metrics, limit.name.rpartition(".")[0]
        is_dense = limit.reference == "dense"
        names = [f"{group}.{name}" for name in DENSE] if is_dense else [limit.reference]
        found = next((name for name in names if name in metrics), None)
        if found is None:
            raise UsageError(
                f"the limit `{limit}` refers to a metric that was not measured",
                expected=" or ".join(names),
                hint=_hint(names[0], metrics),
            )
        return metrics[found].value

    def _from_baseline(self, limit: Limit) -> float:
        """Return the same metric of the baseline; an absolute time only from the same machine."""
        if self.baseline is None:
            raise UsageError(
                f"the limit `{limit}` needs a baseline",
                hint="Name a report or an artifact with --baseline or in gate.baseline",
            )
        metrics = self.baseline.metrics
        if limit.name not in metrics:
            raise UsageError(
                f"the limit `{limit}` is on a metric that the baseline does not have",
                hint=_hint(limit.name, metrics),
            )
        self._check_same_machine(limit, self.baseline.host)
        return metrics[limit.name].value

    def _check_same_machine(self, limit: Limit, there: str) -> None:
        here = self.measured.host
        is_ratio = self.measured.metrics[limit.name].unit == "×"
        if here != there and matches(limit.name, HOST_DEPENDENT) and not is_ratio:
            raise UsageError(
                f"the limit `{limit}` compares two machines",
                expected=f"a baseline measured on {here or 'the same machine'}",
                found=there or "a baseline without a machine",
                hint="Limit the ratio instead, or measure the baseline here",
            )


def _hint(name: str, metrics: Mapping[str, Metric]) -> str:
    """Name the nearest metric, or list the metrics or their groups."""
    hint = suggest_name(name, metrics)
    if hint.startswith("Choose among") and len(metrics) > MOST_NAMES:
        groups = sorted({known.partition(".")[0] for known in metrics})
        return f"Choose among the groups {', '.join(groups)}"
    return hint
