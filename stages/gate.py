"""Judge what was measured by the limits, and report it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError

from prunepack.errors import RefusedError
from prunepack.stages.contract.outputs import Measurements, ParityResult, Verdict
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.contract.user_code import InputFile
from prunepack.stages.metrics.files import MetricSet, collect_metrics, read_metrics
from prunepack.stages.metrics.limits import LimitText, merge_limits
from prunepack.stages.profiling.operators import count_refused
from prunepack.stages.reporting.baseline import open_baseline
from prunepack.stages.reporting.checks import evaluate_limits
from prunepack.stages.reporting.report import Report
from prunepack.stages.reporting.writers import write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["GateConfig", "gate", "judge", "read_gate_config"]


class GateConfig(Config):
    """What the measured figures may be."""

    limits: tuple[LimitText, ...] = Field(
        (),
        description="Limits beside those that always hold: 'size.ratio >= 8.5', or relative: "
        "'size.artifact <= 1.02 x baseline'.",
    )
    skip: tuple[str, ...] = Field(
        (), description="Figures that are not to be judged, as globs: 'latency.*'."
    )
    undecided: Literal["fail", "pass"] = Field(
        "fail", description="What a check comes to that has too few samples to tell."
    )
    operators: tuple[str, ...] = Field(
        (), description="Operators that the model may have, as globs: 'Conv'; none means all."
    )
    domains: tuple[str, ...] = Field(
        (), description="Domains that it may need beside those of ONNX, as globs: 'com.microsoft'."
    )
    baseline: InputFile | None = Field(
        None, description="Report or artifact of an earlier release that limits are relative to."
    )


@stage(produces=Verdict)
def gate(config: GateConfig, out: Path, parity: ParityResult, measurements: Measurements) -> Facts:
    """Hold every limit against its figure and write the report in each of its forms."""
    sources = [parity.path / "parity.json", measurements.path / "measurements.json"]
    report = judge(config, sources)
    write_report(report, out)
    return {"summary": report.summary, "exit_code": report.exit_code}


def judge(config: GateConfig, sources: Sequence[Path]) -> Report:
    """Hold the limits of ``config`` against the figures in ``sources``.

    Raises:
        RefusedError: If a source or the baseline cannot be read, or two sources speak of different
            models.
        UsageError: If a limit is on a figure, or relative to one, that is not there.
    """
    measured = collect_metrics(sources)
    baseline = None if config.baseline is None else open_baseline(config.baseline)
    limits = [*config.limits, *(["graph.refused_operators <= 0"] if config.operators else [])]
    metrics = measured.metrics | count_refused(measured.metrics, config.operators, config.domains)
    figures = MetricSet(metrics, measured.digests, measured.host)
    checks = evaluate_limits(merge_limits(limits), figures, baseline, config.skip)
    return Report(
        checks=tuple(checks),
        metrics=metrics,
        digests=measured.digests,
        host=measured.host,
        baseline=None if baseline is None else baseline.digests,
        budgets=config.model_dump(mode="json", exclude={"baseline"}),
        lenient=config.undecided == "pass",
    )


def read_gate_config(source: Path) -> GateConfig:
    """Return what a report was held to: its limits and its operators.

    What it was let off, which is ``skip``, ``undecided`` and ``domains``, is not among it: who
    judges again has to say that again. A file of verify or measure was held to nothing.

    Raises:
        RefusedError: If the file is none of these.
    """
    budgets = read_metrics(source).content.get("budgets", {})
    try:
        given = {name: budgets[name] for name in ("limits", "operators") if name in budgets}
        return GateConfig.model_validate(given)
    except (TypeError, ValidationError) as error:
        found = str(error).splitlines()[0]
        raise RefusedError(
            f"{source} is no report", expected="budgets with limits and operators", found=found
        ) from None
