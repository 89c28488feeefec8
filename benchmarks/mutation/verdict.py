"""The verdict of the real commands on a mutant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.mutation.data import SOURCE
from tests.faults.commands import run, run_all
from tests.faults.honest_edits import forget_export
from tests.faults.lab import copy_of, rewrite

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from tests.faults.fault import Outcome
    from tests.faults.lab import Release

    Array = npt.NDArray[Any]

__all__ = ["ACCURACY", "Verdict", "judge_data", "judge_model"]

ACCURACY = 97.0
"""Lowest accuracy that a release allows, in percent; the model has 98 % on these digits."""

OURS = 3
"""Exit code of an error in prunepack itself, which catches nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one mutant.

    Attributes:
        caught: Whether a command did not pass, and not by an error of its own.
        code: The exit code.
        checks: The checks that failed or are undecided, or the command that refused the model.
    """

    caught: bool
    code: int
    checks: tuple[str, ...]


def judge_model(network: str, model: bytes, folder: Path, *, recorded: bool) -> Verdict:
    """Judge a release whose exported file is ``model``, perhaps without a record of its export."""
    release = copy_of(network, folder)
    release.model.write_bytes(model)
    if not recorded:
        forget_export(release.model)
    packed = run(["pack", str(release / "onnx"), "-o", str(release.packed), "--force"])
    return _read(packed) if packed.code else _judge(release)


def judge_data(images: Array, labels: Array, function: str, folder: Path) -> Verdict:
    """Judge a release of LeNet on other samples."""
    release = copy_of("lenet", folder)
    (folder / "changed.py").write_text(SOURCE)
    np.savez(folder / "changed.npz", allow_pickle=False, images=images, labels=labels)
    rewrite(release / "final/model.json", dataset=f"{folder / 'changed.py'}:{function}")
    return _judge(release, "--limits", f"accuracy.artifact >= {ACCURACY:g}")


def _judge(release: Release, *limits: str) -> Verdict:
    return _read(run_all([release.verify(), release.gate(*limits)]))


def _read(outcome: Outcome) -> Verdict:
    pattern = r"^(?:FAILED|undecided)\s+([\w.]+) "
    checks = tuple(dict.fromkeys(re.findall(pattern, outcome.text, re.MULTILINE)))
    refused = (f"prunepack {outcome.command}",) if outcome.code and not checks else ()
    return Verdict(outcome.code not in {0, OURS}, outcome.code, checks or refused)
