"""Provenance of a release: the stages of its run, in digests and versions, without paths.

A stage sees only its inputs, so the report receives its provenance when it is published.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from prunepack.format import canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.pipeline.runs.event import Event

__all__ = ["make_provenance", "read_stage_results"]


def make_provenance(recipe: str, events: Sequence[Event]) -> dict[str, Any]:
    """Return the provenance of a run; it does not depend on date or folder.

    Args:
        recipe: The recipe's name.
        events: The events of the stages, in order.

    Returns:
        ``recipe`` with its name and the SHA-256 over all configs; ``stages`` with, for each, its
        key, the digests of its result, inputs, config and code, and the versions of its tools.
    """
    configs = [[event.stage, event.material.config] for event in events]
    return {
        "recipe": {"name": recipe, "sha256": _digest(configs)},
        "stages": [_describe_stage(event) for event in events],
    }


def _describe_stage(event: Event) -> dict[str, Any]:
    material = event.material
    return {
        "stage": event.stage,
        "key": event.key,
        "result": event.digest,
        "inputs": dict(material.inputs),
        "config": _digest(material.config),
        "code": _digest(material.code),
        "user": _digest(material.user),
        "tools": {**material.tools, "python": material.python},
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical_json.dumps(value)).hexdigest()


def read_stage_results(provenance: Any) -> dict[str, str]:
    """Return the digest of each stage's last result by the stage's name, as far as it is known."""
    stages = provenance.get("stages") if isinstance(provenance, dict) else None
    found: dict[str, str] = {}
    for stage in stages if isinstance(stages, list) else []:
        if isinstance(stage, dict) and isinstance(stage.get("result"), str):
            found[str(stage.get("stage"))] = stage["result"]
    return found
