"""State of an unfinished training, written after each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prunepack.io.atomic import replace_file
from prunepack.stages.contract.progress import note

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

__all__ = ["read_state", "write_state"]

FILE = "training.pt"


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write ``state`` whole or not at all: tensors, numbers and containers of them."""
    import torch

    with replace_file(folder / FILE) as draft:
        torch.save(dict(state), draft)


def read_state(folder: Path, device: torch.device) -> dict[str, Any] | None:
    """Return the state in ``folder``, with its tensors on ``device``; None if there is none."""
    import torch

    path = folder / FILE
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # noqa: BLE001 -- torch raises many kinds on a damaged file
        note(f"{path} cannot be read ({type(error).__name__}): training starts anew")
        return None
    return state
