"""Faults of reports that are read: two meanings, impossible values, reports that disagree."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from prunepack.stages.metrics.metric import Metric, metrics_to_json
from tests.faults.fault import Fault
from tests.faults.lab import copy_of, rewrite
from tests.faults.report_faults import replace_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.faults.fault import Command

__all__ = ["FAULTS"]

IMPOSSIBLE = r"the metric `{}` in .*report\.json` has a value that no measurement gives"


def _metric(name: str, metric: Metric, folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    replace_metrics(release / "report/report.json", metrics_to_json({name: metric}))
    return [release.judge()]


def _text(change: Callable[[str], str], folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    report = release / "report/report.json"
    report.write_text(change(report.read_text()))
    return [release.judge()]


def _repeat_metric(text: str) -> str:
    """Write a metric a second time, with a better value."""
    old = json.loads(text)["metrics"]["size.ratio"]
    return text.replace('"metrics": {', '"metrics": {"size.ratio": ' + json.dumps(old) + ",", 1)


def _second_metrics(text: str) -> str:
    return text.rstrip()[:-1] + ',"metrics": {}}'


def _second_verdict(text: str) -> str:
    return '{"verdict": "passed",' + text.lstrip()[1:]


def _second_report(folder: Path, **changes: Any) -> Sequence[Command]:
    """Judge a report together with one that says something else."""
    release = copy_of("lenet", folder)
    other = release / "better/report.json"
    other.parent.mkdir()
    other.write_bytes((release / "report/report.json").read_bytes())
    if metrics := changes.pop("metrics", None):
        replace_metrics(other, metrics_to_json(metrics))
    rewrite(other, **changes)
    return [["gate", str(release / "report"), str(other)]]


def _baseline(folder: Path, names: str, *, own: bool = False) -> Sequence[Command]:
    """Judge with a baseline whose layers and outputs have other names, or with the report."""
    release = copy_of("lenet", folder)
    earlier = release / "earlier.json"
    text = (release / "report/report.json").read_text()
    earlier.write_text(
        text.replace("sparsity.layer.", f"sparsity.layer.{names}").replace(
            ".outputs.output.", f".outputs.{names}."
        )
    )
    path = release / "report" if own else earlier
    return [release.judge("--baseline", str(path), "--limits", "size.artifact <= baseline")]


def _other_artifact(folder: Path) -> Sequence[Command]:
    """Judge with the artifact of another model as the baseline."""
    other = copy_of("heads", folder / "other").packed
    limit = ("--limits", "size.artifact <= baseline")
    return [copy_of("lenet", folder).judge("--baseline", str(other), *limit)]


def _linked_baseline(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    (release / "earlier.json").symlink_to(release / "report/report.json")
    return [release.judge("--baseline", str(release / "earlier.json"))]


def _pipe(folder: Path) -> Sequence[Command]:
    report = copy_of("lenet", folder) / "report/report.json"
    report.unlink()
    os.mkfifo(report)
    return [["gate", str(report)]]


def _fault(name: str, plant: Callable[[Path], Sequence[Command]], says: str) -> Fault:
    return Fault(name, "report", plant, 4, says, found_by="others")


FAULTS = (
    *(
        _fault(
            f"a report with {what}",
            partial(_metric, name, metric),
            IMPOSSIBLE.format(name.replace(".", r"\.")),
        )
        for what, name, metric in (
            ("a size of -5 bytes", "size.artifact", Metric(-5, "bytes")),
            ("an accuracy of 250 %", "accuracy.artifact", Metric(250, "%", 249, 251)),
            ("a value outside its interval", "accuracy.artifact", Metric(99.9, "%", 90, 91)),
            (
                "-1 values beyond the tolerance",
                "parity.session.differing_values",
                Metric(-1, "values"),
            ),
        )
    ),
    *(
        _fault(
            f"a report with {what} twice", partial(_text, change), f"the key `{key}` twice in one"
        )
        for what, key, change in (
            ("a metric", "size.ratio", _repeat_metric),
            ("its metrics", "metrics", _second_metrics),
            ("its verdict", "verdict", _second_verdict),
        )
    ),
    _fault(
        "a second report with a better accuracy",
        partial(_second_report, metrics={"accuracy.artifact": Metric(100, "%", 99, 100)}),
        r"better/report\.json` and .* disagree on the metric `accuracy\.artifact`",
    ),
    _fault(
        "a second report with a wider interval",
        partial(_second_report, metrics={"accuracy.drop": Metric(0, "points", -100, 100)}),
        r"better/report\.json` and .* disagree on the metric `accuracy\.drop`",
    ),
    _fault(
        "a second report of another machine",
        partial(_second_report, host="a faster machine"),
        r"better/report\.json` and .* have times of two machines",
    ),
    _fault(
        "a baseline of another model",
        partial(_baseline, names="encoder"),
        r"earlier\.json` is of another model: expected a layer or an output",
    ),
    _fault(
        "the artifact of another model as the baseline",
        _other_artifact,
        r"\.prunepack` is of another model: expected a layer or an output",
    ),
    Fault(
        "a report as its own baseline",
        "report",
        partial(_baseline, names="", own=True),
        2,
        "is the report that is judged",
        found_by="others",
    ),
    Fault(
        "a link to a report as its baseline",
        "report",
        _linked_baseline,
        2,
        "is the report that is judged",
        found_by="others",
    ),
    _fault("a pipe in the place of a report", _pipe, "it is not a regular file"),
)
