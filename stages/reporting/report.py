"""The report: metrics, checks and verdict as one model, which is also its JSON and its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from prunepack.stages.details.records import Details
from prunepack.stages.metrics.files import FORMAT
from prunepack.stages.metrics.limits import Limit, Outcome
from prunepack.stages.metrics.metric import Metric, Number
from prunepack.stages.metrics.quality import describe_quality
from prunepack.stages.reporting.built_in_checks import find_hint
from prunepack.stages.reporting.settings import GateSettings
from prunepack.stages.reporting.wording import describe_result, summarize_verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prunepack.stages.metrics.limits import Check

__all__ = ["CheckResult", "Note", "Provenance", "Report", "VerdictWord", "make_report", "to_json"]

VerdictWord = Literal["passed", "failed", "undecided", "nothing was checked"]

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Digests = dict[str, Sha256]

PUBLISHED_FIELDS = {"provenance", "notes", "files"}
"""Fields that only a report has that a run publishes."""

EXIT_CODES: dict[VerdictWord, Literal[0, 1, 5]] = {
    "passed": 0,
    "failed": 1,
    "undecided": 1,
    "nothing was checked": 5,
}


class Record(BaseModel):
    """Base of all parts of a report: frozen, without undeclared fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class CheckResult(Record):
    """One metric compared with one limit."""

    name: str = Field(description="Name of the metric.")
    limit: Limit = Field(description="The limit, as text that a recipe can hold.")
    threshold: float = Field(description="The number that the limit evaluates to.")
    outcome: Outcome = Field(description="The result of the comparison.")
    passed: bool = Field(description="Whether the check lets the release pass.")
    samples_needed: int | None = Field(
        ge=1, description="Samples that would decide if the value stays the same."
    )
    reason: str = Field(description="The limit and the measured value.")
    hint: str | None = Field(description="The remedy if a built-in check did not pass.")
    value: Number
    unit: str
    low: Number | None = Field(description="Lower end of the 95 % interval.")
    high: Number | None = Field(description="Upper end of the 95 % interval.")
    note: str = Field(description="Where and when it was measured.")
    replaces: Limit | None = Field(None, description="The stricter limit that this one replaces.")

    @property
    def metric(self) -> Metric:
        """The metric."""
        return Metric(self.value, self.unit, self.low, self.high, self.note)

    @property
    def result(self) -> str:
        """The reason without the limit."""
        return self.reason.removeprefix(f"{self.limit}, ")


class RecipeRecord(Record):
    """The recipe of a run."""

    name: str
    sha256: Sha256 = Field(description="Over the configs of all stages.")


class StageRecord(Record):
    """One stage of a run, in digests and versions."""

    stage: str
    key: Sha256 = Field(description="Over everything that can change the result.")
    result: Sha256 = Field(description="Over names and contents of the files of the result.")
    inputs: Digests = Field(description="The results that the stage read.")
    config: Sha256
    code: Sha256 = Field(description="Over the code closure of the stage.")
    user: Sha256 = Field(description="Over the user's code and files that the stage can read.")
    tools: dict[str, str] = Field(description="Versions by name.")


class Provenance(Record):
    """The run that a release comes from."""

    recipe: RecipeRecord
    stages: tuple[StageRecord, ...] = Field(min_length=1)


class Note(Record):
    """An assumption that a stage made."""

    stage: str
    text: str


def _consistent(schema: dict[str, Any]) -> None:
    """Add to the schema that verdict, exit code and checks agree."""
    passed = {"items": {"properties": {"passed": {"const": True}}}, "minItems": 1}
    stopped = {"contains": {"properties": {"passed": {"const": False}}}}
    rules: dict[VerdictWord, dict[str, Any]] = {
        "passed": passed,
        "failed": stopped,
        "undecided": stopped,
        "nothing was checked": {"maxItems": 0},
    }
    schema["allOf"] = [
        {
            "if": {"properties": {"verdict": {"const": verdict}}},
            "then": {"properties": {"exit_code": {"const": EXIT_CODES[verdict]}, "checks": checks}},
        }
        for verdict, checks in rules.items()
    ]


