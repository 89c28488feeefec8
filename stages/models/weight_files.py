"""State dicts in files: safetensors, and ``torch.save`` read without running code."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    import torch

__all__ = ["read_safetensors", "read_weights"]

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training frameworks keep the state dict."""


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict from safetensors, or from ``torch.save`` with ``weights_only=True``.

    A dictionary that holds the state dict under ``state_dict``, ``model_state_dict`` or ``model``
    is unwrapped, and the prefix ``module.`` of DataParallel is removed.

    Raises:
        RefusedError: If the file is missing or damaged, or does not hold a state dict.
    """
    if path.suffix == ".safetensors":
        return _unwrap(read_safetensors(path), path)
    if path.suffix not in {".pth", ".pt"}:
        raise RefusedError(
            f"{path} is not a state dict",
            expected="a .safetensors, .pth or .pt file",
            found=path.suffix or "no ending",
        )
    return _unwrap(_load_torch_file(path), path)


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
            f"{path} cannot be read", expected="a safetensors file", found=str(error)
        ) from None


def _load_torch_file(path: Path) -> object:
    import torch

    try:
        value: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 -- the unpickler raises anything for damaged bytes
        raise _unreadable(path, error) from None
    return value


def _unreadable(path: Path, error: Exception) -> RefusedError:
    code = re.search(r"GLOBAL ([\w.]+)", str(error))
    if isinstance(error, pickle.UnpicklingError) and code:
        return RefusedError(
            f"{path} holds more than tensors",
            expected="a state dict",
            found=code[1],
            hint="Save torch.save(model.state_dict(), path), not the model: a pickle can run code",
        )
    found = "damaged bytes, or another format"
    if isinstance(error, OSError | RuntimeError) and (message := str(error).strip()):
        found = message.splitlines()[0].split(". ")[0]
    return RefusedError(f"{path} cannot be read", expected="a file of torch.save", found=found)


def _unwrap(value: object, path: Path) -> dict[str, torch.Tensor]:
    """Return the state dict in ``value``.

    Raises:
        RefusedError: If there is none, or it holds anything but tensors by name.
    """
    import torch

    for key in WRAPPERS:
        if isinstance(value, dict) and isinstance(value.get(key), dict):
            value = value[key]
    if not isinstance(value, dict) or not value:
        found = f"a {type(value).__name__}"
        raise RefusedError(f"{path} holds no weights", expected="a state dict", found=found)
    for name, entry in value.items():
        if not isinstance(name, str) or not isinstance(entry, torch.Tensor):
            found = f"{name!r}: a {type(entry).__name__}"
            raise RefusedError(
                f"{path} holds more than tensors",
                expected="only tensors, by their names",
                found=found,
            )
    if all(name.startswith("module.") for name in value):
        return {name.removeprefix("module."): tensor for name, tensor in value.items()}
    return value
