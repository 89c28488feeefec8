"""The closed set of codecs, one module each; a module's name is the id in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.coding.codec import Codec
from prunepack.coding.registry import collect

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CODECS"]

CODECS: Mapping[str, Codec] = collect(__name__, __path__, Codec)  # type: ignore[type-abstract]  # the contract itself is never built
"""Codec id to codec, sorted by id."""
