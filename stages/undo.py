"""Take the masks off again: the dense model back."""

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
    """Nothing to choose: every mask comes off."""


@stage(produces=Checkpoint, tools=("torch", "safetensors"))
def undo(config: UndoConfig, out: Path, model: MaskedCheckpoint) -> Facts:  # noqa: ARG001
    """Write the model without its masks; exactly the one before pruning, unless it was trained."""
    module, spec = open_model(model)
    masks = list(pruned_parameters(module))
    for one in masks:
        lift_mask(one)
    exact = digest_state(module.state_dict()) == spec.before_pruning
    save_checkpoint(out, module, spec.model_copy(update={"before_pruning": ""}))
    return {
        "summary": f"{len(masks)} masks taken off, {_verdict(spec, exact=exact)}",
        "exact": exact,
        "masks": len(masks),
    }


def _verdict(spec: ModelSpec, *, exact: bool) -> str:
    if exact:
        return "bit for bit the model before pruning"
    if not spec.before_pruning:
        return "the model before pruning is not known"
    return "not the model before pruning: trained since"
