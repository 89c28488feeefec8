"""Pruning of a whole ONNX model by the rules of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.contract.messages import list_names
from prunepack.stages.contract.outputs import write_interface
from prunepack.stages.contract.progress import remark
from prunepack.stages.graphs.assignment import assign_graph_rules, exclude_graph_tensors
from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.graphs.pruning import apply_graph_rule, draw_for_round
from prunepack.stages.graphs.rewriting import open_graph_tensors, put_masks_in_graph, write_graph

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prunepack.stages.contract.outputs import OnnxModel
    from prunepack.stages.contract.stage import Facts
    from prunepack.stages.graphs.pruning import GraphTensor
    from prunepack.stages.pruning.rules import Rule
    from prunepack.stages.pruning.schedules import Round

__all__ = ["prune_graph"]


def prune_graph(
    model: OnnxModel,
    out: Path,
    rules: Sequence[Rule],
    rounds: Sequence[Round],
    seed: int,
    exclude: Sequence[str] = (),
) -> Facts:
    """Write ``model`` with its weights pruned, in all rounds, to the folder ``out``.

    Args:
        model: The model; zeros that were taken for masks stay.
        out: The folder to write to.
        rules: The rules; none prunes nothing further.
        rounds: The rounds of the schedule.
        seed: Seed of the methods that draw at random.
        exclude: Layers that stay dense.

    Raises:
        UsageError: If a rule does not fit the model.
        RefusedError: If the model or a file of masks cannot be used.
    """
    from onnx.external_data_helper import load_external_data_for_model

    proto = read_model(model.model)
    load_external_data_for_model(proto, str(model.path))
    tensors = open_graph_tensors(proto, model.masked)
    jobs = _choose_tensors(rules, tensors, exclude)
    for this_round in rounds:
        draw = draw_for_round(seed, this_round)
        for rule, covered in jobs:
            apply_graph_rule(rule, covered, this_round, draw)
    put_masks_in_graph(tensors)
    write_graph(proto, out / "model.onnx")
    interface = model.interface | {"file": "model.onnx"}
    write_interface(out, interface)
    pruned = [tensor for tensor in tensors if not tensor.mask.all()]
    return _count(pruned or [tensor for _, covered in jobs for tensor in covered])


def _choose_tensors(
    rules: Sequence[Rule], tensors: Sequence[GraphTensor], exclude: Sequence[str]
) -> list[tuple[Rule, list[GraphTensor]]]:
    """Return the rules with the tensors that each prunes, and name those that none reaches."""
    if not tensors:
        raise UsageError(
            "the ONNX model has nothing to prune",
            expected="weights of floating-point numbers in Conv, Gemm, MatMul, LSTM, GRU or Gather",
            found="none",
            hint="Pack the model as it is with prunepack pack",
        )
    jobs = assign_graph_rules(rules, exclude_graph_tensors(exclude, tensors))
    reached = [tensor for _, covered in jobs for tensor in covered]
    names = [t.name for t in tensors if t.values.ndim >= 2 and t not in reached]
    if names:
        remark(f"no rule reaches {list_names(names, 5)}: left dense")
    return jobs


def _count(tensors: Sequence[GraphTensor]) -> Facts:
    total = sum(tensor.mask.size for tensor in tensors)
    pruned = total - sum(int(tensor.mask.sum()) for tensor in tensors)
    sparsity = pruned / total if total else 0.0
    return {
        "summary": f"{100 * sparsity:.1f} % of {total:,} weights pruned in the ONNX model",
        "sparsity": sparsity,
        "pruned": pruned,
        "weights": total,
        "tensors": len(tensors),
    }
