"""The closed set of coders, one module each; a module's name is the id in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.coding.compressor import Compressor
from prunepack.coding.registry import collect

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMPRESSORS"]

COMPRESSORS: Mapping[str, Compressor] = collect(__name__, __path__, Compressor)  # type: ignore[type-abstract]  # the contract itself is never built
"""Compressor id to coder, sorted by id."""
