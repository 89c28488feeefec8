"""Faults of the samples that a release is judged on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.faults.fault import Fault
from tests.faults.lab import LIMITS, build, copy_of, lab, rewrite

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.fault import Command

__all__ = ["FAULTS"]

ACCURATE = LIMITS[-1]


def _on(data: str, folder: Path, limit: str = ACCURATE) -> Sequence[Command]:
    """Judge an honest release on other samples."""
    release = copy_of("lenet", folder)
    rewrite(release / "final/model.json", dataset=f"{lab() / 'networks.py'}:{data}")
    return release.checks(limit)


def _pruned_too_far(folder: Path) -> Sequence[Command]:
    release = build(folder / "lenet", "lenet", amount=0.97)
    return release.checks("accuracy.drop <= 0.5")


FAULTS = (
    Fault(
        "a data set without samples",
        "data",
        partial(_on, "no_digits"),
        4,
        "no_digits has no test samples",
    ),
    Fault(
        "too few samples to tell",
        "data",
        partial(_on, "few_digits", limit="accuracy.drop <= 0.5"),
        1,
        r"accuracy\.drop <= 0\.5, measured .*; 8 samples leave it undecided",
    ),
    Fault(
        "labels in another order of classes",
        "data",
        partial(_on, "other_order"),
        1,
        r"accuracy\.artifact >= 90, measured \d+\.?\d* % .*these are its labels",
    ),
    Fault(
        "labels shuffled",
        "data",
        partial(_on, "shuffled"),
        1,
        r"accuracy\.artifact >= 90, measured \d+\.?\d* % .*these are its labels",
    ),
    Fault("labels that count from 1", "data", partial(_on, "from_one"), 4, "found 1 to 10"),
    Fault(
        "images that lie the other way round",
        "data",
        partial(_on, "upside_down"),
        1,
        r"accuracy\.artifact >= 90, measured \d+\.?\d* %",
    ),
    Fault(
        "accuracy lost to too much pruning",
        "data",
        _pruned_too_far,
        1,
        r"accuracy\.drop <= 0\.5, measured \d+",
    ),
)
