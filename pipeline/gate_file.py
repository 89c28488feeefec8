"""A file of budgets: what a recipe's ``[gate]`` table holds, for a job that judges by itself."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from pydantic import ValidationError

from prunepack.errors import UsageError
from prunepack.pipeline.recipe import invalid
from prunepack.stages.gate import GateConfig
from prunepack.stages.metrics.limits import Limit

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["locate_limits", "read_gate_file"]


def read_gate_file(path: Path) -> GateConfig:
    """Read a TOML file with the keys of the gate's config.

    Raises:
        UsageError: If it cannot be read, or with every problem in it.
    """
    try:
        return GateConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the budgets {path} cannot be read", found=str(error)) from None
    except ValidationError as error:
        raise invalid(str(path), error, GateConfig) from None


def locate_limits(path: Path, config: GateConfig) -> dict[str, tuple[Path, int]]:
    """Return file and line, counted from 1, of each limit by its text, where it can be found."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found: dict[str, tuple[Path, int]] = {}
    for text in config.limits:
        at = next((number for number, line in enumerate(lines, 1) if text in line), None)
        if at is not None:
            found[str(Limit.parse(text))] = path, at
    return found
