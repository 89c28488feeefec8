"""Stage ``gate``: compare metrics with limits and write the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError, field_validator

from prunepack.errors import RefusedError
from prunepack.stages.contract.outputs import MetricsOutput, Verdict
from prunepack.stages.contract.progress import remark
from prunepack.stages.contract.stage import Facts, stage
from prunepack.stages.contract.user_code import InputFile
from prunepack.stages.details.reading import read_details
from prunepack.stages.metrics.files import MetricSet, collect_metrics, read_metrics
from prunepack.stages.metrics.flaws import find_flaws
from prunepack.stages.metrics.limits import Limit
from prunepack.stages.profiling.operators import count_refused
from prunepack.stages.reporting.baseline import find_baseline
from prunepack.stages.reporting.built_in_checks import merge_limits
from prunepack.stages.reporting.checks import evaluate_limits
from prunepack.stages.reporting.report import Report, make_report
from prunepack.stages.reporting.settings import GateSettings
from prunepack.stages.reporting.writers import write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["GateConfig", "gate", "judge", "read_gate_config"]

QUALITY = ("similarity.", "accuracy.", "agreement.", "metric.")
"""Beginnings of the names of metrics on the answers of a model."""

NO_OTHER_OPERATORS = Limit.parse("graph.refused_operators <= 0")


class GateConfig(GateSettings):
    """Limits of the gate, and the baseline that they refer to."""

    baseline: InputFile | None = Field(
        None, description="Report or artifact of an earlier release that limits refer to."
    )

    @field_validator("limits")
    @classmethod
    def _say_something(cls, limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
        if flaws := find_flaws(limits):
            raise ValueError("; ".join(flaws))
        return limits


@stage(produces=Verdict, tools=("jinja2",))
def gate(
    config: GateConfig,
    out: Path,
    parity: MetricsOutput,
    measurements: MetricsOutput | None = None,
    *more: MetricsOutput,
) -> Facts:
    """Compare every limit with its metric and write the report in each format."""
    outputs = (parity, measurements, *more)
    report = judge(config, [output.file for output in outputs if output is not None])
    write_report(report, out)
    return {"summary": report.summary, "exit_code": report.exit_code}


def judge(config: GateConfig, sources: Sequence[Path]) -> Report:
    """Compare the limits of ``config`` with the metrics in ``sources``.

    Raises:
        RefusedError: If a source or the baseline cannot be read, or two sources are about
            different models.
        UsageError: If a limit needs a metric that is missing.
    """
    measured = collect_metrics(sources)
    details = read_details(measured.content)
    baseline = find_baseline(config.baseline, sources, measured)
    limits = [*config.limits, *([NO_OTHER_OPERATORS] if config.operators else [])]
    if "similarity.samples" in measured.metrics and "accuracy.drop" not in measured.metrics:
        _remark_missing_limit(limits)
    refused = count_refused(
        measured.metrics, config.operators, config.domains, config.random_operators
    )
    measured = MetricSet(measured.metrics | refused, measured.digests, measured.host)
    checks = evaluate_limits(
        merge_limits(limits, measured.metrics),
        measured,
        baseline,
        config.skip,
        limits,
        relax=config.relax,
    )
    return make_report(
        checks,
        measured.metrics,
        measured.digests,
        measured.host,
        GateSettings.model_validate(config.model_dump(exclude={"baseline"})),
        None if baseline is None else baseline.digests,
        details,
    )


def _remark_missing_limit(limits: Sequence[Limit]) -> None:
    """Warn if no limit is on the answers of a model, only on its size or its speed."""
    if not any(limit.name.startswith(QUALITY) for limit in limits):
        remark(
            "no limit on the similarity or the accuracy of the pruned model, so that any model of "
            "the same interface passes; set one, such as similarity.mean_cosine >= 0.9"
        )


def read_gate_config(source: Path) -> GateConfig:
    """Return the limits and operators in a report; none from a file of verify or measure.

    Exemptions (``skip``, ``undecided``, ``domains``, ``random_operators``) are not taken over:
    whoever judges again must state them again.

    Raises:
        RefusedError: If the file is malformed.
    """
    settings = read_metrics(source).content.get("gate", {})
    try:
        given = {name: settings[name] for name in ("limits", "operators") if name in settings}
        return GateConfig.model_validate(given)
    except (TypeError, ValidationError) as error:
        raise RefusedError(
            f"the gate's settings in `{source}` are malformed",
            expected="a table with limits and operators",
            found=str(error).splitlines()[0],
        ) from None
