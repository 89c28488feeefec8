"""Finetune stage: trains the remaining weights of a masked model, by our loop or a hook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from prunepack.errors import PrunepackError, RefusedError, UsageError
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.progress import remark
from prunepack.stages.contract.resumption import open_resume_folder
from prunepack.stages.contract.stage import Facts, stage
from prunepack.stages.contract.user_code import CodeName
from prunepack.stages.data.datasets import Data, open_data
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.models.checkpoints import open_model, save_masked
from prunepack.stages.models.running import compute_tensors
from prunepack.stages.pruning.remarks import remark_untrained
from prunepack.stages.training.config import TrainConfig
from prunepack.stages.training.hooks import run_hook
from prunepack.stages.training.loop import fit
from prunepack.stages.training.ranks import Ranks, connect, disconnect
from prunepack.stages.training.witness import ModelWitness

if TYPE_CHECKING:
    import torch
    from torch import nn

    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["FinetuneConfig", "dismiss_followers", "finetune", "follow"]


class FinetuneConfig(TrainConfig):
    """The training after each round of pruning."""

    hook: CodeName | None = Field(
        None,
        description="Your function(model, data) or function(context) to run in place of the "
        "built-in training: module:function or file.py:function.",
    )
    arguments: dict[str, Any] = Field({}, description="Keyword arguments of the hook.")


@dataclass(frozen=True, slots=True)
class _Job:
    """One training, as every process of it needs to know it."""

    config: FinetuneConfig
    model: MaskedCheckpoint
    dense: Checkpoint | None
    folder: Path


@stage(produces=MaskedCheckpoint, tools=("torch", "safetensors"), resumable=True)
def finetune(
    config: FinetuneConfig, out: Path, model: MaskedCheckpoint, dense: Checkpoint | None
) -> Facts:
    """Train the remaining weights of ``model``; ``dense`` is the teacher for distillation."""
    with open_resume_folder() as folder:
        job, ranks = _Job(config, model, dense, folder), connect()
        ranks.broadcast(job)
        module, spec, facts = _train(job, ranks)
    if ranks.count > 1:
        remark(f"the model was trained by {ranks.count} processes")
    save_masked(out, module, spec)
    if config.hook is not None:
        _prove_saved(module, spec, MaskedCheckpoint(out, ""), config.hook)
    return facts


def follow() -> int:
    """Train with process 0, as often as it asks; return the exit code 0 when it is done."""
    ranks = connect()
    while (job := ranks.receive()) is not None:
        _train(job, ranks)
    disconnect()
    return 0


def dismiss_followers() -> None:
    """Let the other processes of torchrun end."""
    connect().broadcast(None)
    disconnect()


def _train(job: _Job, ranks: Ranks) -> tuple[nn.Module, ModelSpec, Facts]:
    """Return the trained module, its specification and the facts."""
    config = job.config
    module, spec = open_model(job.model)
    data = open_data(spec.dataset, spec.inputs, spec.dataset_arguments) if spec.dataset else None
    witness = ModelWitness.of(module)
    facts: Facts
    if config.hook is not None:
        run_hook(config.hook, config.arguments, module, data, config, job.folder, ranks)
        facts = {"summary": f"by {config.hook}"}
        witness.check(module, f"the hook `{config.hook}`")
        ranks.check_equal(module)
    elif config.epochs == 0:
        facts = {"summary": "skipped (0 epochs)"}
    elif data is None or not data.train or not data.validation:
        lacking = "train and validation splits" if data else "dataset"
        remark(f"fine-tuning skipped: no {lacking}")
        facts = {"summary": f"skipped (no {lacking})"}
    else:
        facts = _fit(job, module, data, ranks)
        witness.check(module, "our training")
    remark_untrained(module)
    return module, spec, facts


def _fit(job: _Job, module: nn.Module, data: Data, ranks: Ranks) -> Facts:
    config = job.config
    teacher = _open_teacher(job.dense) if config.distill else None
    try:
        fitted = fit(module, data, config, teacher, folder=job.folder, ranks=ranks)
    except PrunepackError:
        raise
    except Exception as error:
        raise UsageError(
            "our training cannot fit this model",
            expected="labels that a loss compares with the answer",
            found=f"{type(error).__name__}: {error}".rstrip("."),
            hint="Train it by your own finetune.hook, or set finetune.epochs to 0",
        ) from error
    gain = f"{fitted.before.format_change(fitted.after)} on validation"
    return {
        "summary": f"{gain}, epoch {fitted.best_epoch} of {config.epochs} kept",
        **fitted.list_scores(),
    }


def _open_teacher(dense: Checkpoint | None) -> nn.Module:
    """Return the dense model.

    Raises:
        UsageError: If the weights before pruning are not known.
    """
    if dense is None:
        raise UsageError(
            "finetune.distill has no dense model as its teacher",
            expected="the dense weights in load.dense",
            found="no dense reference",
            hint="Name the weights before pruning in load.dense, or set finetune.distill to 0",
        )
    return open_model(dense)[0]


def _prove_saved(module: nn.Module, spec: ModelSpec, saved: MaskedCheckpoint, hook: str) -> None:
    """Check that the saved model computes what the hook left.

    Raises:
        RefusedError: If it does not: the hook changed something that a state dict does not hold.
    """
    import torch

    inputs = random_inputs(spec.inputs, 2, 0)
    first, again = (_compute(module, inputs) for _ in range(2))
    if not _are_equal(first, again):
        return  # a model that draws random numbers cannot be compared
    with torch.random.fork_rng(devices=[]):
        reopened = _compute(open_model(saved)[0], inputs)
    if not _are_equal(first, reopened):
        raise RefusedError(
            f"the hook `{hook}` changed the model outside of its state dict",
            expected="the same outputs from the saved weights",
            found="other outputs",
            hint="Keep buffers that the hook changes persistent, and leave no hooks on layers",
        )


def _compute(module: nn.Module, inputs: Any) -> list[torch.Tensor]:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return compute_tensors(module.eval(), inputs)


def _are_equal(left: list[torch.Tensor], right: list[torch.Tensor]) -> bool:
    import torch

    return len(left) == len(right) and all(
        torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)
        for a, b in zip(left, right, strict=True)
    )
