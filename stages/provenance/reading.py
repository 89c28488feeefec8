"""Statements that were read: their subjects with SHA-256, and the number of the release."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError, quote
from prunepack.io.json_files import parse_json
from prunepack.stages.provenance.statement import BUILD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Statement", "read_statement"]

_SHA256 = re.compile("[0-9a-f]{64}")

_MALFORMED = (AttributeError, KeyError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Statement:
    """The content of a statement on a release.

    Attributes:
        subjects: SHA-256 of each file of the release, by name.
        release: The number of the release; None if it has none.
    """

    subjects: Mapping[str, str]
    release: int | None


def read_statement(payload: bytes, source: Path) -> Statement:
    """Return the content of the statement that ``prunepack attest`` wrote.

    A key may sign statements of many kinds, so all three types must be those of a release.

    Raises:
        RefusedError: If ``payload`` is another statement, or names a subject twice.
    """
    try:
        value = parse_json(payload)
        rows = [(row["name"], row["digest"]["sha256"]) for row in value["subject"]]
        build = value["predicate"]["buildDefinition"]
        kinds = (value["_type"], value["predicateType"], build["buildType"])
        release = build["externalParameters"].get("release")
    except _MALFORMED as error:
        raise _refuse(source, STATEMENT_TYPE, f"{type(error).__name__}: {error}") from None
    for kind, wanted in zip(kinds, (STATEMENT_TYPE, PREDICATE_TYPE, BUILD_TYPE), strict=True):
        if kind != wanted:
            raise _refuse(source, wanted, str(kind)[:100])
    if release is not None and (type(release) is not int or release < 0):
        raise _refuse(source, "a release number of at least 0", repr(release)[:60])
    return Statement(_read_subjects(rows, source), release)


def _read_subjects(rows: list[tuple[Any, Any]], source: Path) -> dict[str, str]:
    """Return the subjects; two names that differ by case only are one file on some systems."""
    for name, digest in rows:
        if not (isinstance(name, str) and isinstance(digest, str) and _SHA256.fullmatch(digest)):
            raise _refuse(source, "a name and a SHA-256 for each subject", repr((name, digest)))
    names = Counter(name.casefold() for name, _ in rows)
    if twice := [name for name, _ in rows if names[name.casefold()] > 1]:
        raise _refuse(source, "each subject once", f"{quote(twice[0])} twice")
    if not rows:
        raise _refuse(source, "at least one subject", "none")
    return dict(rows)


def _refuse(source: Path, expected: str, found: str) -> RefusedError:
    return RefusedError(
        f"`{source}` does not hold a statement on a release",
        expected=expected,
        found=found,
        hint="Write one with `prunepack attest`",
    )
