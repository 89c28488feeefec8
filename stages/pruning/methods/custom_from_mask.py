"""The user's own masks, read from a safetensors file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.nn.utils.prune import CustomFromMask

from prunepack.errors import RefusedError
from prunepack.stages.pruning.methods import Method

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from prunepack.stages.pruning.methods import MethodOptions

__all__ = ["METHOD"]


def _arguments(options: MethodOptions, name: str, tensor: torch.Tensor) -> dict[str, Any]:
    assert options.mask_file is not None, "rules with this method have a mask file"
    mask = _read(options.mask_file, name)
    if mask.shape != tensor.shape:
        raise RefusedError(
            f"`{options.mask_file}` holds a mask of the wrong shape for `{name}`",
            expected=f"the shape {tuple(tensor.shape)}",
            found=str(tuple(mask.shape)),
        )
    wrong = mask[(mask != 0) & (mask != 1)]
    if wrong.numel():
        raise RefusedError(
            f"`{options.mask_file}` holds a wrong mask of `{name}`",
            expected="zeros and ones",
            found=f"{wrong.numel():,} other values such as {wrong[0].item():g}",
        )
    return {"mask": mask}


def _read(file: Path, name: str) -> torch.Tensor:
    """Return the tensor that ``file`` holds as ``name`` or as ``name_mask``."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as masks:
            keys = list(masks.keys())
            key = next((key for key in (name, f"{name}_mask") if key in keys), None)
            if key is not None:
                mask: torch.Tensor = masks.get_tensor(key)
                return mask
    except (SafetensorError, OSError) as error:
        raise RefusedError(
            f"`{file}` cannot be read", expected="a safetensors file", found=str(error)
        ) from None
    shown = ", ".join(keys[:5]) + (", …" if len(keys) > 5 else "")
    raise RefusedError(
        f"`{file}` has no mask of `{name}`",
        expected=f"{name} or {name}_mask",
        found=shown or "no tensor",
        hint="Add the mask, or leave the layer out with prune.exclude",
    )


METHOD = Method(CustomFromMask, _arguments)
