"""Reader limits: bounds on the sizes that an artifact may declare."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from prunepack.arguments import COUNT, Kind, check_types
from prunepack.errors import LimitExceededError

__all__ = ["LIMITS", "Limits", "check_model"]

MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that are checked before memory is allocated.

    Attributes:
        header_bytes: Size of the header, both stored and decoded.
        tensors: Number of tensors, including copies; at the start of a session also the number of
            initializers, stored or not.
        files: Number of packed files.
        chunk_bytes: Decoded size of one chunk, of tensor elements or of literal bytes.
        decoded_bytes: Size of all packed files together.
        transposed_bytes: Size of a copy that is a transposed tensor, which is decoded as a whole.
    """

    header_bytes: int = 16 * MIB
    tensors: int = 100_000
    files: int = 10_000
    chunk_bytes: int = 16 * MIB
    decoded_bytes: int = 64 * 1024 * MIB
    transposed_bytes: int = 1024 * MIB

    def __post_init__(self) -> None:
        """Check the types of the bounds.

        Raises:
            UsageError: If one is not a whole number.
        """
        bounds = asdict(self)
        check_types("Limits", bounds, dict.fromkeys(bounds, COUNT))

    def check(self, name: str, value: int) -> None:
        """Compare ``value`` with the limit ``name``.

        Raises:
            LimitExceededError: If it is larger.
        """
        limit: int = getattr(self, name)
        if value > limit:
            raise LimitExceededError(
                f"the artifact exceeds the reader limit `{name}`",
                expected=f"at most {limit}",
                found=value,
                hint=_hint(name, value),
            )


LIMITS = Kind(
    "a prunepack.Limits",
    lambda value: isinstance(value, Limits),
    "Pass a prunepack.Limits(), or leave the argument out",
)
"""Limits as an argument of a call."""


def _hint(name: str, value: int) -> str:
    option = f", or `--max-{name} {value}`," if name in {"tensors", "files"} else ""
    return f"Open the artifact with Limits({name}={value}){option} if you trust its source"


def check_model(limits: Limits, name: str, value: int) -> None:
    """Compare ``value``, a number of parts of a model to be packed, with the limit ``name``.

    Raises:
        LimitExceededError: If it is larger.
    """
    limit: int = getattr(limits, name)
    if value > limit:
        raise LimitExceededError(
            f"the model has more {name} than readers accept by default",
            expected=f"at most {limit}",
            found=f"{value} or more",
            hint=f"Pack it with `--max-{name} NUMBER`, and read it with the same limit",
        )
