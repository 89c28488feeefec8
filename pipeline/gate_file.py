"""Gate files: the keys of a recipe's ``[gate]`` table in a file of their own."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from pydantic import ValidationError

from prunepack.errors import UsageError
from prunepack.pipeline.recipe import describe_problems
from prunepack.stages.gate import GateConfig
from prunepack.stages.metrics.limits import Limit

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["locate_limits", "read_gate_file"]


def read_gate_file(path: Path) -> GateConfig:
    """Read a TOML file with the keys of the gate's config.

    Raises:
        UsageError: If it cannot be read, asks for nothing, or with every problem in it.
    """
    try:
        config = GateConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the gate file `{path}` cannot be read", found=str(error)) from None
    except ValidationError as error:
        raise describe_problems(f"the gate file `{path}`", error, GateConfig) from None
    if config == GateConfig():
        raise UsageError(
            f"the gate file `{path}` asks for nothing",
            expected='a setting, such as limits = ["accuracy.drop <= 0.5"]',
            found="no setting that is not a comment or the default",
            hint="Give limits in the file, or leave --gate-file out",
        )
    return config


def locate_limits(path: Path) -> dict[str, tuple[Path, int]]:
    """Return file and line, counted from 1, of each limit in a gate file, by the limit's text.

    A limit that is spelled with an escape is not located.
    """
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    places: dict[str, tuple[Path, int]] = {}
    for spelled in tomllib.loads(text).get("limits", ()):
        line = next((number for number, line in enumerate(lines, 1) if spelled in line), None)
        if line is not None:
            places[str(Limit.parse(spelled))] = path, line
    return places
