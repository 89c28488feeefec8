"""The closed set of codecs, one module each; the name of the module is the id in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.coding.codec import Codec
from prunepack.coding.registry import load_implementations

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CODECS"]

CODECS: Mapping[str, Codec] = load_implementations(__name__, __path__, Codec)  # type: ignore[type-abstract]  # the contract itself gets no instance
"""Codecs by id, sorted."""
