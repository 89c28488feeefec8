"""Test samples that are repeated, trained on or drawn anew, and metrics that read no output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.fault import Fault
from tests.faults.lab import copy_of, lab, rewrite

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.fault import Command

__all__ = ["FAULTS"]

CODE = """
import numpy as np

found = np.load({digits!r})
images, labels = found["images"], found["labels"]
drawn = np.random.default_rng()


def take(chosen):
    return images[chosen], labels[chosen]


def data():
    return {{"test": {test}, "train": {train}}}


def score(outputs, labels):
    return {score}
"""
APART = "take(slice(200, 300))"
TRAINED = r"data\.test_in_train <= 10, measured \d+\.?\d* %"
CHANGED = r"data\.changed_samples <= 0, measured \d+\.?\d* %"
REPEATED = r"accuracy\.drop <= 4, measured .*; 20 samples leave it undecided"
BLIND = r"metric\.artifact >= 0\.2, measured .*; undecided: the metric gave the same scores"


def _plant(
    folder: Path, *limits: str, test: str = "take(slice(200))", train: str = APART, score: str = ""
) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    source = folder / "data.py"
    digits = str(lab() / "digits.npz")
    source.write_text(CODE.format(digits=digits, test=test, train=train, score=score or "labels"))
    rewrite(release / "final/model.json", dataset=f"{source}:data")
    metric = ("--metric", f"{source}:score") if score else ()
    options = [word for limit in limits for word in ("--limits", limit)]
    return [release.verify(*metric), release.gate(*options)]


def _fault(name: str, says: str, *limits: str, **code: str) -> Fault:
    def plant(folder: Path) -> Sequence[Command]:
        return _plant(folder, *limits, **code)

    return Fault(name, "data", plant, 1, says, found_by="others")


FAULTS = (
    _fault("a test set that is the training set", TRAINED, train="take(slice(200))"),
    _fault("a test set that is a part of the training set", TRAINED, train="take(slice(300))"),
    _fault("half of the test set in the training set", TRAINED, train="take(slice(100, 300))"),
    _fault("another random subset at each call", CHANGED, test="take(drawn.permutation(300)[:90])"),
    _fault("samples drawn with replacement", CHANGED, test="take(drawn.integers(0, 300, 200))"),
    _fault(
        "random changes of the samples", CHANGED, test="(images + 1e-3 * drawn.random(), labels)"
    ),
    _fault(
        "20 samples 50 times", REPEATED, "accuracy.drop <= 4", test="take(np.arange(1000) % 20)"
    ),
    _fault(
        "20 samples, each 50 times in a row",
        REPEATED,
        "accuracy.drop <= 4",
        test="take(np.arange(1000) // 50)",
    ),
    _fault(
        "20 samples in any order",
        REPEATED,
        "accuracy.drop <= 4",
        test="take(np.random.default_rng(0).permutation(np.arange(1000) % 20))",
    ),
    _fault("a metric that is 1", BLIND, "metric.artifact >= 0.2", score="np.ones(len(labels))"),
    _fault("a metric of the labels", BLIND, "metric.artifact >= 0.2", score="labels / 9"),
    _fault(
        "a metric of the shape of an output",
        BLIND,
        "metric.artifact >= 0.2",
        score="np.full(len(labels), next(iter(outputs.values())).shape[1])",
    ),
)
