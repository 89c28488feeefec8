"""Order of the stages: the whole pipeline on one screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from prunepack.stages.contract.outputs import MaskedCheckpoint
from prunepack.stages.contract.user_code import is_model_file
from prunepack.stages.export import export
from prunepack.stages.finalize import finalize
from prunepack.stages.finetune import finetune
from prunepack.stages.gate import gate
from prunepack.stages.load import load
from prunepack.stages.load_onnx import LoadOnnxConfig, load_onnx, load_program
from prunepack.stages.measure import measure
from prunepack.stages.pack import pack
from prunepack.stages.prune import PruneConfig, prune, prune_onnx
from prunepack.stages.undo import undo
from prunepack.stages.verify import verify

if TYPE_CHECKING:
    from prunepack.pipeline.plan import Plan
    from prunepack.pipeline.runner import Runner
    from prunepack.stages.contract.outputs import Verdict

__all__ = ["STAGES", "build", "count_stages"]

export_dense = replace(export, name="export_dense")
"""The export of the model before pruning, as the reference of the pruned model."""

verify_onnx = replace(verify, tools=tuple(tool for tool in verify.tools if tool != "torch"))
"""The same comparison, of a model without a torch form."""

STAGES = {
    stage.name: stage
    for stage in (
        load,
        undo,
        prune,
        finetune,
        finalize,
        export,
        pack,
        export_dense,
        verify,
        measure,
        gate,
    )
}
"""Every stage by name, in the order of a run."""


def count_stages(plan: Plan, *, with_undo: bool = False) -> int:
    """Return the number of stages that :func:`build` runs.

    Args:
        plan: The plan of the run.
        with_undo: Whether the model is loaded with masks, which are removed for the dense model.
    """
    if is_model_file(plan.load.model):
        return len(STAGES.keys() & {"load", "prune", "pack", "verify", "measure", "gate"})
    once = len(STAGES.keys() - {"undo", "prune", "finetune"})
    return once + int(with_undo) + 2 * len(plan.prune.rounds)


def build(plan: Plan, run: Runner) -> Verdict:
    """Carry a model from its trained weights to a packed file and a verdict on it."""
    if is_model_file(plan.load.model):
        return build_from_onnx(plan, run)
    model = run(load, plan.load)
    dense = run(undo, plan.undo, model) if isinstance(model, MaskedCheckpoint) else model
    first, *later = plan.prune.rounds
    tuned = run(finetune, plan.finetune, run(prune, first, model), dense)
    for config in later:
        tuned = run(finetune, plan.finetune, run(prune, config, tuned), dense)
    final = run(finalize, plan.finalize, tuned)
    onnx = run(export, plan.export, final)
    artifact = run(pack, plan.pack, onnx)
    dense_onnx = run(export_dense, plan.export, dense)
    parity = run(verify, plan.verify, dense, final, onnx, artifact)
    measured = run(measure, plan.measure, dense, tuned, dense_onnx, onnx, artifact)
    return run(gate, plan.gate, parity, measured)


def build_from_onnx(plan: Plan, run: Runner) -> Verdict:
    """Carry an ONNX model to a packed file and a verdict on it, without torch."""
    config = LoadOnnxConfig.select(plan.load)
    loader = load_program if config.model.endswith(".pt2") else load_onnx
    source = run(loader, config)
    named = run(load_onnx, config.of_dense) if config.dense is not None else None
    dense = named or (None if source.masked else source)
    keep = bool(source.masked) and "prune" not in plan.model_fields_set
    onnx = run(prune_onnx, PruneConfig(method="identity") if keep else plan.prune, source)
    artifact = run(pack, plan.pack, onnx)
    parity = run(verify_onnx, plan.verify, dense, None, onnx, artifact)
    measured = run(measure, plan.measure, None, None, dense, onnx, artifact)
    return run(gate, plan.gate, parity, measured)
