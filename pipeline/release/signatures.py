"""Verification of a signed release: the digests in the statement against the files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from prunepack.errors import RefusedError, quote
from prunepack.io.digests import hash_file
from prunepack.io.json_files import parse_object, read_small_file
from prunepack.pipeline.release.folder import check_models
from prunepack.stages.provenance.reading import Statement, read_statement
from prunepack.stages.provenance.signing import verify_envelope

if TYPE_CHECKING:
    from pathlib import Path

    from prunepack.stages.metrics.files import MetricSet

__all__ = ["ENVELOPE", "check_files", "check_signature", "read_signed_report"]

ENVELOPE = "provenance.dsse.json"
"""File name of a signed statement, beside the signed files."""

REPORT = "report.json"
MISSING = "no such file"


def check_files(envelope: Path, key: Path, folder: Path, least: int | None = None) -> Statement:
    """Return the statement in ``envelope`` if ``key`` signed the files in ``folder``, all of them.

    Args:
        envelope: The signature.
        key: The public key.
        folder: The folder of the release; it holds no other models.
        least: The smallest number that the release may have.

    Raises:
        RefusedError: If there is no such signature, a file is missing or has changed, or the
            release is older.
        UsageError: If the key cannot be read.
    """
    statement = _read_signed(envelope, key, least)
    for name, digest in statement.subjects.items():
        _compare(envelope, name, digest, _digest(folder, name))
    check_models(folder, statement.subjects, envelope)
    return statement


def check_signature(
    measured: MetricSet, report: Path, envelope: Path, key: Path, least: int | None = None
) -> None:
    """Refuse a report that ``key`` did not sign together with its files.

    The files of the release may be elsewhere, but those beside the report must be signed too.

    Raises:
        RefusedError: If there is no such signature, or it is over other files or over an older
            release.
        UsageError: If the key cannot be read.
    """
    subjects = _read_signed(envelope, key, least).subjects
    deployed = {name: d for name, d in measured.digests.items() if not name.startswith("dense/")}
    for name, digest in {**deployed, **measured.files, REPORT: measured.sha256}.items():
        _compare(envelope, name, subjects.get(name, "nothing of that name"), digest)
    for name in subjects.keys() - {REPORT}:
        found = _digest(report.parent, name)
        _compare(envelope, name, subjects[name], subjects[name] if found == MISSING else found)
    check_models(report.parent, subjects, envelope)


def read_signed_report(folder: Path, statement: Statement) -> dict[str, Any]:
    """Return the content of the report that a statement names.

    Raises:
        RefusedError: If it names none, or the report has changed.
    """
    path = folder / REPORT
    content = read_small_file(path)
    signed = statement.subjects.get(REPORT, "nothing of that name")
    _compare(folder / ENVELOPE, REPORT, signed, hashlib.sha256(content).hexdigest())
    return parse_object(content, path)


def _read_signed(envelope: Path, key: Path, least: int | None) -> Statement:
    """Return the statement that ``key`` signed, if its release is new enough."""
    statement = read_statement(verify_envelope(envelope, key), envelope)
    if least is not None and (statement.release is None or statement.release < least):
        raise RefusedError(
            f"`{envelope}` is of an older release",
            expected=f"release {least} or later",
            found="no number" if statement.release is None else f"release {statement.release}",
            hint="Take the newest release; `prunepack attest --release N` gives it a number",
        )
    return statement


def _digest(folder: Path, name: str) -> str:
    """Return the SHA-256 of a file that a statement names; its name must not lead elsewhere."""
    path = folder / name
    if path.parent != folder or name == ".." or path.is_symlink():
        raise RefusedError(f"the statement names {quote(name)}", expected="a file beside it")
    try:
        return hash_file(path) if path.is_file() else MISSING
    except OSError:
        return "a file that cannot be read"


def _compare(envelope: Path, name: str, signed: str, found: str) -> None:
    if signed != found:
        raise RefusedError(
            f"`{name}` differs from the file that `{envelope}` signs",
            expected=_short(signed),
            found=_short(found),
            hint="Take the files that were signed, or attest and sign these",
        )


def _short(digest: str) -> str:
    return f"{digest[:12]}…" if len(digest) == 64 else digest
