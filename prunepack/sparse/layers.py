"""The layers of a session, and which of them run on sparse kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from prunepack.errors import UsageError
from prunepack.sparse.library import PROVIDER
from prunepack.sparse.native import native
from prunepack.sparse.options import read_session_number

if TYPE_CHECKING:
    from prunepack.runtime.ort_types import Session

__all__ = ["SparseLayer", "list_sparse_layers"]


class SparseLayer(NamedTuple):
    """One layer with constant weights, and how it runs.

    Attributes:
        name: Name of its node in the graph.
        op: ``Conv``, ``Gemm`` or ``MatMul``.
        nodes: Number of nodes that run as one: the layer, and what follows it directly.
        is_sparse: Whether it runs on sparse kernels.
        is_conv: Whether it is a convolution.
        is_depthwise: Whether it is a depthwise convolution, which runs on a dense kernel.
        rows: Output channels or features.
        columns: Inputs of each output: input channels per group times taps, or features.
        groups: Groups of a convolution, else 1.
        positions: Output positions of a convolution or input vectors that the estimates assume,
            for one sample where the batch is dynamic.
        nonzeros: Nonzero weights.
        dense_ns: Estimated nanoseconds in onnxruntime's own kernels.
        sparse_ns: Estimated nanoseconds on sparse kernels.
    """

    name: str
    op: str
    nodes: int
    is_sparse: bool
    is_conv: bool
    is_depthwise: bool
    rows: int
    columns: int
    groups: int
    positions: int
    nonzeros: int
    dense_ns: float
    sparse_ns: float

    @property
    def sparsity(self) -> float:
        """Share of the weights that are zero, from 0 to 1."""
        size = self.rows * self.columns
        return 1 - self.nonzeros / size if size else 0.0


def list_sparse_layers(session: Session) -> list[SparseLayer]:
    """Return the layers of a session that could run on sparse kernels, in the graph's order.

    The list is empty if the session was created without the options for sparse kernels.

    Args:
        session: A session of ``open_session``, or with the options of ``sparse_session_options``.

    Raises:
        UsageError: If it is not a session.
    """
    if not hasattr(session, "get_session_options"):
        raise UsageError(
            "the sparse layers are those of a session",
            expected="an onnxruntime.InferenceSession",
            found=type(session).__name__,
        )
    number = read_session_number(session.get_session_options())
    if native is None or number is None or PROVIDER not in session.get_providers():
        return []  # copied options keep the number without the provider
    return [_read(row) for row in native.decisions(number)]


def _read(row: tuple[Any, ...]) -> SparseLayer:
    name, op, nodes, sparse, conv, depthwise, *numbers = row
    return SparseLayer(name, op, nodes, bool(sparse), bool(conv), bool(depthwise), *numbers)
