"""Honest releases that differ in whatever is drawn: weights, masks, inputs, samples."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.faults.commands import run_all
from tests.faults.lab import LOADED, build

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RUNS", "judge_honest_release"]

RUNS = 200


def judge_honest_release(number: int, folder: Path) -> str | None:
    """Make release ``number`` and judge it; return what the gate said if it did not pass.

    Every seed is another one, so are the amount of pruning and the number of samples.
    """
    drawn = random.Random(number)
    model = list(LOADED)[number % len(LOADED)]
    release = build(folder / model, model, number, drawn.choice((0.0, 0.3, 0.5, 0.7, 0.9)))
    samples = str(drawn.randint(3, 64))
    few = ("--samples", str(drawn.randint(20, 300))) if model == "lenet" else ()
    options = ("--random-samples", samples, "--seed", str(number), *few)
    done = run_all([release.verify(*options), release.gate()])
    return None if done.code == 0 else done.text
