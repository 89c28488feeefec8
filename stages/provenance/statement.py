"""Provenance of a release as an in-toto statement, ready to be signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError
from prunepack.format.canonical_json import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["BUILD_TYPE", "PREDICATE_TYPE", "STATEMENT_TYPE", "make_statement"]

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:prunepack:run:1"
"""Kind of build: the recipe of a ``prunepack run``."""

KINDS = {"python": "generic"}
"""Package types of package URLs by name; all others are from PyPI."""


def make_statement(
    report: Mapping[str, Any],
    subjects: Mapping[str, str],
    builder: str,
    version: str,
    release: int | None = None,
) -> bytes:
    """Return the in-toto Statement v1 with SLSA's provenance of a run; canonical JSON, no date.

    Forms: in-toto attestation framework, "Statement layer" v1; SLSA 1.0, "Provenance".

    Args:
        report: The content of a ``report.json`` that ``prunepack run`` made.
        subjects: SHA-256 by name of each file of the release.
        builder: URI of the builder.
        version: Version of prunepack.
        release: Number of the release; a later one has a larger number.

    Raises:
        RefusedError: If the report has no provenance.
    """
    return dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [
                {"name": name, "digest": {"sha256": subjects[name]}} for name in sorted(subjects)
            ],
            "predicateType": PREDICATE_TYPE,
            "predicate": _make_predicate(report, builder, version, release),
        }
    )


def _make_predicate(
    report: Mapping[str, Any], builder: str, version: str, release: int | None
) -> dict[str, Any]:
    """Return the provenance of a report in the terms of SLSA."""
    provenance = report.get("provenance")
    if not isinstance(provenance, dict):
        raise RefusedError(
            "the report has no provenance",
            expected="the report of a run",
            found="none",
            hint="Attest the folder that `prunepack run` wrote",
        )
    try:
        return _convert_provenance(provenance, builder, version, release)
    except (AttributeError, KeyError, TypeError) as error:
        raise RefusedError(
            "the report's provenance is incomplete", found=f"{type(error).__name__}: {error}"
        ) from None


def _convert_provenance(
    provenance: Mapping[str, Any], builder: str, version: str, release: int | None
) -> dict[str, Any]:
    stages = provenance["stages"]
    external: dict[str, Any] = {"recipe": dict(provenance["recipe"])}
    if release is not None:
        external["release"] = release
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": {"stages": [_without_tools(stage) for stage in stages]},
            "resolvedDependencies": _list_tools(stages),
        },
        "runDetails": {"builder": {"id": builder, "version": {"prunepack": version}}},
    }


def _list_tools(stages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the package URL of each tool of the stages."""
    tools = {tool for stage in stages for tool in stage["tools"].items()}
    return [
        {"uri": f"pkg:{KINDS.get(name, 'pypi')}/{name}@{number}"} for name, number in sorted(tools)
    ]


def _without_tools(stage: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stage.items() if name != "tools"}
