"""Origin of an exported file: its weights and nodes, compared with those of the checkpoint."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from prunepack.stages.contract.messages import list_first, list_names
from prunepack.stages.contract.progress import remark
from prunepack.stages.graph_diff.explanation import explain_graph
from prunepack.stages.graphs.nodes import read_model
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
    from collections.abc import Sequence

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
        # weights that the exporter itself computes into others, or leaves out
        own = (
            account_weights(fresh.model, module, kept).doubtful if unexplained else account.doubtful
        )
        if unexplained and (origin := _describe_origin(onnx, fresh, explanation.domains)):
            changed = [name for name in account.doubtful if name not in own]
            weights = f"; the weights {list_names(changed, NOTED)} differ from the model's"
            nodes = f"; {len(unexplained)} nodes differ: {listing}"
            reason = f"{origin}{weights if changed else ''}{nodes}"
            return _report_undecided(account, reason)
    return {
        **count_changed(account, own),
        **count_unaccounted(account, own),
        "parity.graph.compared": Metric(explanation.nodes, "nodes"),
        "parity.graph.unexplained_nodes": Metric(len(unexplained), "nodes", note=listing),
    }


def _describe_origin(onnx: OnnxModel, fresh: OnnxModel, domains: Sequence[str]) -> str:
    names = {read_model(each.model).producer_name for each in (onnx, fresh)}
    return describe_origin(onnx.interface, domains, is_foreign=len(names) > 1)


def _report_undecided(account: WeightAccount, reason: str) -> Metrics:
    """Return the metrics of a file that cannot be judged by a fresh export."""
    remark(f"the nodes of the ONNX file are not judged: {reason}")
    return {**count_changed(account), "parity.graph.compared": Metric(0, "nodes", note=reason)}
