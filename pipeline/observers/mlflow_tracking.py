"""MLflow: parameters, metrics and reports of a run in the tracking store of MLflow."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError
from prunepack.pipeline.observers.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from prunepack.stages.metrics.metric import Metric

__all__ = ["MlflowObserver"]

FORBIDDEN = re.compile(r"[^\w\-. /]")
"""Characters that names in MLflow cannot have."""

LONGEST = 500
"""Characters of a parameter that every tracking server takes."""

MOST = 100
"""Entries of a batch."""

UPLOADED = (".html", ".json", ".md", ".xml")
"""Ends of the names of files that are uploaded: reports, not models."""


class MlflowObserver(Tracker):
    """One run of MLflow per run, in the experiment with the name of the recipe.

    ``MLFLOW_TRACKING_URI`` chooses the store, as for all clients of MLflow.

    Raises:
        UsageError: If MLflow is not installed, or its store cannot be opened.
    """

    fact_name = "stages.{stage}.{fact}"

    def __init__(self) -> None:
        super().__init__()
        try:
            from mlflow.exceptions import MlflowException
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise UsageError(
                f"mlflow cannot be imported ({error})", hint="Install `prunepack[mlflow]`"
            ) from error
        try:
            self._client = MlflowClient()
        except (ImportError, MlflowException, OSError) as error:
            raise UsageError(
                f"the store of MLflow cannot be opened: {str(error).splitlines()[0]}",
                hint="Set MLFLOW_TRACKING_URI to a server or to a database, such as "
                "sqlite:///mlflow.db",
            ) from error
        self._run = ""

    def start_run(self, recipe: str, name: str, settings: Mapping[str, Any]) -> None:
        """Create the run, with the settings as its parameters."""
        from mlflow.entities import Param

        found = self._client.get_experiment_by_name(recipe)
        experiment = found.experiment_id if found else self._client.create_experiment(recipe)
        created = self._client.create_run(experiment, run_name=name or None)
        self._run = created.info.run_id
        params = [Param(clean_name(key), str(value)[:LONGEST]) for key, value in settings.items()]
        for start in range(0, len(params), MOST):
            self._client.log_batch(self._run, params=params[start : start + MOST])

    def finish_run(
        self, verdict: str, metrics: Mapping[str, Metric], files: Sequence[Path]
    ) -> None:
        """Log the metrics and the reports, and end the run."""
        self.log({name: metric.value for name, metric in metrics.items()})
        self._client.set_tag(self._run, "prunepack.verdict", verdict or "none")
        for path in files:
            if path.suffix in UPLOADED:
                self._client.log_artifact(self._run, str(path))
        self._client.set_terminated(self._run, "FINISHED")

    def fail_run(self, error: BaseException) -> None:
        """Tag the run with the error, and end it."""
        if self._run:
            self._client.set_tag(self._run, "prunepack.error", str(error)[:LONGEST])
            is_error = isinstance(error, Exception)
            self._client.set_terminated(self._run, "FAILED" if is_error else "KILLED")

    def write(self, numbers: Mapping[str, float], step: int) -> None:
        """Log metrics of MLflow, in batches."""
        from mlflow.entities import Metric as Entry

        now = int(time.time() * 1000)
        entries = [Entry(clean_name(name), value, now, step) for name, value in numbers.items()]
        for start in range(0, len(entries), MOST):
            self._client.log_batch(self._run, metrics=entries[start : start + MOST])


def clean_name(name: str) -> str:
    """Return a name that MLflow takes."""
    return FORBIDDEN.sub("_", name)
