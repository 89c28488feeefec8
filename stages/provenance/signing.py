"""Signatures over statements: DSSE envelopes by securesystemslib, with keys in PEM files.

Nothing here needs a network. The envelope is that of in-toto and Sigstore, so other tools read it.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from securesystemslib.dsse import Envelope

MALFORMED = (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError)

__all__ = ["PASSWORD", "PAYLOAD_TYPE", "sign_statement", "verify_envelope"]

PAYLOAD_TYPE = "application/vnd.in-toto+json"

PASSWORD = "PRUNEPACK_KEY_PASSWORD"  # noqa: S105 -- a variable's name
"""Environment variable with the password of an encrypted key."""


def sign_statement(payload: bytes, key: Path) -> bytes:
    """Return the DSSE envelope of an in-toto statement, signed with the private key in ``key``.

    DSSE 1.0, "Dead Simple Signing Envelope", by securesystemslib: Ed25519, ECDSA on the NIST
    curves, RSA-PSS. Ed25519 signs the same statement with the same bytes every time.

    Raises:
        UsageError: If the key cannot be used, or needs another password.
    """
    with _require_libraries():
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from securesystemslib.dsse import Envelope
        from securesystemslib.signer import CryptoSigner

    pem = _read(key)
    word = os.environ.get(PASSWORD)
    password = word.encode() if word is not None and b"ENCRYPTED" in pem else None
    with _refuse_key_errors(key, "private", f"Set {PASSWORD} to the password of an encrypted key"):
        signer = CryptoSigner(load_pem_private_key(pem, password))
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), sort_keys=True).encode() + b"\n"


def verify_envelope(envelope: Path, key: Path) -> bytes:
    """Return the statement in ``envelope`` if the private half of ``key`` signed it.

    A key's id in an envelope is a hint (DSSE 1.0), so every signature is tried.

    Raises:
        RefusedError: If this key did not sign this statement.
        UsageError: If the key cannot be read.
    """
    with _require_libraries():
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from securesystemslib.exceptions import UnverifiedSignatureError
        from securesystemslib.signer import Signature, SSlibKey

    with _refuse_key_errors(
        key, "public", "Run `openssl pkey -in KEY -pubout` to write the public half of a key"
    ):
        public = SSlibKey.from_crypto(load_pem_public_key(_read(key)))
    found = _read_envelope(envelope)
    for signature in found.signatures.values():
        try:
            public.verify_signature(Signature(public.keyid, signature.signature), found.pae())
        except UnverifiedSignatureError:
            continue
        return found.payload
    others = ", ".join(f"{name[:12]}…" for name in found.signatures) or "none"
    changed = "its signature does not fit: the statement or the signature was changed"
    raise RefusedError(
        f"'{envelope}' is not signed with '{key}'",
        expected=f"a signature of the key {public.keyid[:12]}…",
        found=changed if public.keyid in found.signatures else others,
        hint="Do not deploy this release",
    )


def _read_envelope(envelope: Path) -> Envelope:
    """Read a DSSE envelope around an in-toto statement."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError

    try:
        found = Envelope.from_dict(json.loads(envelope.read_bytes()))
    except FileNotFoundError:
        raise RefusedError(
            f"the signature '{envelope}' is missing",
            expected="a signature",
            found="no such file",
            hint="Sign the release: run `prunepack attest`, then `prunepack sign`",
        ) from None
    except (*MALFORMED, FormatError) as error:
        raise RefusedError(
            f"'{envelope}' is not a signature",
            expected="a DSSE envelope",
            found=f"{type(error).__name__}: {error}",
        ) from None
    if found.payload_type != PAYLOAD_TYPE:
        raise RefusedError(
            f"'{envelope}' signs another kind of payload",
            expected=PAYLOAD_TYPE,
            found=found.payload_type,
        )
    return found


def _read(key: Path) -> bytes:
    try:
        return key.read_bytes()
    except OSError as error:
        raise UsageError(f"the key '{key}' cannot be read", found=error.strerror) from None


@contextmanager
def _refuse_key_errors(key: Path, half: str, do: str) -> Iterator[None]:
    """Turn cryptography's errors on a key into ours."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        yield
    except (AttributeError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"'{key}' cannot be used as a {half} key",
            expected="an Ed25519, ECDSA or RSA key in PEM form",
            found=str(error).split(". ")[0],
            hint=do,
        ) from None


@contextmanager
def _require_libraries() -> Iterator[None]:
    """Report the extra to install if the signing libraries are missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"signatures need {str(error.name).partition('.')[0]}",
            found="it is not installed",
            hint="Run `pip install 'prunepack[sign]'`",
        ) from None
