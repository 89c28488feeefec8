"""Judge what was measured by the limits, and report it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from prunepack.errors import RefusedError
from stages.artifacts import Measurements, Parity, Verdict, read_json
from stages.contract import Config, Facts, stage
from stages.limits import LimitText, checks_of, merged
from stages.metrics import Metric, Metrics, metrics_from_json
from stages.report import FORMAT, Report, write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["GateConfig", "gate", "judge", "limits_in", "read_figures"]


class GateConfig(Config):
    """What the measured figures may be."""

    limits: tuple[LimitText, ...] = Field(
        (), description="Limits beside those that always hold: 'size.ratio >= 8.5'."
    )
    skip: tuple[str, ...] = Field(
        (), description="Figures that are not to be judged, as globs: 'latency.*'."
    )


@stage(produces=Verdict)
def gate(config: GateConfig, out: Path, parity: Parity, measurements: Measurements) -> Facts:
    """Hold every limit against its figure and write the report in its three forms."""
    sources = [parity.path / "parity.json", measurements.path / "measurements.json"]
    report = judge(config, sources)
    write_report(report, out)
    failed = [check.limit.name for check in report.checks if not check.passed]
    count = len(failed) if failed else len(report.checks)
    summary = f"{report.verdict}: {count} of {len(report.checks)} checks"
    if failed:
        summary += f", {', '.join(failed)}"
    return {"summary": summary, "exit_code": report.exit_code}


def judge(config: GateConfig, sources: Sequence[Path]) -> Report:
    """Hold the limits of ``config`` against the figures in ``sources``.

    Raises:
        RefusedError: If a source cannot be read, or two speak of different models.
        UsageError: If a limit names a figure that none of them has.
    """
    metrics: Metrics = {}
    digests: dict[str, str] = {}
    host = ""
    for source in sources:
        found, content = read_figures(source)
        for name, digest in content.get("digests", {}).items():
            if digests.setdefault(name, digest) != digest:
                raise RefusedError(
                    f"{source} is of another model than {sources[0]}",
                    expected=f"{name} {digests[name][:12]}…",
                    found=f"{digest[:12]}…",
                    do="Verify and measure the same artifact.",
                )
        metrics |= found
        host = content.get("host", host)
    checks = checks_of(merged(config.limits, config.skip), metrics)
    return Report(tuple(checks), metrics, digests, host)


def read_figures(source: Path) -> tuple[dict[str, Metric], dict[str, Any]]:
    """Return the metrics in a file of verify, measure or gate, and all of its content.

    Raises:
        RefusedError: If it is not one, or of a format that this version does not know.
    """
    content = read_json(source)
    digests = content.get("digests", {})
    if content.get("format", FORMAT) != FORMAT:
        raise RefusedError(
            f"{source}", expected=f"report format {FORMAT}", found=str(content["format"])
        )
    if not isinstance(digests, dict) or any(not isinstance(d, str) for d in digests.values()):
        raise RefusedError(
            f"{source}: digests", expected="a SHA-256 for each file", found=repr(digests)[:60]
        )
    return metrics_from_json(content.get("metrics"), source), content


def limits_in(source: Path) -> list[str]:
    """Return the limits that a report was judged by; none for a file of verify or measure.

    Raises:
        RefusedError: If the file is none of these.
    """
    try:
        return [check["limit"] for check in read_figures(source)[1].get("checks", ())]
    except (KeyError, TypeError) as error:
        raise RefusedError(f"{source} is no report", found=str(error)) from None
