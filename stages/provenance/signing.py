"""Signatures over statements: DSSE envelopes by securesystemslib, with keys in PEM files.

Nothing here needs a network. The envelope is that of in-toto and Sigstore, so other tools read it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.io.json_files import parse_json, read_small_file
from prunepack.stages.provenance.keys import read_private_key, read_public_key, require_libraries

if TYPE_CHECKING:
    from pathlib import Path

    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

__all__ = ["PAYLOAD_TYPE", "sign_statement", "verify_envelope"]

PAYLOAD_TYPE = "application/vnd.in-toto+json"

MALFORMED = (AttributeError, KeyError, RecursionError, TypeError, ValueError)
"""Errors of the library on text that is not an envelope."""


def sign_statement(payload: bytes, key: Path) -> bytes:
    """Return the DSSE envelope of an in-toto statement, signed with the private key in ``key``.

    DSSE 1.0, "Dead Simple Signing Envelope", by securesystemslib: Ed25519, ECDSA on the NIST
    curves, RSA-PSS. Ed25519 signs the same statement with the same bytes every time.

    Raises:
        UsageError: If the key cannot be used, or needs another password.
    """
    with require_libraries():
        from securesystemslib.dsse import Envelope

    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(read_private_key(key))
    return json.dumps(envelope.to_dict(), sort_keys=True).encode() + b"\n"


def verify_envelope(envelope: Path, key: Path) -> bytes:
    """Return the statement in ``envelope`` if the private half of ``key`` signed it.

    Raises:
        RefusedError: If this key did not sign this statement.
        UsageError: If the key cannot be read.
    """
    public = read_public_key(key)
    read = _read_envelope(envelope)
    if _has_signature(read, public):
        return read.payload
    others = ", ".join(f"{name[:12]}…" for name in read.signatures) or "none"
    changed = "its signature does not fit: the statement or the signature was changed"
    raise RefusedError(
        f"`{envelope}` is not signed with `{key}`",
        expected=f"a signature of the key {public.keyid[:12]}…",
        found=changed if public.keyid in read.signatures else others,
        hint="Do not deploy this release",
    )


def _has_signature(envelope: Envelope, public: SSlibKey) -> bool:
    """Return whether a key signed an envelope.

    A key's id in an envelope is a hint (DSSE 1.0), so every signature is tried.
    """
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature

    for signature in envelope.signatures.values():
        try:
            public.verify_signature(Signature(public.keyid, signature.signature), envelope.pae())
        except UnverifiedSignatureError:
            continue
        return True
    return False


def _read_envelope(path: Path) -> Envelope:
    """Read a DSSE envelope around an in-toto statement."""
    envelope = _parse_envelope(path)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise RefusedError(
            f"`{path}` signs another kind of payload",
            expected=PAYLOAD_TYPE,
            found=envelope.payload_type,
        )
    return envelope


def _explain_missing(path: Path) -> RefusedError:
    return RefusedError(
        f"the signature `{path}` is missing",
        expected="a signature",
        found="no such file",
        hint="Sign the release: run `prunepack attest`, then `prunepack sign`",
    )


def _parse_envelope(path: Path) -> Envelope:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError

    if not path.exists():
        raise _explain_missing(path)
    content = read_small_file(path)
    try:
        return Envelope.from_dict(parse_json(content))
    except (*MALFORMED, FormatError) as error:
        raise RefusedError(
            f"`{path}` is not a signature",
            expected="a DSSE envelope",
            found=f"{type(error).__name__}: {error}",
        ) from None
