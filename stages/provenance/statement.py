"""Where a release comes from, as an in-toto statement that anybody can read and sign."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError
from prunepack.format.canonical_json import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["STATEMENT_TYPE", "read_subjects", "statement"]

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:prunepack:run:1"
"""What the parameters and the dependencies mean: the recipe of a ``prunepack run``."""

KINDS = {"python": "generic"}
"""Kinds of package in a package URL, by name; all others are from PyPI."""


def statement(
    report: Mapping[str, Any], subjects: Mapping[str, str], builder: str, version: str
) -> bytes:
    """Return the in-toto Statement v1 with SLSA's provenance of a run; canonical JSON, no date.

    Forms: in-toto attestation framework, "Statement layer" v1; SLSA 1.0, "Provenance".

    Args:
        report: The content of a ``report.json`` that ``prunepack run`` made.
        subjects: SHA-256 by name of each file of the release.
        builder: URI of who ran it.
        version: Version of prunepack.

    Raises:
        RefusedError: If the report does not say where it comes from.
    """
    provenance = report.get("provenance")
    if not isinstance(provenance, dict):
        raise RefusedError(
            "the report does not say where it comes from",
            expected="a provenance",
            found="none",
            hint="Attest the folder that prunepack run made.",
        )
    try:
        predicate = _predicate(provenance, builder, version)
    except (AttributeError, KeyError, TypeError) as error:
        raise RefusedError(
            "the report's provenance is not whole", found=f"{type(error).__name__}: {error}"
        ) from None
    return dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [
                {"name": name, "digest": {"sha256": digest}}
                for name, digest in sorted(subjects.items())
            ],
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )


def _predicate(provenance: Mapping[str, Any], builder: str, version: str) -> dict[str, Any]:
    stages = provenance["stages"]
    tools = {tool for stage in stages for tool in stage["tools"].items()}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"recipe": dict(provenance["recipe"])},
            "internalParameters": {"stages": [_without_tools(stage) for stage in stages]},
            "resolvedDependencies": [
                {"uri": f"pkg:{KINDS.get(name, 'pypi')}/{name}@{number}"}
                for name, number in sorted(tools)
            ],
        },
        "runDetails": {"builder": {"id": builder, "version": {"prunepack": version}}},
    }


def _without_tools(stage: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stage.items() if name != "tools"}


def read_subjects(payload: bytes, source: Path) -> dict[str, str]:
    """Return SHA-256 by name of what a statement speaks of.

    Raises:
        RefusedError: If ``payload`` is no in-toto statement on files with a SHA-256 each.
    """
    try:
        value = json.loads(payload)
        found = {one["name"]: one["digest"]["sha256"] for one in value["subject"]}
        kind, texts = value["_type"], [*found, *found.values()]
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        kind, texts = f"{type(error).__name__}: {error}", []
    if kind != STATEMENT_TYPE or not texts or not all(isinstance(text, str) for text in texts):
        raise RefusedError(
            f"{source} holds no statement on a release",
            expected=f"{STATEMENT_TYPE} with a SHA-256 for each subject",
            found=kind,
            hint="Make one with prunepack attest.",
        )
    return found
