"""Origin of an exported file: its weights and nodes, compared with those of the checkpoint."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prunepack.stages.contract.messages import list_first
from prunepack.stages.contract.progress import remark
from prunepack.stages.graph_diff.explanation import explain_graph
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.pruning.parametrizations import fold_parametrizations
from prunepack.stages.structure.fresh_export import describe_origin, export_again
from prunepack.stages.structure.weights import (
    WeightAccount,
    account_weights,
    count_changed,
    count_unaccounted,
)

if TYPE_CHECKING:
    from torch import nn

    from prunepack.stages.contract.outputs import Checkpoint, OnnxModel

__all__ = ["compare_with_checkpoint"]

NOTED = 3
"""Nodes that a note shows."""


def compare_with_checkpoint(onnx: OnnxModel, final: Checkpoint, module: nn.Module) -> Metrics:
    """Compare an exported file with its checkpoint and with a fresh export of that.

    Args:
        onnx: The file, with the record of its export.
        final: The checkpoint.
        module: Its model, whose parametrizations are folded here.

    Returns:
        ``parity.weights.*`` and ``parity.graph.*``; without those that need a fresh export, if
        there is none or the file may honestly differ from it.
    """
    fold_parametrizations(module)
    with TemporaryDirectory() as folder:
        fresh = export_again(final, onnx.interface, Path(folder))
        if isinstance(fresh, str):
            return _report_undecided(account_weights(onnx.model, module), fresh)
        kept = fresh.interface.get("kept", {})
        account = account_weights(onnx.model, module, kept)
        explanation = explain_graph(fresh.model, onnx.model)
        unexplained = explanation.unexplained
        listing = list_first(unexplained, NOTED)
        if unexplained and (origin := describe_origin(onnx.interface, explanation.domains)):
            reason = f"{origin}; {len(unexplained)} nodes differ: {listing}"
            return _report_undecided(account, reason)
        # weights that the exporter itself computes into others, or leaves out
        own = (
            account_weights(fresh.model, module, kept).doubtful if unexplained else account.doubtful
        )
    return {
        **count_changed(account, own),
        **count_unaccounted(account, own),
        "parity.graph.compared": Metric(explanation.nodes, "nodes"),
        "parity.graph.unexplained_nodes": Metric(len(unexplained), "nodes", note=listing),
    }


def _report_undecided(account: WeightAccount, reason: str) -> Metrics:
    """Return the metrics of a file that cannot be judged by a fresh export."""
    remark(f"the nodes of the ONNX file are not judged: {reason}")
    return {**count_changed(account), "parity.graph.compared": Metric(0, "nodes", note=reason)}
