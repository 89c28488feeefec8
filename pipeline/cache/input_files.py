"""Files behind a path that a config names: external data, shards, contents of folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.packing import find_model_files
from prunepack.stages.sources.shards import is_index, list_shards

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["list_data_files", "list_model_files", "list_weight_files"]


def list_model_files(path: Path) -> list[Path]:
    """Return the file of a model and its external data."""
    if path.suffix != ".onnx" or not path.is_file():
        return [path]
    return list(find_model_files(path).values())


def list_data_files(path: Path) -> list[Path]:
    """Return every file in a folder, or the file itself."""
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def list_weight_files(path: Path) -> list[Path]:
    """Return a file of weights, with the shards that it names if it is an index."""
    return [path, *list_shards(path)] if is_index(path) and path.is_file() else [path]
