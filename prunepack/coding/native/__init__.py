"""The few loops that numpy cannot run at memory speed: compiled where possible, or as twins.

``native.c`` is built when the package is installed, if there is a C compiler; without it the same
results come from Python, slower.
"""

from __future__ import annotations

from typing import Any

__all__ = ["native"]

native: Any
try:
    from prunepack.coding.native import _native as native  # type: ignore[attr-defined,no-redef]
except ImportError:  # installed without a compiler
    native = None
