"""State dicts in files: safetensors, ``torch.save``, numpy, and shards with their index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunepack.errors import RefusedError
from prunepack.stages.contract.progress import remark
from prunepack.stages.sources.file_kinds import find_file_kind
from prunepack.stages.sources.shards import list_shards
from prunepack.stages.sources.state_keys import select_state
from prunepack.stages.sources.torch_files import read_torch_file

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from prunepack.stages.sources.state_keys import State

__all__ = ["read_safetensors", "read_state"]


def read_state(path: Path) -> State:
    """Read a state dict from a file of any known format, recognised by content.

    Raises:
        RefusedError: If the file is missing or damaged, or does not hold a state dict.
    """
    kind = find_file_kind(path)
    if kind == "index":
        return _read_shards(path)
    if kind == "safetensors":
        return select_state(read_safetensors(path), str(path))
    content = _read_arrays(path) if kind == "npz" else read_torch_file(path)
    return select_state(content, str(path))


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict from a safetensors file.

    Raises:
        RefusedError: If the file is missing, truncated or of another format.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise RefusedError(
            f"`{path}` cannot be read",
            expected="a safetensors file",
            found=str(error),
            hint="Copy or download the file again: it is damaged or cut off",
        ) from None


def _read_shards(path: Path) -> State:
    """Read every shard of an index into one state dict.

    Raises:
        RefusedError: If a shard cannot be read.
    """
    shards = list_shards(path)
    state: State = {}
    for shard in shards:
        is_safe = find_file_kind(shard, is_shard=True) == "safetensors"
        content = read_safetensors(shard) if is_safe else read_torch_file(shard)
        state |= select_state(content, str(shard))
    remark(f"`{path}`: weights read from {len(shards)} shards")
    return state


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read an ``.npz`` file, without the pickles that it may hold."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError) as error:
        raise RefusedError(
            f"`{path}` cannot be read",
            expected="an .npz file with arrays of numbers",
            found=str(error).splitlines()[0],
            hint="Save np.savez(path, **arrays), one array per parameter",
        ) from None
