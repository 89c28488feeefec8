"""Limits that say nothing, looser limits, dead models, and test samples that judge nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prunepack.stages.metrics.metric import Metric, metrics_to_json
from tests.faults.fault import Fault
from tests.faults.lab import build, copy_of, lab, rewrite
from tests.faults.report_faults import replace_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.fault import Command

__all__ = ["FAULTS"]

DATA = """
import numpy as np

found = np.load({digits!r})
images, labels = found["images"], found["labels"]


def data():
    return {{"test": ({images}, {labels})}}
"""
NOTHING = r"accuracy\.drop <= 1, measured .*; undecided: no form may be better than the same answer"
DEAD = r"torch\.constant_outputs <= 0, measured \d outputs"


def _judge(options: Sequence[str], folder: Path) -> Sequence[Command]:
    return [copy_of("lenet", folder).judge(*options)]


def _judge_by_file(text: str, folder: Path) -> Sequence[Command]:
    (folder / "gate.toml").write_text(text)
    return [copy_of("lenet", folder).judge("--gate-file", str(folder / "gate.toml"))]


def _on(images: str, labels: str, folder: Path) -> Sequence[Command]:
    """Judge an honest release on other samples, by the built-in checks alone."""
    release = copy_of("lenet", folder)
    source = folder / "data.py"
    source.write_text(DATA.format(digits=str(lab() / "digits.npz"), images=images, labels=labels))
    rewrite(release / "final/model.json", dataset=f"{source}:data")
    return release.checks()


def _build(model: str, amount: float, folder: Path) -> Sequence[Command]:
    return build(folder / model, model, amount=amount).checks()


def _lose(drop: Metric, folder: Path) -> Sequence[Command]:
    """Let a report say that so much accuracy was lost."""
    release = copy_of("lenet", folder)
    replace_metrics(release / "report/report.json", metrics_to_json({"accuracy.drop": drop}))
    return [release.judge()]


def _limit_fault(limit: str, says: str, *options: str) -> Fault:
    plant = partial(_judge, ("--limits", limit, *options))
    return Fault(f"the limit {limit}", "report", plant, 2, says, found_by="others")


def _file_fault(name: str, text: str) -> Fault:
    plant = partial(_judge_by_file, text)
    return Fault(name, "report", plant, 2, "asks for nothing", found_by="others")


def _data_fault(name: str, images: str = "images", labels: str = "labels") -> Fault:
    return Fault(name, "data", partial(_on, images, labels), 1, NOTHING, found_by="others")


FAULTS = (
    _limit_fault("accuracy.artifact <= 98", "Did you mean `accuracy.artifact >= 98`"),
    _limit_fault("size.ratio <= 8.5", "Did you mean `size.ratio >= 8.5`"),
    _limit_fault("sparsity.layer.* <= 50", "Did you mean `sparsity.layer.* >= 50`"),
    _limit_fault("accuracy.artifact >= 0.98", "Did you mean `accuracy.artifact >= 98`"),
    _limit_fault("sparsity.weights >= 0.49", "Did you mean `sparsity.weights >= 49`"),
    _limit_fault("accuracy.* >= 0.9", "has a fraction for a metric in %"),
    _limit_fault("accuracy.drop <= 500", "is met by any model"),
    _limit_fault("agreement.torch_onnx >= 0", "is met by any model"),
    _limit_fault("latency.batch_1.ratio <= 110", "allows a factor of 110"),
    _limit_fault("size.artifact <= 1.02 x size.artifact", "compares a metric with itself"),
    _limit_fault("accuracy.dense >= dense", "compares a metric with itself"),
    _limit_fault("size.ratio >= size.ratio", "compares a metric with itself"),
    _limit_fault("size.ratio >= 1", "is looser than `size.ratio >= 1.3`"),
    _limit_fault("accuracy.artifact >= 20", "is looser than `accuracy.artifact >= 90`"),
    _limit_fault(
        "torch.inconsistent_values <= 5", "is looser than `torch.inconsistent_values <= 0`"
    ),
    _file_fault("an empty gate file", ""),
    _file_fault("a gate file of comments", '# limits = ["size.ratio >= 8.5"]\n'),
    _file_fault("a gate file with an empty list", "limits = []\n"),
    _data_fault("labels off by one", labels="(labels + 1) % 10"),
    _data_fault("labels of other samples, without a limit", labels="np.roll(labels, 7)"),
    _data_fault("blank images", "np.zeros_like(images)"),
    _data_fault("a test set of one class", "images[labels == 3]", "labels[labels == 3]"),
    Fault(
        "every weight pruned", "model", partial(_build, "lenet", 1.0), 1, DEAD, found_by="others"
    ),
    Fault(
        "a layer without weights",
        "model",
        partial(_build, "heads", 0.9),
        1,
        DEAD,
        found_by="others",
    ),
    Fault(
        "every weight and row pruned",
        "model",
        partial(_build, "mixed", 1.0),
        1,
        DEAD,
        found_by="others",
    ),
    Fault(
        "accuracy lost without a limit",
        "model",
        partial(_build, "lenet", 0.96),
        1,
        r"accuracy\.drop <= 1, measured \d+",
        found_by="others",
    ),
    Fault(
        "a third of the accuracy lost, without a limit",
        "report",
        partial(_lose, Metric(34.6, "points", 33.7, 35.5)),
        1,
        r"accuracy\.drop <= 1, measured 34\.6 points",
        found_by="others",
    ),
    Fault(
        "two points lost on few samples, without a limit",
        "report",
        partial(_lose, Metric(2, "points", 0.4, 3.6)),
        1,
        r"accuracy\.drop <= 1, measured 2 points .* leave it undecided",
        found_by="others",
    ),
)
