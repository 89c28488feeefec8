"""Order of the stages: the whole pipeline on one screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from prunepack.stages.contract.outputs import MaskedCheckpoint
from prunepack.stages.export import export
from prunepack.stages.finalize import finalize
from prunepack.stages.finetune import finetune
from prunepack.stages.gate import gate
from prunepack.stages.load import load
from prunepack.stages.measure import measure
from prunepack.stages.pack import pack
from prunepack.stages.prune import prune
from prunepack.stages.undo import undo
from prunepack.stages.verify import verify

if TYPE_CHECKING:
    from prunepack.pipeline.plan import Plan
    from prunepack.pipeline.runner import Runner
    from prunepack.stages.contract.outputs import Verdict

__all__ = ["STAGES", "build", "count_stages"]

export_dense = replace(export, name="export_dense")
"""The export of the model before pruning, as the reference of the pruned model."""

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
    once = len(STAGES.keys() - {"undo", "prune", "finetune"})
    return once + int(with_undo) + 2 * len(plan.prune.rounds)


def build(plan: Plan, run: Runner) -> Verdict:
    """Carry a model from its trained weights to a packed file and a verdict on it."""
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
