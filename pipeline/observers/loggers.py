"""Observers by their name: a tracker, or a class in a file of the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import UsageError, quote
from prunepack.pipeline.observers.observer import RunObserver
from prunepack.stages.contract.messages import describe_error
from prunepack.stages.contract.plugins import suggest_name
from prunepack.stages.contract.user_code import is_user_code, load_user_code

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TRACKERS", "open_observer"]

TRACKERS = ("mlflow", "tensorboard")
"""The trackers that an observer is built in for."""


def open_observer(name: RunObserver | str, artifacts: Path) -> RunObserver:
    """Return an observer, or that which ``--log`` names.

    Args:
        name: An observer; a tracker; or ``file.py:NAME``: a function or a class without required
            arguments, which gives the observer.
        artifacts: The folder of all runs; event files go into ``tensorboard`` there.

    Raises:
        UsageError: If there is none of this name, or its library is not installed.
    """
    if isinstance(name, RunObserver):
        return name
    if name == "mlflow":
        from prunepack.pipeline.observers.mlflow_tracking import MlflowObserver

        return MlflowObserver()
    if name == "tensorboard":
        from prunepack.pipeline.observers.tensorboard_events import TensorboardObserver

        return TensorboardObserver(artifacts / "tensorboard")
    if not isinstance(name, str) or not is_user_code(name):
        raise UsageError(
            f"no logger is named {quote(name)}",
            expected=f"{', '.join(TRACKERS)} or file.py:function",
            hint=suggest_name(str(name), TRACKERS),
        )
    return _make_observer(name)


def _make_observer(name: str) -> RunObserver:
    """Call the user's function, and return the observer that it gives.

    Raises:
        UsageError: If it cannot be called, or gives something else.
    """
    factory = load_user_code(name)
    try:
        observer = factory()
    except Exception as error:
        raise UsageError(
            f"the logger `{name}` cannot be made",
            expected="a function or a class without required arguments",
            found=describe_error(error),
        ) from error
    if not isinstance(observer, RunObserver):
        raise UsageError(
            f"the logger `{name}` is not an observer",
            expected="an object of a class that extends prunepack.RunObserver",
            found=type(observer).__name__,
        )
    return observer
