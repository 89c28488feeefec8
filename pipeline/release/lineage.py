"""Where a release comes from: the stages of its run, in digests and versions, without a path.

A stage sees only its inputs, so the run's report learns this when it is published.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from prunepack.format import canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunepack.pipeline.cache.history import Event

__all__ = ["lineage", "read_stage_results"]


def lineage(recipe: str, events: Sequence[Event]) -> dict[str, Any]:
    """Return what a run was made of, the same for the same run on any day.

    Args:
        recipe: The recipe's name.
        events: What happened to each stage, in order.

    Returns:
        ``recipe`` with its name and the SHA-256 over all configs; ``stages`` with, for each, its
        key, the digests of its result, inputs, config and code, and the versions of its tools.
    """
    configs = [[event.stage, event.material.config] for event in events]
    return {
        "recipe": {"name": recipe, "sha256": _digest(configs)},
        "stages": [_stage(event) for event in events],
    }


def _stage(event: Event) -> dict[str, Any]:
    made_of = event.material
    return {
        "stage": event.stage,
        "key": event.key,
        "result": event.digest,
        "inputs": dict(made_of.inputs),
        "config": _digest(made_of.config),
        "code": _digest(made_of.code),
        "user": _digest(made_of.user),
        "tools": {**made_of.tools, "python": made_of.python},
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical_json.dumps(value)).hexdigest()


def read_stage_results(provenance: Any) -> dict[str, str]:
    """Return the digest of each stage's last result by the stage's name; empty if it says none."""
    stages = provenance.get("stages") if isinstance(provenance, dict) else None
    found: dict[str, str] = {}
    for one in stages if isinstance(stages, list) else []:
        if isinstance(one, dict) and isinstance(one.get("result"), str):
            found[str(one.get("stage"))] = one["result"]
    return found
