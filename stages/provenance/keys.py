"""Keys in PEM files for signatures, read by cryptography for securesystemslib."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prunepack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from securesystemslib.signer import CryptoSigner, SSlibKey

__all__ = ["PASSWORD", "read_private_key", "read_public_key", "require_libraries"]

LEAST_BITS = 2048
"""Size of the smallest RSA key that signs (NIST SP 800-131A)."""

PASSWORD = "PRUNEPACK_KEY_PASSWORD"  # noqa: S105 -- a variable's name
"""Environment variable with the password of an encrypted key."""


def read_private_key(key: Path) -> CryptoSigner:
    """Return the signer for the private key in a PEM file.

    Raises:
        UsageError: If the key cannot be used, or needs another password.
    """
    with require_libraries():
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from securesystemslib.signer import CryptoSigner

    pem = _read(key)
    word = os.environ.get(PASSWORD)
    password = word.encode() if word is not None and b"ENCRYPTED" in pem else None
    hint = "Run `openssl genpkey -algorithm ed25519 -out KEY` to create a key"
    if b"ENCRYPTED" in pem:
        hint = f"Set `{PASSWORD}` to the password of an encrypted key"
    with _refuse_key_errors(key, "private", hint):
        private = load_pem_private_key(pem, password)
        _check_strength(private)
        return CryptoSigner(private)


def read_public_key(key: Path) -> SSlibKey:
    """Return the public key in a PEM file.

    Raises:
        UsageError: If the key cannot be used.
    """
    with require_libraries():
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from securesystemslib.signer import SSlibKey

    with _refuse_key_errors(
        key, "public", "Run `openssl pkey -in KEY -pubout` to write the public half of a key"
    ):
        public = load_pem_public_key(_read(key))
        _check_strength(public)
        return SSlibKey.from_crypto(public)


def _check_strength(key: object) -> None:
    """Refuse a short RSA key: the shortest cannot sign at all, and others can be factored."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    if isinstance(key, RSAPrivateKey | RSAPublicKey) and key.key_size < LEAST_BITS:
        raise ValueError(f"an RSA key of {key.key_size} bits; the least is {LEAST_BITS}")


def _read(key: Path) -> bytes:
    try:
        return key.read_bytes()
    except OSError as error:
        raise UsageError(f"the key `{key}` cannot be read", found=error.strerror) from None


@contextmanager
def _refuse_key_errors(key: Path, half: str, hint: str) -> Iterator[None]:
    """Turn cryptography's errors on a key into ours."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        yield
    except (AttributeError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"`{key}` cannot be used as a {half} key",
            expected="an Ed25519, ECDSA or RSA key in PEM form",
            found=str(error).split(". ")[0],
            hint=hint,
        ) from None


@contextmanager
def require_libraries() -> Iterator[None]:
    """Report the extra to install if the signing libraries are missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"signatures need `{str(error.name).partition('.')[0]}`",
            found="it is not installed",
            hint="Run `pip install 'prunepack[sign]'`",
        ) from None
