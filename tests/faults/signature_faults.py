"""Faults that only a signature shows, and faults of the signature."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from prunepack.io.digests import hash_file
from tests.faults.artifact_faults import forged
from tests.faults.commands import run_all
from tests.faults.fault import Fault
from tests.faults.lab import copy_of, rewrite
from tests.faults.report_faults import replace_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.faults.fault import Command
    from tests.faults.lab import Release

    Spoil = Callable[[Release], None]

__all__ = ["FAULTS", "make_keys"]


def make_keys(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a new pair of keys as PEM files."""
    key = Ed25519PrivateKey.generate()
    secret, public = folder / f"{name}.pem", folder / f"{name}.pub"
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(pem, form))
    return secret, public


def _envelope(release: Release) -> Path:
    return release / "report/provenance.dsse.json"


def _signed(folder: Path) -> Release:
    """Return a release that ``release.pem`` in its folder has signed."""
    release = copy_of("lenet", folder)
    _sign(release, make_keys(release.folder, "release")[0])
    return release


def _sign(release: Release, key: Path) -> None:
    statement = release / "report/provenance.json"
    done = run_all(
        [
            ["attest", str(release / "report"), "-o", str(statement), "--force"],
            ["sign", str(statement), "--key", str(key), "-o", str(_envelope(release)), "--force"],
            ["gate", str(release / "report"), "--require-signature", str(key.with_suffix(".pub"))],
        ]
    )
    assert done.code == 0, done.text


def _plant(spoil: Spoil, folder: Path) -> Sequence[Command]:
    release = _signed(folder)
    spoil(release)
    return [release.judge("--require-signature", str(release / "release.pub"))]


def _improve_metric(release: Release) -> None:
    found = json.loads((release / "report/report.json").read_bytes())["metrics"]["size.ratio"]
    replace_metrics(release / "report/report.json", {"size.ratio": found | {"value": 100.0}})


def _own_limits_gone(release: Release) -> None:
    rewrite(release / "report/report.json", gate={})


def _statement_changed(release: Release) -> None:
    envelope = _envelope(release)
    payload = json.loads(base64.b64decode(json.loads(envelope.read_bytes())["payload"]))
    payload["subject"][0]["digest"]["sha256"] = "0" * 64
    rewrite(envelope, payload=base64.b64encode(json.dumps(payload).encode()).decode())


def _other_key(release: Release) -> None:
    _sign(release, make_keys(release.folder, "stranger")[0])


def _no_signature(release: Release) -> None:
    _envelope(release).unlink()


def _forged(release: Release) -> None:
    """Put another artifact there, and its digest into the report."""
    forged(release)
    target = release / "report/model.prunepack"
    target.write_bytes(release.packed.read_bytes())
    report = release / "report/report.json"
    content, digest = json.loads(report.read_bytes()), {target.name: hash_file(target)}
    rewrite(report, digests=content["digests"] | digest, files=content["files"] | digest)


def _fault(name: str, spoil: Spoil, says: str) -> Fault:
    return Fault(name, "report", partial(_plant, spoil), 4, says)


FAULTS = (
    _fault(
        "a better metric written by hand",
        _improve_metric,
        r"report\.json` differs from the file that .* signs",
    ),
    _fault(
        "a report's own limits taken out",
        _own_limits_gone,
        r"report\.json` differs from the file that .* signs",
    ),
    _fault(
        "a forged artifact, and its digest in the report",
        _forged,
        r"(report\.json|model\.prunepack)` differs from the file that .* signs",
    ),
    _fault("a signed statement changed", _statement_changed, "the signature was changed"),
    _fault("signed with another key", _other_key, r"is not signed with .*release\.pub"),
    _fault("no signature", _no_signature, r"provenance\.dsse\.json` is missing"),
)
