"""Result of a run: a table of its stages, its files, its verdict, and one sentence in summary."""

from __future__ import annotations

from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Any

from prunepack.pipeline.cli.console import color_text, format_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prunepack.pipeline.execution import RunResult

__all__ = ["format_run", "run_to_json"]


def format_run(result: RunResult) -> str:
    """Return the result as text."""
    rows = [
        (
            event.stage,
            "reused" if event.reused else "built",
            f"{event.seconds:.2f}",
            str(event.facts["summary"]),
        )
        for event in result.run.events
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
        "run": result.run.number,
        "name": result.run.name,
        "recipe": result.run.recipe,
        "stages": [event.model_dump(mode="json", include=fields) for event in result.run.events],
        "files": {path.name: str(path) for path in result.published},
        "verdict": None if result.report is None else result.report["verdict"],
        "summary": summarize_run(result),
    }


def summarize_run(result: RunResult) -> str:
    """Return one sentence: size, accuracy with its limit, speed, the report, the duration."""
    parts = list(_describe_release(result.report)) if result.report is not None else []
    reports = [path for path in result.published if path.name == "report.html"]
    parts += [f"report in {path}" for path in reports]
    if result.report is None and result.run.events:
        last = result.run.events[-1]
        parts.append(f"stopped after {last.stage}, whose result is {last.path}")
    parts.append(f"{result.seconds:.1f} s in all")
    return f"{result.run.recipe}, run {result.run.number}: {', '.join(parts)}"


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
            sparse = _value(report, name.replace("latency.", "latency.sparse.", 1))
            kernels = "" if sparse is None else f" ({sparse:.3g} times on sparse kernels)"
            yield f"{ratio:.3g} times the latency of the dense model at batch size {batch}{kernels}"


def _value(report: Mapping[str, Any], name: str) -> float | None:
    """Return the value of a metric; None if it is missing or not finite."""
    value = report["metrics"].get(name, {}).get("value")
    return value if isinstance(value, int | float) and isfinite(value) else None


def _format_verdict(report: Mapping[str, Any]) -> str:
    """Return the verdict with every check that did not pass."""
    color = "green" if report["verdict"] == "passed" else "red"
    reasons = [f"  {check['reason']}" for check in report["checks"] if check["outcome"] != "passed"]
    return "\n".join([color_text(f"Verdict: {report['summary']}", color), *reasons])
