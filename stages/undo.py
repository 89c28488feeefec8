"""Undo stage: takes the masks off and restores the dense model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.models.checkpoints import digest_state, open_model, save_checkpoint
from prunepack.stages.pruning.masks import lift_mask, pruned_parameters

if TYPE_CHECKING:
    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["UndoConfig", "undo"]


class UndoConfig(Config):
    """No options: every mask is taken off."""


@stage(produces=Checkpoint, tools=("torch", "safetensors"))
def undo(config: UndoConfig, out: Path, model: MaskedCheckpoint) -> Facts:  # noqa: ARG001
    """Write the model without its masks: the model before pruning, unless it was trained since."""
    module, spec = open_model(model)
    masks = list(pruned_parameters(module))
    for place in masks:
        lift_mask(place)
    exact = digest_state(module.state_dict()) == spec.before_pruning
    save_checkpoint(out, module, spec.model_copy(update={"before_pruning": ""}))
    return {
        "summary": f"{len(masks)} masks taken off, {_describe(spec, exact=exact)}",
        "exact": exact,
        "masks": len(masks),
    }


def _describe(spec: ModelSpec, *, exact: bool) -> str:
    if exact:
        return "bit for bit the model before pruning"
    if not spec.before_pruning:
        return "the model before pruning is not known"
    return "not the model before pruning: trained since"
