"""The layers of a model that could run on sparse kernels, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.errors import UsageError
from prunepack.pipeline.cli.console import format_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prunepack.format.limits import Limits
    from prunepack.sparse.layers import SparseLayer

__all__ = ["describe_sparse_layers"]

HEAD = ("layer", "op", "shape", "positions", "zeros", "dense µs", "sparse µs", "runs")


def describe_sparse_layers(path: Path, limits: Limits) -> tuple[dict[str, Any], str]:
    """Return the layers of an ONNX model or artifact, as JSON values and as a table.

    Raises:
        UsageError: If sparse kernels cannot run here.
    """
    import onnxruntime

    from prunepack.session import open_session
    from prunepack.sparse.layers import list_sparse_layers
    from prunepack.sparse.library import explain_absence

    if reason := explain_absence(onnxruntime):
        raise UsageError(
            f"sparse kernels cannot run here: {reason}", hint="Omit `--sparse`, or change this"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # nodes of other providers are expected
    session = open_session(path, session_options=options, limits=limits, sparse="auto")
    layers = list_sparse_layers(session)
    samples = getattr(session, "samples_per_pass", None)
    value = {
        "layers": [layer._asdict() | {"sparsity": layer.sparsity} for layer in layers],
        "samples_per_pass": samples,
    }
    return value, _format_layers(layers) + _format_passes(samples)


def _format_layers(layers: Sequence[SparseLayer]) -> str:
    right = "positions zeros dense sparse"
    table = format_table(HEAD, map(_layer_cells, layers), right=right)
    dense = sum(layer.dense_ns for layer in layers)
    mixed = sum(layer.sparse_ns if layer.is_sparse else layer.dense_ns for layer in layers)
    count = sum(layer.is_sparse for layer in layers)
    total = f"{count} of {len(layers)} layers run on sparse kernels; estimated for one thread"
    return f"{table}\n\n{total}: {dense / 1e3:,.0f} µs dense, {mixed / 1e3:,.0f} µs so"


def _format_passes(samples: int | None) -> str:
    return f"\nlarger batches run in passes of {samples:,} samples" if samples else ""


def _layer_cells(layer: SparseLayer) -> tuple[str, ...]:
    return (
        layer.name or "(no name)",
        layer.op,
        f"{layer.rows}×{layer.columns}",
        f"{layer.positions:,}",
        f"{100 * layer.sparsity:.1f} %",
        f"{layer.dense_ns / 1e3:,.1f}",
        f"{layer.sparse_ns / 1e3:,.1f}",
        "sparse" if layer.is_sparse else "dense",
    )
