"""Faults of reports: stale, edited, or of something else."""

from __future__ import annotations

import json
import math
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

from prunepack.stages.metrics.metric import Metric, metrics_to_json
from tests.faults.artifact_faults import forged
from tests.faults.commands import run
from tests.faults.fault import Fault
from tests.faults.lab import copy_of, released, rewrite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.faults.fault import Command

__all__ = ["FAULTS", "replace_metrics"]


def replace_metrics(path: Path, changed: Mapping[str, Any]) -> None:
    """Replace some metrics in a file; None removes one."""
    found = json.loads(path.read_bytes())["metrics"] | changed
    kept = {name: one for name, one in found.items() if one is not None}
    rewrite(path, metrics=kept)


def _replace_metric(name: str, value: Any, folder: Path) -> Sequence[Command]:
    """Judge a report with another metric in it."""
    release = copy_of("lenet", folder)
    replace_metrics(release / "report/report.json", {name: value})
    return [release.judge()]


def _key(name: str, value: Any, folder: Path) -> Sequence[Command]:
    """Judge a report with another value under one of its keys."""
    release = copy_of("lenet", folder)
    rewrite(release / "report/report.json", **{name: value})
    return [release.judge()]


def _of(value: float, unit: str = "") -> dict[str, Any]:
    return metrics_to_json({"": Metric(value, unit)})[""]


def _stale(folder: Path) -> Sequence[Command]:
    """Pack the model again, changed, after it was judged."""
    release = copy_of("lenet", folder)
    forged(release)
    shutil.copy(release.packed, release / "report")
    return [release.judge()]


def _stale_export(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    shutil.copy(release / "dense_onnx/model.onnx", release / "report")
    return [release.judge()]


def _of_another_artifact(folder: Path) -> Sequence[Command]:
    return [copy_of("lenet", folder).judge("--artifact", str(released("heads").packed))]


def _of_two_models(folder: Path) -> Sequence[Command]:
    mine, other = copy_of("lenet", folder), released("heads")
    return [["gate", str(mine / "parity"), str(other / "measured")]]


def _cut_short(folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    report = release / "report/report.json"
    report.write_bytes(report.read_bytes()[:-100])
    return [release.judge()]


def _edited_to_passed(folder: Path) -> Sequence[Command]:
    """Let a report with a bad metric say that it passed, without its checks."""
    release = copy_of("lenet", folder)
    report = release / "report/report.json"
    replace_metrics(report, {"parity.torch_onnx.beyond_tolerance": _of(7, "values")})
    rewrite(report, verdict="passed", exit_code=0, checks=[], summary="passed: 24 of 24 checks")
    return [release.judge()]


def _exit_code_swallowed(folder: Path) -> Sequence[Command]:
    """Let a job go on after a failed verdict, as ``|| true`` does; judge its report later."""
    release = copy_of("lenet", folder)
    out = release / "verdict"
    failed = run(release.judge("--limits", "size.ratio >= 100", "-o", str(out)))
    assert failed.code == 1
    return [["gate", str(out)]]


PROVEN = "parity.torch_onnx.beyond_tolerance"
FAULTS = (
    Fault(
        "a stale report: the artifact was packed again",
        "report",
        _stale,
        4,
        r"report\.json` does not belong to .*model\.prunepack`: expected",
    ),
    Fault(
        "a stale report: the model was exported again",
        "report",
        _stale_export,
        4,
        r"report\.json` does not belong to .*model\.onnx`: expected",
    ),
    Fault(
        "a report of another artifact",
        "report",
        _of_another_artifact,
        4,
        r"report\.json` does not belong to .*heads.*model\.prunepack`: expected",
    ),
    Fault("metrics of two models", "report", _of_two_models, 4, "is of another model than"),
    Fault(
        "a report without digests", "report", partial(_key, "digests", {}), 4, "does not belong to"
    ),
    Fault("a report cut short", "report", _cut_short, 4, r"report\.json` cannot be read as JSON"),
    Fault(
        "a report of an unknown format",
        "report",
        partial(_key, "format", 3),
        4,
        "expected report format 2",
    ),
    Fault(
        "failed edited to passed, the checks taken out",
        "report",
        _edited_to_passed,
        1,
        rf"{PROVEN} <= 0, measured 7 values",
    ),
    Fault(
        "the exit code of a failed verdict swallowed",
        "report",
        _exit_code_swallowed,
        1,
        r"size\.ratio >= 100, measured",
    ),
    Fault(
        "a metric removed from a report",
        "report",
        partial(_replace_metric, PROVEN, None),
        2,
        rf"{PROVEN} <= 0` is on a metric that was not measured",
    ),
    Fault("no metrics left", "report", partial(_key, "metrics", {}), 2, "was not measured"),
    Fault(
        "nothing compared: no sample",
        "report",
        partial(_replace_metric, "parity.session.samples", _of(0, "samples")),
        1,
        r"parity\.session\.samples >= 1, measured 0 samples",
    ),
    Fault(
        "NaN among the metrics",
        "report",
        partial(_replace_metric, "size.ratio", _of(math.nan, "×")),
        1,
        r"size\.ratio >= 1\.3, measured nan",
    ),
    Fault(
        "a metric that is text",
        "report",
        partial(_replace_metric, "size.ratio", _of(9) | {"value": "fine"}),
        4,
        r"report\.json` holds no metrics: .*'fine'",
    ),
)
