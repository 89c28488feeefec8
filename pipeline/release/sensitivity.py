"""Sensitivity beside a release, as far as it is about the same dense model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from prunepack.stages.details.sensitivity import Sensitivity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prunepack.pipeline.runs.event import Event

__all__ = ["SENSITIVITY_FILE", "read_sensitivity"]

SENSITIVITY_FILE = "sensitivity.json"


def read_sensitivity(folder: Path, events: Sequence[Event]) -> Sensitivity | None:
    """Return what `prunepack sensitivity` measured on the model that ``events`` loaded.

    A file that is missing, damaged, of another version or about another model gives None.
    """
    loaded = {event.digest for event in events if event.stage == "load"}
    try:
        measured = Sensitivity.model_validate_json((folder / SENSITIVITY_FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    return measured if measured.model in loaded else None
