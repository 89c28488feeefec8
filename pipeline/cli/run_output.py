"""Output of a run: its progress, a table of its stages, its files, its verdict, and a summary."""

from __future__ import annotations

from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from prunepack.pipeline.build import count_stages
from prunepack.pipeline.cli.console import color_text, format_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from prunepack.pipeline.cache.history import Event, Recorder
    from prunepack.pipeline.cli.console import Console
    from prunepack.pipeline.plan import Plan

__all__ = ["RunProgress", "RunResult", "format_run", "run_to_json"]


REPEATED = ("prune", "finetune")
"""Stages that run once per round."""


class RunProgress:
    """Messages about the stages of a run, as they start.

    Args:
        console: The console to show the messages on.
        plan: The plan of the run.
        recorder: The record of the finished stages.
    """

    def __init__(self, console: Console, plan: Plan, recorder: Recorder) -> None:
        self._console, self._plan, self._recorder = console, plan, recorder

    def start(self, stage: str, why: str) -> None:
        """Show that ``stage`` starts, and why it is not reused."""
        finished = [event.stage for event in self._recorder.events]
        total = count_stages(self._plan, (*finished, stage))
        rounds = len(self._plan.prune.rounds)
        name = stage
        if stage in REPEATED and rounds > 1:
            name = f"{stage}, round {finished.count(stage) + 1} of {rounds}"
        self._console.message(f"stage {len(finished) + 1} of {total}: {name} … ({why})")

    def finish(self, event: Event) -> None:
        """Record a finished stage, and show the assumptions that it made."""
        self._recorder.add(event)
        for text in event.notes:
            self._console.remark(f"{event.stage}: {text}")


class RunResult(NamedTuple):
    """The end of a run.

    Attributes:
        recipe: The recipe's name.
        events: The finished stages, in order.
        published: The files that the run left for people.
        report: The content of the report; None if the run stopped before the gate.
        seconds: Duration of the run.
    """

    recipe: str
    events: Sequence[Event]
    published: Sequence[Path]
    report: dict[str, Any] | None
    seconds: float


def format_run(result: RunResult) -> str:
    """Return the result as text."""
    rows = [
        (
            event.stage,
            "reused" if event.reused else "built",
            f"{event.seconds:.2f}",
            str(event.facts["summary"]),
        )
        for event in result.events
    ]
    parts = [format_table(("stage", "", "seconds", "result"), rows, right="seconds"), ""]
    parts += [str(path) for path in result.published]
    if result.report is not None:
        parts += ["", _format_verdict(result.report)]
    return "\n".join([*parts, "", summarize_run(result)])


def run_to_json(result: RunResult) -> dict[str, Any]:
    """Return the result as JSON values."""
    fields = {"stage", "reused", "seconds", "digest", "facts", "notes", "why"}
    return {
        "stages": [event.model_dump(mode="json", include=fields) for event in result.events],
        "files": {path.name: str(path) for path in result.published},
        "verdict": None if result.report is None else result.report["verdict"],
        "summary": summarize_run(result),
    }


def summarize_run(result: RunResult) -> str:
    """Return one sentence: size, accuracy with its limit, speed, the report, the duration."""
    parts = list(_describe_release(result.report)) if result.report is not None else []
    reports = [path for path in result.published if path.name == "report.md"]
    parts += [f"report in {path}" for path in reports]
    if result.report is None and result.events:
        parts.append(f"stopped after {result.events[-1].stage}")
    return f"{result.recipe}: {', '.join([*parts, f'{result.seconds:.1f} s in all'])}"


def _describe_release(report: Mapping[str, Any]) -> Iterator[str]:
    size, ratio = _value(report, "size.artifact"), _value(report, "size.ratio")
    if size is not None:
        smaller = "" if ratio is None else f" ({ratio:.3g} times smaller than the dense ONNX file)"
        yield f"{size:,.0f} bytes{smaller}"
    drop = _value(report, "accuracy.drop")
    if drop is not None:
        limits = [check["limit"] for check in report["checks"] if check["name"] == "accuracy.drop"]
        limit = f" (limit: {limits[-1].partition(' ')[2]})" if limits else ""
        yield f"accuracy drop {drop:.3g} points{limit}"
    yield from islice(_describe_latency(report), 1)


def _describe_latency(report: Mapping[str, Any]) -> Iterator[str]:
    for name in report["metrics"]:
        ratio = _value(report, name)
        if ratio is not None and name.startswith("latency.batch_") and name.endswith(".ratio"):
            batch = name.split(".")[1].removeprefix("batch_")
            yield f"{ratio:.3g} times the latency of the dense model at batch size {batch}"


def _value(report: Mapping[str, Any], name: str) -> float | None:
    """Return the value of a metric; None if it is missing or not finite."""
    value = report["metrics"].get(name, {}).get("value")
    return value if isinstance(value, int | float) and isfinite(value) else None


def _format_verdict(report: Mapping[str, Any]) -> str:
    """Return the verdict with every check that did not pass."""
    color = "green" if report["verdict"] == "passed" else "red"
    reasons = [f"  {check['reason']}" for check in report["checks"] if check["outcome"] != "passed"]
    return "\n".join([color_text(f"Verdict: {report['summary']}", color), *reasons])
