"""TensorBoard: scalars and the report of a run as event files."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.errors import UsageError
from prunepack.pipeline.observers.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from prunepack.stages.metrics.metric import Metric

__all__ = ["TensorboardObserver", "clean_folder_name"]

FORBIDDEN = re.compile(r"[^\w\-. ]")
"""Characters that a folder of event files does not have."""

LONGEST = 200
"""Bytes of the name of a folder; file systems take up to 255."""


class TensorboardObserver(Tracker):
    """One folder of event files per run: ``FOLDER/RECIPE/TIME`` or ``FOLDER/RECIPE/NAME``.

    Args:
        folder: The folder for ``tensorboard --logdir``.

    Raises:
        UsageError: If TensorBoard is not installed.
    """

    fact_name = "{stage}/{fact}"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        try:
            from tensorboard.summary import Writer
        except ImportError as error:
            raise UsageError(
                f"tensorboard cannot be imported ({error})", hint="Install `prunepack[tensorboard]`"
            ) from error
        self._folder, self._open = folder, Writer
        self._writer: Any = None

    def start_run(self, recipe: str, name: str, settings: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Open the event file."""
        started = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
        label = f"{clean_folder_name(name)} {started}" if name else started
        target = self._folder / clean_folder_name(recipe) / label
        self._writer = self._open(str(target))

    def finish_run(
        self,
        verdict: str,
        metrics: Mapping[str, Metric],
        files: Sequence[Path],  # noqa: ARG002
    ) -> None:
        """Write the metrics, and close the file."""
        numbers = {f"metrics/{name}": metric.value for name, metric in metrics.items()}
        passed = {} if not verdict else {"metrics/passed": float(verdict == "passed")}
        self.log(numbers | passed)
        self._close()

    def fail_run(self, error: BaseException) -> None:  # noqa: ARG002
        """Close the file."""
        self._close()

    def write(self, numbers: Mapping[str, float], step: int) -> None:
        """Write scalars."""
        for name, value in numbers.items():
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