class Report(Record):
    """Metrics, checks and verdict of a release."""

    model_config = ConfigDict(
        json_schema_extra=_consistent, json_schema_serialization_defaults_required=False
    )

    format: Literal[2]
    verdict: VerdictWord
    exit_code: Literal[0, 1, 5] = Field(
        description="0 passed, 1 failed or undecided, 5 nothing was checked."
    )
    summary: str = Field(description="The verdict and the checks that did not pass, in one line.")
    checks: tuple[CheckResult, ...]
    metrics: dict[str, Metric]
    digests: Digests = Field(description="SHA-256 of each measured file.")
    host: str = Field(description="The machine that times were measured on; empty without times.")
    baseline: Digests | None = Field(description="SHA-256 of the files of the baseline, if any.")
    gate: GateSettings = Field(description="The settings of the gate, as in a recipe.")
    details: Details = Field(
        Details(), description="Layers, rounds, date and versions; no limit uses them."
    )
    provenance: Provenance | None = Field(
        None, description="The run of the release; only in a report that a run publishes."
    )
    notes: tuple[Note, ...] = Field(
        (), description="Assumptions that stages made; only in a report that a run publishes."
    )
    files: Digests | None = Field(
        None, description="SHA-256 of each file that a run publishes with its report."
    )

    @property
    def quality(self) -> str:
        """The reason why the verdict says nothing about accuracy; empty if it does."""
        names = [check.name for check in self.checks]
        return describe_quality(self.metrics, names) if names else ""

    @property
    def not_passed(self) -> tuple[CheckResult, ...]:
        """The checks that did not pass, failed ones first."""
        found = [check for check in self.checks if check.outcome != "passed"]
        return tuple(sorted(found, key=lambda check: check.outcome != "failed"))


def make_report(
    checks: Iterable[Check],
    metrics: Mapping[str, Metric],
    digests: Mapping[str, str],
    host: str,
    gate: GateSettings,
    baseline: Mapping[str, str] | None = None,
    details: Details | None = None,
) -> Report:
    """Return the report on ``checks``, with the verdict that follows from them.

    A release without checks does not pass, and an undecided check passes only if ``gate`` says so.
    """
    results = tuple(_make_result(check, gate) for check in checks)
    verdict = _find_verdict(results)
    names = [result.name for result in results]
    return Report(
        format=FORMAT,
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
        summary=summarize_verdict(verdict, results, describe_quality(metrics, names)),
        checks=results,
        metrics=dict(metrics),
        digests=dict(digests),
        host=host,
        baseline=None if baseline is None else dict(baseline),
        gate=gate,
        details=details or Details(),
    )


def _make_result(check: Check, gate: GateSettings) -> CheckResult:
    outcome, metric = check.outcome, check.metric
    may_pass = check.is_tolerated or gate.undecided == "pass"
    return CheckResult(
        name=check.limit.name,
        limit=check.limit,
        threshold=check.threshold,
        outcome=outcome,
        passed=outcome == "passed" or (outcome == "undecided" and may_pass),
        samples_needed=check.samples_needed,
        reason=f"{check.limit}, {describe_result(check)}",
        hint=None if outcome == "passed" else find_hint(check.limit.name),
        value=metric.value,
        unit=metric.unit,
        low=metric.low,
        high=metric.high,
        note=metric.note,
        replaces=check.replaces,
    )


def _find_verdict(results: tuple[CheckResult, ...]) -> VerdictWord:
    if not results:
        return "nothing was checked"
    stopping = {result.outcome for result in results if not result.passed}
    if "failed" in stopping:
        return "failed"
    return "undecided" if stopping else "passed"


def to_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON values; ``report.schema.json`` describes them."""
    is_published = report.provenance is not None
    return report.model_dump(mode="json", exclude=None if is_published else PUBLISHED_FIELDS)
