"""The closed set of coders, one module each; a module's name is the id in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.coding.compressor import Coder
from prunepack.coding.registry import collect

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CODERS"]

CODERS: Mapping[str, Coder] = collect(__name__, __path__, Coder)  # type: ignore[type-abstract]  # the contract itself is never built
"""Coder id to coder, sorted by id."""
