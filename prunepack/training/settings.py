"""Settings and models of calls on live modules, and the packages that the calls need."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from prunepack.stages.contract.stage import Config

    C = TypeVar("C", bound=Config)

__all__ = ["read_settings", "require_build", "unwrap_module"]


@contextmanager
def require_build(failure: str) -> Iterator[None]:
    """Explain a missing package inside the block, which imports the build side.

    Args:
        failure: The event, such as ``the pruner cannot be made``.

    Raises:
        UsageError: If a package is missing.
    """
    try:
        import pydantic  # noqa: F401 -- what every part of the build side needs

        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            failure,
            expected="the build side of prunepack",
            found=f"no module named {error.name}",
            hint="Install it with pip install 'prunepack[build]'",
        ) from None


def read_settings(kind: type[C], settings: Mapping[str, Any], subject: str, table: str) -> C:
    """Return keyword arguments as the config of a stage.

    Args:
        kind: The class of the config.
        settings: The keyword arguments.
        subject: The thing that they are the settings of, for messages.
        table: The table of a recipe that has the same settings.

    Raises:
        UsageError: If a setting is wrong; the error names all that are.
    """
    from pydantic import ValidationError

    try:
        return kind.model_validate(dict(settings))
    except ValidationError as error:
        from prunepack.stages.contract.messages import list_problems

        raise UsageError(
            f"the settings of {subject} are wrong",
            expected=f"settings of a [{table}] table",
            found="; ".join(list_problems(error, kind)),
        ) from None


def unwrap_module(model: nn.Module) -> nn.Module:
    """Return the module inside of DataParallel, DistributedDataParallel and compiled modules.

    Raises:
        UsageError: If it is not a module.
    """
    from torch import nn
    from torch.nn.parallel import DataParallel, DistributedDataParallel

    if not isinstance(model, nn.Module):
        raise UsageError(
            "the model is not a module", expected="a torch.nn.Module", found=type(model).__name__
        )
    inner: Any = model
    while True:
        if isinstance(inner, DataParallel | DistributedDataParallel):
            inner = inner.module
        elif hasattr(inner, "_orig_mod"):
            inner = inner._orig_mod
        else:
            unwrapped: nn.Module = inner
            return unwrapped
