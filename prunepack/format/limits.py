"""How much a reader is willing to hold."""

from __future__ import annotations

from dataclasses import dataclass

from prunepack.errors import LimitExceededError

__all__ = ["Limits"]

MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps that are checked before anything is allocated.

    Attributes:
        header_bytes: Size of the header, stored as well as decoded.
        tensors: Number of tensors, copies included.
        files: Number of packed files.
        chunk_bytes: Decoded size of one chunk, of tensor elements or of literal bytes.
        decoded_bytes: Size of all packed files together.
    """

    header_bytes: int = 16 * MIB
    tensors: int = 100_000
    files: int = 10_000
    chunk_bytes: int = 16 * MIB
    decoded_bytes: int = 64 * 1024 * MIB

    def check(self, name: str, found: int) -> None:
        """Compare ``found`` with the cap called ``name``.

        Raises:
            LimitExceededError: If it is larger.
        """
        cap: int = getattr(self, name)
        if found > cap:
            raise LimitExceededError(
                f"reading on would pass the limit {name}",
                expected=f"at most {cap}",
                found=found,
                hint=f"If the artifact is trusted, open it with Limits({name}={found})",
            )
