"""TensorBoard: scalars and the report of a run as event files."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import UsageError
from prunepack.pipeline.observers.observer import RunObserver

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from prunepack.stages.metrics.metric import Metric

__all__ = ["TensorboardObserver", "clean_folder_name"]

FORBIDDEN = re.compile(r"[^\w\-. ]")
"""Characters that a folder of event files does not have."""

LONGEST = 200
"""Bytes of the name of a folder; file systems take up to 255."""


class TensorboardObserver(RunObserver):
    """One folder of event files per run: ``FOLDER/RECIPE/TIME`` or ``FOLDER/RECIPE/NAME``.

    Args:
        folder: The folder for ``tensorboard --logdir``.

    Raises:
        UsageError: If TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.summary import Writer
        except ImportError as error:
            raise UsageError(
                f"tensorboard cannot be imported ({error})", hint="Install `prunepack[tensorboard]`"
            ) from error
        self._folder, self._open = folder, Writer
        self._writer: Any = None
        self._calls: Counter[str] = Counter()

    def start_run(self, recipe: str, name: str, settings: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Open the event file."""
        started = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
        label = f"{clean_folder_name(name)} {started}" if name else started
        target = self._folder / clean_folder_name(recipe) / label
        self._writer = self._open(str(target))

    def finish_stage(
        self, stage: str, facts: Mapping[str, Any], *, seconds: float, reused: bool
    ) -> None:
        """Write the numbers of a stage; the step is its round."""
        step = self._calls[stage]
        self._calls[stage] += 1
        numbers = {f"{stage}/{name}": fact for name, fact in facts.items()}
        self._write(numbers if reused else numbers | {f"{stage}/seconds": seconds}, step)

    def finish_run(
        self,
        verdict: str,
        metrics: Mapping[str, Metric],
        files: Sequence[Path],  # noqa: ARG002
    ) -> None:
        """Write the metrics, and close the file."""
        numbers = {f"metrics/{name}": metric.value for name, metric in metrics.items()}
        passed = {} if not verdict else {"metrics/passed": float(verdict == "passed")}
        self._write(numbers | passed, 0)
        self._close()

    def fail_run(self, error: BaseException) -> None:  # noqa: ARG002
        """Close the file."""
        self._close()

    def _write(self, numbers: Mapping[str, Any], step: int) -> None:
        for name, value in numbers.items():
            if isinstance(value, int | float) and math.isfinite(value):
                self._writer.add_scalar(name, np.float32(value), step)
        self._writer.flush()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def clean_folder_name(name: str) -> str:
    """Return a name as that of one folder, which is neither hidden nor a parent of others."""
    plain = FORBIDDEN.sub("_", name)
    visible = f"_{plain[1:]}" if not plain or plain[0] in ". " else plain
    return visible.encode()[:LONGEST].decode(errors="ignore")
