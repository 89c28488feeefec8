"""Native loops where numpy is too slow, each with a reference implementation in Python.

``native.c`` is compiled when the package is installed, if there is a C compiler. Without it the
reference implementation gives the same results, slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from prunepack.coding.dtypes import Array

__all__ = ["native"]


class _Native(Protocol):
    """The compiled module."""

    def scatter(
        self, gaps: Array, values: Array, out: Array, gap_width: int, width: int, /
    ) -> int: ...

    def expand(self, bitmap: Array, values: Array, out: Array, width: int, /) -> int: ...

    def encode(
        self, symbols: Array, spans: Array, code: Array, top: int, level_shift: int, /
    ) -> int: ...

    def decode(
        self, symbols: Array, spans: Array, code: Array, top: int, level_shift: int, /
    ) -> int: ...


native: _Native | None
try:
    from prunepack.coding.native import _native  # type: ignore[attr-defined]
except ImportError:  # installed without a compiler
    native = None
else:
    native = cast("_Native", _native)
