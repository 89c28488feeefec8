"""The closed set of compressors, one module each; the name of the module is the id in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.coding.compressor import Compressor
from prunepack.coding.registry import load_implementations

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMPRESSORS"]

COMPRESSORS: Mapping[str, Compressor] = load_implementations(__name__, __path__, Compressor)  # type: ignore[type-abstract]  # the contract itself gets no instance
"""Compressors by id, sorted."""
