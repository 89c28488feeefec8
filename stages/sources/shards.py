"""Index of a checkpoint in several files, as the Hugging Face hub has them."""

from __future__ import annotations

import json
from pathlib import Path, PurePath

from prunepack.errors import RefusedError

__all__ = ["is_index", "list_shards"]


def is_index(path: Path) -> bool:
    """Return whether ``path`` is named like an index of shards."""
    return path.name.endswith(".index.json")


def list_shards(path: Path) -> list[Path]:
    """Return the files that the index at ``path`` names, in their order.

    Raises:
        RefusedError: If it is not an index, or a shard is outside of its folder or missing.
    """
    shards = [path.with_name(name) for name in _read_names(path)]
    for shard in shards:
        if not shard.is_file():
            raise RefusedError(
                f"`{path}` names a shard that is not there",
                expected=f"{shard.name} beside it",
                found="no such file",
                hint="Download the missing shard into the same folder",
            )
    return shards


def _read_names(path: Path) -> list[str]:
    try:
        names = list(dict.fromkeys(json.loads(path.read_bytes())["weight_map"].values()))
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        names = []
    if not names or not all(isinstance(name, str) for name in names):
        raise RefusedError(
            f"`{path}` is not an index of shards",
            expected='a JSON object with a "weight_map" from tensors to files',
            found="another JSON document" if path.is_file() else "no such file",
            hint="Name the weights themselves in load.weights",
        )
    for name in names:
        if PurePath(name).name != name or "\\" in name or name in {"", ".", ".."}:
            raise RefusedError(
                f"`{path}` names a shard outside of its folder",
                expected="a file name",
                found=name,
                hint="Put the index and its shards into one folder",
            )
    return sorted(names)
