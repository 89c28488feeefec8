"""Finalize stage: makes the masks permanent and proves it."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from prunepack.errors import PrunepackError, RefusedError
from prunepack.stages.contract.messages import list_first
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.progress import remark
from prunepack.stages.contract.stage import Config, Facts, stage
from prunepack.stages.contract.user_code import InputData
from prunepack.stages.data.input_values import is_batched, limit_batch, move_batch_axis
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.data.user_samples import collect_samples
from prunepack.stages.models.checkpoints import open_model, save_checkpoint, select_tensors
from prunepack.stages.models.denormals import (
    find_tensor_denormals,
    flush_denormals,
    keep_denormals,
)
from prunepack.stages.models.examination import are_equal
from prunepack.stages.models.index_bounds import find_index_sizes
from prunepack.stages.models.running import compute_tensors
from prunepack.stages.pruning.masks import pruned_parameters
from prunepack.stages.pruning.parametrizations import fold_masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import torch
    from torch import nn

    from prunepack.stages.contract.arrays import Arrays
    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["FinalizeConfig", "finalize", "make_permanent", "remove_masks"]


BATCH = 16
"""Number of samples per run of the proof."""
RTOL, ATOL = 1e-6, 1e-30
"""Change of an output that flushing may cause; a layer that divides by the norm of its weights, as
weight_norm does, changes far more."""


class FinalizeConfig(Config):
    """The proof that the finalized model equals the masked model."""

    samples: int = Field(64, ge=1, description="Number of random inputs for the proof.")
    inputs: InputData = Field(
        "",
        description="Your samples for the proof, in the forms of verify.inputs, which is the "
        "default in a recipe.",
    )
    seed: int = Field(0, ge=0, description="Seed of the random inputs.")
    flush_denormals: bool = Field(
        True,
        description="Set denormal weights, such as 1e-40, to zero: they make a session slower, "
        "and are stored as nonzeros.",
    )


@stage(produces=Checkpoint, tools=("torch", "safetensors"))
@keep_denormals()
def finalize(config: FinalizeConfig, out: Path, model: MaskedCheckpoint) -> Facts:
    """Make every mask permanent; the outputs equal those of the masked model exactly."""
    module, spec = open_model(model)
    batches = _choose_batches(config, module, spec)
    masks, flushed = make_permanent(config, module, batches)
    final = {"masked": tuple(masks), "is_final": True}
    save_checkpoint(out, module, spec.model_copy(update=final))
    zeros = sum(int((mask == 0).sum()) for mask in masks.values())
    total = sum(mask.numel() for mask in masks.values())
    also = f", {flushed:,} denormals set to +0.0" if flushed else ""
    summary = f"{len(masks)} masks permanent, {zeros:,} of {total:,} weights are +0.0{also}"
    return {"summary": summary, "zeros": zeros, "weights": total, "flushed": flushed}


def make_permanent(
    config: FinalizeConfig, module: nn.Module, batches: Sequence[Arrays]
) -> tuple[dict[str, torch.Tensor], int]:
    """Remove the masks in place, and prove that no output on ``batches`` changed.

    Returns the masks by name, and the number of denormals that were set to zero.

    Raises:
        RefusedError: If a weight is not finite, or an output changed.
    """
    module.requires_grad_(False)
    before = [_compute(module, batch) for batch in batches]
    _remark_nonfinite(before)
    masks = remove_masks(module)
    module.requires_grad_(False)
    _prove_removed(module, masks)
    for outputs, batch in zip(before, batches, strict=True):
        _prove_equal(outputs, compute_tensors(module, batch))
    return masks, _flush(module, batches) if config.flush_denormals else 0


def _flush(module: nn.Module, batches: Sequence[Arrays]) -> int:
    """Set denormal weights to zero, unless outputs depend on them; return their number."""
    before = [_compute(module, batch) for batch in batches]
    tensors = flush_denormals(module)
    counts = {name: int(find_tensor_denormals(old).sum()) for name, old in tensors.items()}
    listing = list_first(f"`{name}` ({count:,})" for name, count in counts.items())
    after = [compute_tensors(module, batch) for batch in batches]
    pairs = zip(chain(*before), chain(*after), strict=True)
    if not all(old.allclose(new, RTOL, ATOL, equal_nan=True) for old, new in pairs):
        module.load_state_dict(tensors, strict=False)
        remark(f"denormal weights stay, because the outputs depend on them: {listing}")
        return 0
    if tensors:
        remark(f"denormal weights set to +0.0 in {listing}")
    return sum(counts.values())


def _choose_batches(config: FinalizeConfig, module: nn.Module, spec: ModelSpec) -> list[Arrays]:
    """Return random samples in small batches, and a batch of each source of real samples."""
    sizes = find_index_sizes(module, spec.inputs, config.seed)
    size = limit_batch(spec.inputs, BATCH)
    spans = range(0, config.samples if is_batched(spec.inputs) else 1, size)
    batches = [
        random_inputs(spec.inputs, min(size, config.samples - start), config.seed + start, sizes)
        for start in spans
    ]
    real = _read_samples(config.inputs, spec, size)
    return [*batches, *(move_batch_axis(spec.inputs, arrays) for arrays in real)]


def _read_samples(inputs: str, spec: ModelSpec, size: int) -> list[Arrays]:
    try:
        return [samples.first(size).arrays for samples in collect_samples(inputs, spec, size)]
    except PrunepackError:  # verify, which needs the samples, reports it
        return []


def _compute(module: nn.Module, inputs: Arrays) -> list[torch.Tensor]:
    """Return copies of the outputs: a module may return one of its buffers."""
    return [tensor.clone() for tensor in compute_tensors(module, inputs)]


def _remark_nonfinite(before: Iterable[list[torch.Tensor]]) -> None:
    """Tell that the outputs say nothing, if none of their values is finite."""
    tensors = [tensor for outputs in before for tensor in outputs if tensor.numel()]
    if tensors and not any(tensor.isfinite().any() for tensor in tensors):
        remark(
            "every output of the masked model is NaN or infinite, so its comparison with the "
            "finalized model is empty: set verify.inputs to samples with finite outputs"
        )


def remove_masks(model: nn.Module) -> dict[str, torch.Tensor]:
    """Multiply every mask into its parameter, in place, and return the masks by name.

    ``prune.remove`` leaves -0.0 for pruned negative weights; here every pruned weight becomes
    +0.0, whose bits are all zero. Weights that a layer computes, as with weight_norm, become plain
    parameters, and the masks have their names.

    Raises:
        RefusedError: If a weight under a mask is NaN or Inf (``inf * 0`` is NaN).
    """
    import torch
    from torch.nn.utils import prune

    masks: dict[str, torch.Tensor] = {}
    for place in list(pruned_parameters(model)):
        masks[place.name] = place.mask.clone()
        _check_finite(f"{place.name}_orig", place.original)
        prune.remove(place.module, place.parameter)
        with torch.no_grad():
            getattr(place.module, place.parameter)[masks[place.name] == 0] = 0.0
    return fold_masked(model, masks)


def _check_no_masks(model: nn.Module, names: Iterable[str]) -> None:
    gone = {f"{name}{suffix}" for name in names for suffix in ("_orig", "_mask")}
    left = sorted(gone & model.state_dict().keys())
    left += [place.name for place in pruned_parameters(model)]
    if left:
        raise RefusedError("masks are still on", expected="no masks", found=", ".join(left[:5]))


def _prove_removed(model: nn.Module, masks: dict[str, torch.Tensor]) -> None:
    """Check that no mask remains, that masked weights are +0.0 and that all numbers are finite.

    Raises:
        RefusedError: If one of these does not hold.
    """
    import torch

    _check_no_masks(model, masks)
    state = select_tensors(model.state_dict(keep_vars=True))
    for name, tensor in state.items():
        _check_finite(name, tensor)
    for name, mask in masks.items():
        bits = state[name].detach()[mask == 0].contiguous().view(torch.uint8)
        if bits.any():
            raise RefusedError(
                f"`{name}` is not pruned", expected="+0.0 where masked", found="other values"
            )


def _check_finite(name: str, tensor: torch.Tensor) -> None:
    """Refuse NaN, and Inf in a parameter; a buffer may hold -Inf, as attention masks do."""
    from torch import nn

    broken = ~tensor.isfinite() if isinstance(tensor, nn.Parameter) else tensor.isnan()
    bad = int(broken.sum())
    if bad:
        raise RefusedError(
            f"`{name}` is not finite",
            expected="finite numbers",
            found=f"{bad:,} NaN or Inf",
            hint="Check the training: the values were there before the masks were removed",
        )


def _prove_equal(before: list[torch.Tensor], after: list[torch.Tensor]) -> None:
    """Check that finite outputs are equal, and that the others are at the same places.

    NaN and infinities are not compared with each other: the sign of a zero weight, which torch
    leaves negative, may decide between them.

    Raises:
        RefusedError: If an output changed.
    """
    for index, (masked, final) in enumerate(zip(before, after, strict=True)):
        if not are_equal([masked], [final]) and (change := _describe_change(masked, final)):
            raise RefusedError(
                f"output {index} changed when the masks were made permanent",
                expected="exactly equal outputs",
                found=change,
                hint="Look for a weight that another layer shares but does not mask",
            )


def _describe_change(masked: torch.Tensor, final: torch.Tensor) -> str:
    """Return the change of an output in words; nothing if its finite values are equal."""
    finite = masked.isfinite() & final.isfinite()
    count = int((masked.isfinite() != final.isfinite()).sum())
    if count:
        return f"{count:,} values that are NaN or infinite in one of the two only"
    errors = (masked.double() - final.double()).abs()[finite]
    error = float(errors.max()) if errors.numel() else 0.0
    return f"a difference of up to {error:g}" if error else ""
