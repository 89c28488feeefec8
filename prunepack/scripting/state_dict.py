"""Tensors of an artifact as a state dict of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import UsageError

if TYPE_CHECKING:
    import torch

    from prunepack.coding.dtypes import Array
    from prunepack.reading.artifact import Artifact

__all__ = ["convert_tensors"]

VIEWED = {
    "bfloat16": "bfloat16",
    "float8e4m3fn": "float8_e4m3fn",
    "float8e4m3fnuz": "float8_e4m3fnuz",
    "float8e5m2": "float8_e5m2",
    "float8e5m2fnuz": "float8_e5m2fnuz",
    "float8e8m0": "float8_e8m0fnu",
}
"""Types of torch that numpy does not have, and that come as bits."""


def convert_tensors(artifact: Artifact) -> dict[str, torch.Tensor]:
    """Return all tensors of an artifact by name, each of its own dtype.

    Raises:
        UsageError: If torch is not installed.
        CorruptArtifactError: If a stream is damaged.
    """
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        raise UsageError(
            "a state dict needs torch",
            expected="torch beside prunepack",
            found="no module named torch",
            hint="Install torch, or read numpy arrays with read_tensors()",
        ) from None
    stored = artifact.read_tensors()
    small = {name: artifact.read_tensor(name) for name in artifact if name not in stored}
    dtypes = {name: info.dtype for name, info in artifact.tensors.items()}
    return {
        name: _convert(array, VIEWED.get(dtypes.get(name, "")))
        for name, array in {**stored, **small}.items()
    }


def _convert(array: Array, dtype: str | None) -> torch.Tensor:
    """Return an array as a tensor that shares its memory, with its bits as another dtype."""
    import torch

    tensor = torch.from_numpy(array)
    return tensor if dtype is None else tensor.view(getattr(torch, dtype))
