"""Make the masks permanent and prove it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from prunepack.errors import RefusedError
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.models.checkpoints import open_model, save_checkpoint
from prunepack.stages.models.running import compute_tensors
from prunepack.stages.pruning.masks import pruned_parameters

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["FinalizeConfig", "finalize", "remove_masks"]


class FinalizeConfig(Config):
    """How the permanent weights are proved equal to the masked ones."""

    samples: int = Field(64, ge=1, description="Random inputs on which both models must agree.")
    seed: int = Field(0, ge=0, description="Seed of these inputs.")


@stage(produces=Checkpoint, tools=("torch", "safetensors"))
def finalize(config: FinalizeConfig, out: Path, model: MaskedCheckpoint) -> Facts:
    """Remove every mask for good; the result computes exactly what the masked model did."""
    module, spec = open_model(model)
    inputs = random_inputs(spec.inputs, config.samples, config.seed)
    before = compute_tensors(module, inputs)
    masks = remove_masks(module)
    _prove_removed(module, masks)
    _prove_equal(before, compute_tensors(module, inputs))
    save_checkpoint(out, module, spec)
    zeros = sum(int((mask == 0).sum()) for mask in masks.values())
    total = sum(mask.numel() for mask in masks.values())
    return {
        "summary": f"{len(masks)} masks permanent, {zeros:,} of {total:,} weights are +0.0",
        "zeros": zeros,
        "weights": total,
    }


def remove_masks(model: nn.Module) -> dict[str, torch.Tensor]:
    """Multiply every mask into its parameter, in place, and return the masks by name.

    ``prune.remove`` leaves -0.0 where a negative weight was pruned; here every pruned weight
    becomes +0.0, whose bits are all zero.

    Raises:
        RefusedError: If a weight under a mask is NaN or Inf (``inf * 0`` is NaN).
    """
    import torch
    from torch.nn.utils import prune

    masks: dict[str, torch.Tensor] = {}
    for one in list(pruned_parameters(model)):
        masks[one.name] = one.mask.clone()
        _finite(f"{one.name}_orig", one.original)
        prune.remove(one.module, one.parameter)
        with torch.no_grad():
            getattr(one.module, one.parameter)[masks[one.name] == 0] = 0.0
    return masks


def _prove_removed(model: nn.Module, masks: dict[str, torch.Tensor]) -> None:
    """Check that nothing of the pruning is left but zeros, and that all numbers are finite."""
    import torch

    gone = {f"{name}{suffix}" for name in masks for suffix in ("_orig", "_mask")}
    left = sorted(gone & model.state_dict().keys())
    left += [one.name for one in pruned_parameters(model)]
    if left:
        raise RefusedError("masks are still on", expected="none", found=", ".join(left[:5]))
    state = model.state_dict(keep_vars=True)
    for name, tensor in state.items():
        _finite(name, tensor)
    for name, mask in masks.items():
        bits = state[name].detach()[mask == 0].contiguous().view(torch.uint8)
        if bits.any():
            raise RefusedError(
                f"{name} is not pruned", expected="+0.0 where masked", found="others"
            )


def _finite(name: str, tensor: torch.Tensor) -> None:
    """Refuse NaN, and Inf in a parameter; a buffer may hold -Inf, as attention masks do."""
    from torch import nn

    broken = ~tensor.isfinite() if isinstance(tensor, nn.Parameter) else tensor.isnan()
    bad = int(broken.sum())
    if bad:
        raise RefusedError(
            f"{name} is not finite",
            expected="finite numbers",
            found=f"{bad:,} NaN or Inf",
            hint="The model was broken before its masks were removed: look at how it was trained.",
        )


def _prove_equal(before: list[torch.Tensor], after: list[torch.Tensor]) -> None:
    import torch

    for index, (masked, final) in enumerate(zip(before, after, strict=True)):
        if not torch.equal(masked, final):
            apart = float((masked.double() - final.double()).abs().max())
            raise RefusedError(
                f"output {index} changed when the masks were made permanent",
                expected="exactly equal outputs",
                found=f"a difference of up to {apart:g}",
                hint="Look for a weight that another layer shares but does not mask.",
            )
