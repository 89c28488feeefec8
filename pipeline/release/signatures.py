"""Verification of a signed release: the digests in the statement against the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import RefusedError, quote
from prunepack.io.digests import hash_file
from prunepack.stages.provenance.signing import verify_envelope
from prunepack.stages.provenance.subjects import read_subjects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from prunepack.stages.metrics.files import MetricSet

__all__ = ["ENVELOPE", "check_files", "check_signature"]

ENVELOPE = "provenance.dsse.json"
"""File name of a signed statement, beside the signed files."""


def check_files(envelope: Path, key: Path, folder: Path) -> dict[str, str]:
    """Return SHA-256 by name of the files in ``folder`` that ``key`` signed, every one of them.

    Raises:
        RefusedError: If there is no such signature, or a file is missing or has changed.
        UsageError: If the key cannot be read.
    """
    subjects = read_subjects(verify_envelope(envelope, key), envelope)
    for name, digest in subjects.items():
        _compare(envelope, name, digest, _digest(folder, name))
    return subjects


def check_signature(measured: MetricSet, report: Path, envelope: Path, key: Path) -> None:
    """Refuse a report that ``key`` did not sign together with its files.

    Raises:
        RefusedError: If there is no such signature, or it is over other files.
        UsageError: If the key cannot be read.
    """
    subjects = read_subjects(verify_envelope(envelope, key), envelope)
    present: Mapping[str, str] = {**measured.digests, "report.json": hash_file(report)}
    for name, digest in present.items():
        _compare(envelope, name, subjects.get(name, "nothing of that name"), digest)


def _digest(folder: Path, name: str) -> str:
    """Return the SHA-256 of a file that a statement names; its name must not lead elsewhere."""
    path = folder / name
    if path.parent != folder or name == ".." or path.is_symlink():
        raise RefusedError(f"the statement names {quote(name)}", expected="a file beside it")
    try:
        return hash_file(path)
    except OSError:
        return "no such file"


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
