"""Sparse kernels, and the execution provider by which onnxruntime loads them.

The C files are compiled when the package is installed, if there is a C compiler. The library is a
module of Python and an execution provider of onnxruntime in one file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from prunepack.coding.dtypes import Array

__all__ = ["native"]


class _Native(Protocol):
    """The compiled module."""

    __file__: str

    def run_layer(
        self,
        weights: Array,
        bias: Array | None,
        values: Array,
        residual: Array | None,
        output: Array,
        is_conv: int,
        rows: int,
        columns: int,
        shape: tuple[int, ...],
        window: tuple[int, ...],
        epilogue: tuple[float, float, int],
        repeats: int,
        threads: int,
        /,
    ) -> float: ...

    def decisions(self, session: int, /) -> list[tuple[str | int | float, ...]]: ...

    def take_graph(self, session: int, /) -> bytes: ...

    def hold_weight(self, session: int, name: str, places: Array, values: Array, /) -> None: ...

    def release_weights(self, session: int, /) -> list[str]: ...

    def architecture(self) -> str: ...


native: _Native | None
try:
    from prunepack.sparse.native import _sparse  # type: ignore[attr-defined]
except ImportError:  # installed without a compiler
    native = None
else:
    native = cast("_Native", _sparse)
