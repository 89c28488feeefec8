"""Order of the stages: the whole pipeline on one screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from prunepack.stages.compact import compact
from prunepack.stages.contract.model_spec import read_spec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.user_code import is_model_file
from prunepack.stages.export import export
from prunepack.stages.finalize import finalize
from prunepack.stages.finetune import FinetuneConfig, finetune
from prunepack.stages.gate import gate
from prunepack.stages.load import load
from prunepack.stages.load_onnx import LoadOnnxConfig, load_onnx, load_program
from prunepack.stages.measure import measure
from prunepack.stages.pack import pack
from prunepack.stages.prune import PruneConfig, prune, prune_onnx
from prunepack.stages.undo import undo
from prunepack.stages.verify import verify

if TYPE_CHECKING:
    from collections.abc import Collection

    from prunepack.pipeline.plan import Plan
    from prunepack.pipeline.runner import Runner
    from prunepack.stages.contract.outputs import Verdict
    from prunepack.stages.contract.stage import Config

__all__ = ["STAGES", "build", "count_stages"]

export_dense = replace(export, name="export_dense")
"""The same export, of the model before pruning: what the pruned one is compared with."""

load_dense = replace(load, name="load_dense")
"""The same load, of the dense weights that the recipe names."""

verify_onnx = replace(verify, tools=("onnx", "onnxruntime", "numpy", "scipy"))
"""The same comparison, of a model without a torch form."""

STAGES = {
    stage.name: stage
    for stage in (
        load,
        load_dense,
        undo,
        prune,
        finetune,
        finalize,
        export,
        compact,
        pack,
        export_dense,
        verify,
        measure,
        gate,
    )
}
"""Every stage by name, in the order of a run."""

SOMETIMES = ("load_dense", "undo")
"""Stages that run only for models that were pruned before."""


OF_ONNX = {"load", "prune", "compact", "pack", "verify", "measure", "gate"}
"""Stages that run for a model in an ONNX file."""


def count_stages(plan: Plan, started: Collection[str] = ()) -> int:
    """Return the number of stages that :func:`build` runs.

    Args:
        plan: The plan of the run.
        started: The names of the stages so far; they show whether there is a dense model.
    """
    if is_model_file(plan.load.model):
        return len(STAGES.keys() & OF_ONNX)
    once = len(STAGES.keys() - {*SOMETIMES, "prune", "finetune"})
    once += sum(stage in started for stage in SOMETIMES)
    once -= "verify" in started and "export_dense" not in started
    return once + 2 * len(plan.prune.rounds)


def build(plan: Plan, run: Runner) -> Verdict:
    """Carry a model from its trained weights to a packed file and a verdict on it."""
    if is_model_file(plan.load.model):
        return build_from_onnx(plan, run)
    if "model" not in plan.load.model_fields_set:
        run.remark(f"no `load.model`: the built-in model {plan.load.model} is used")
    model = run(load, plan.load)
    dense = _find_dense(plan, run, model)
    plan = _choose_pruning(plan, run, model)
    first, *later = plan.prune.rounds
    tuned = run(finetune, plan.training, run(prune, first, model), dense)
    for config in later:
        tuned = run(finetune, plan.training, run(prune, config, tuned), dense)
    final = run(finalize, plan.proof, tuned)
    onnx = run(compact, plan.compact, run(export, plan.export, final))
    artifact = run(pack, plan.pack, onnx)
    dense_onnx = run(export_dense, plan.export, dense) if dense else None
    parity = run(verify, plan.comparison, dense, final, onnx, artifact)
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
    pruned = run(prune_onnx, PruneConfig(method="identity") if keep else plan.prune, source)
    onnx = run(compact, plan.compact, pruned)
    artifact = run(pack, plan.pack, onnx)
    parity = run(verify_onnx, plan.comparison, dense, None, onnx, artifact)
    measured = run(measure, plan.measure, None, None, dense, onnx, artifact)
    return run(gate, plan.gate, parity, measured)


def _find_dense(plan: Plan, run: Runner, model: Checkpoint | MaskedCheckpoint) -> Checkpoint | None:
    """Return the model to compare with; None if the weights before pruning are not known."""
    if plan.load.dense is not None:
        given = {"weights": plan.load.dense, "dense": None, "masks": "none"}
        return cast("Checkpoint", run(load_dense, plan.load.model_copy(update=given)))
    if not isinstance(model, MaskedCheckpoint):
        return model
    return run(undo, plan.undo, model) if read_spec(model.path).is_dense_known else None


def _choose_pruning(plan: Plan, run: Runner, model: Checkpoint | MaskedCheckpoint) -> Plan:
    """Return the plan for a model that was pruned before, if the recipe does not prune it."""
    if "prune" in plan.model_fields_set:
        return plan
    if not isinstance(model, MaskedCheckpoint):
        run.remark(f"no [prune] table: {100 * plan.prune.amount:.0f} % pruned by default")
        return plan
    update: dict[str, Config] = {"prune": PruneConfig(method="none")}
    text = "no [prune] table: the model is not pruned further, and its masks stay"
    if "finetune" not in plan.model_fields_set:
        update["finetune"] = FinetuneConfig(epochs=0)
        text += "; no [finetune] table: it is not trained"
    run.remark(text)
    return plan.model_copy(update=update)
