"""Finetune stage: trains the remaining weights of a masked model, by our loop or a hook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from prunepack.errors import PrunepackError, RefusedError, UsageError
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.stage import Facts, stage
from prunepack.stages.contract.user_code import CodeName, load_user_code
from prunepack.stages.data.datasets import Data, open_data
from prunepack.stages.models.checkpoints import open_model, save_masked
from prunepack.stages.pruning.masks import Pruned, pruned_parameters
from prunepack.stages.training.config import TrainConfig
from prunepack.stages.training.loop import fit

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["FinetuneConfig", "MaskWitness", "finetune"]


class FinetuneConfig(TrainConfig):
    """The training after each round of pruning."""

    hook: CodeName | None = Field(
        None,
        description="Your function(model, data) in place of our training: module:function or "
        "file.py:function.",
    )


@stage(produces=MaskedCheckpoint, tools=("torch", "safetensors"))
def finetune(
    config: FinetuneConfig, out: Path, model: MaskedCheckpoint, dense: Checkpoint
) -> Facts:
    """Train the remaining weights of ``model``; ``dense`` is the teacher for distillation."""
    module, spec = open_model(model)
    data = open_data(spec.dataset, spec.inputs, spec.dataset_arguments) if spec.dataset else None
    witness = MaskWitness.of(module)
    if config.hook is not None:
        summary = _run_hook(config.hook, module, data)
    elif config.epochs == 0:
        summary = "skipped (0 epochs)"
    else:
        summary = _fit(config, module, data, dense)
    witness.check(module, config.hook or "our training")
    save_masked(out, module, spec)
    return {"summary": summary}


def _fit(config: FinetuneConfig, module: nn.Module, data: Data | None, dense: Checkpoint) -> str:
    if data is None or not data.train or not data.validation:
        raise UsageError(
            "the model cannot be fine-tuned without samples",
            expected="load.dataset with train and validation splits",
            found="none",
            hint="Name a dataset, your own finetune.hook, or set finetune.epochs to 0",
        )
    teacher = open_model(dense)[0] if config.distill else None
    try:
        fitted = fit(module, data, config, teacher)
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
    return f"{gain}, epoch {fitted.best_epoch} of {config.epochs} kept"


def _run_hook(hook: str, module: nn.Module, data: Data | None) -> str:
    """Call the user's function on the live masked module.

    Raises:
        UsageError: If it raises, or returns a value other than None or the same module.
    """
    function = load_user_code(hook)
    try:
        returned = function(module, data)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"the hook {hook} failed", found=f"{type(error).__name__}: {error}"
        ) from error
    if returned is not None and returned is not module:
        raise UsageError(
            f"the hook {hook} returned a {type(returned).__name__}",
            expected="None, or the module it was given",
            hint="Train the module in place, so that its masks stay",
        )
    module.to("cpu").eval()
    return f"by {hook}"


@dataclass(frozen=True, slots=True)
class MaskWitness:
    """The masks and the masked parameters of a module before a hook runs.

    Attributes:
        seen: Per parameter: its place, the tensor under the mask, a copy of the mask.
    """

    seen: tuple[tuple[Pruned, nn.Parameter, torch.Tensor], ...]

    @classmethod
    def of(cls, model: nn.Module) -> MaskWitness:
        """Remember the masks of ``model`` and the parameters under them."""
        return cls(
            tuple((place, place.original, place.mask.clone()) for place in pruned_parameters(model))
        )

    def check(self, model: nn.Module, hook: str) -> None:
        """Compare the masks and parameters of ``model`` with the remembered ones.

        Raises:
            RefusedError: If a mask is missing, new or changed, or a parameter was replaced or is
                not finite; the error names the layer.
        """
        now = {place.name: place for place in pruned_parameters(model)}
        for before, original, mask in self.seen:
            problem = _find_problem(now.pop(before.name, None), original, mask)
            if problem:
                expected, found, hint = problem
                layer = before.layer or "(root)"
                raise RefusedError(
                    f"{hook} changed {before.parameter} of layer {layer}",
                    expected=expected,
                    found=found,
                    hint=hint,
                )
        for name in now:
            raise RefusedError(
                f"{hook} pruned {name}",
                expected="no mask, as before",
                found="a mask",
                hint="Prune in the prune stage: hooks only train",
            )


def _find_problem(
    now: Pruned | None, original: nn.Parameter, mask: torch.Tensor
) -> tuple[str, str, str] | None:
    """Return (expected, found, hint) if mask or parameter changed in a way that is not allowed."""
    keep = "Leave the pruning hooks on: finalize removes them"
    if now is None:
        return "its pruning mask", "none (it was removed or the layer was replaced)", keep
    if now.original is not original:
        hint = "Change the parameter in place: an earlier optimizer would train the old one"
        return "the parameter it had", "another one", hint
    if now.mask.shape != mask.shape or bool((now.mask.cpu() != mask).any()):
        revived = int(((now.mask.cpu() != 0) & (mask == 0)).sum())
        return "the mask it had", f"another one, {revived:,} weights revived", keep
    if not bool(now.original.isfinite().all()):
        bad = int((~now.original.isfinite()).sum())
        return "finite weights", f"{bad:,} NaN or Inf", "Lower the learning rate"
    return None
