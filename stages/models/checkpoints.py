"""Checkpoints: a module from a folder, and a folder from a module."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import ModelSpec, read_spec
from prunepack.stages.contract.outputs import Checkpoint, MaskedCheckpoint
from prunepack.stages.contract.user_code import is_user_code, load_user_code
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.models.weight_files import read_safetensors
from prunepack.stages.pruning.masks import join_name, put_mask
from prunepack.stages.pruning.parametrizations import fold_parametrizations
from prunepack.stages.pruning.recomputation import (
    recompute_before_forward,
    recompute_masked_weights,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import torch
    from torch import nn

__all__ = [
    "build_module",
    "digest_state",
    "open_model",
    "put_masks",
    "save_checkpoint",
    "save_masked",
]


def build_module(model: str) -> nn.Module:
    """Build ``model`` with the weights that its factory gives it.

    Raises:
        UsageError: If the name is unknown or the user's factory fails.
    """
    if not is_user_code(model):
        return MODELS[model].build()
    from torch import nn

    factory = load_user_code(model)
    try:
        module = factory()
    except (Exception, SystemExit) as error:
        raise UsageError(f"{model}() failed", found=f"{type(error).__name__}: {error}") from error
    if not isinstance(module, nn.Module):
        raise UsageError(
            f"{model}() is not a module",
            expected="a torch.nn.Module",
            found=f"a {type(module).__name__}",
        )
    return module


def open_model(source: Checkpoint | MaskedCheckpoint) -> tuple[nn.Module, ModelSpec]:
    """Rebuild the module in ``source``, with its masks, in evaluation mode.

    Raises:
        RefusedError: If the weights do not fit the model.
        UsageError: If the model's factory cannot be used.
    """
    import torch

    spec = read_spec(source.path)
    with torch.random.fork_rng(devices=[]):
        model = build_module(spec.model)
    if spec.is_final:
        fold_parametrizations(model.eval())
    weights = source.path / type(source).files[1]
    put_masks(model, ((entry.layer, entry.parameter) for entry in spec.pruned), str(weights))
    load_state(model, read_safetensors(weights), str(weights), spec.tied)
    return model.eval(), spec


def put_masks(model: nn.Module, places: Iterable[tuple[str, str]], source: str) -> None:
    """Put a mask of ones on each (layer, parameter), for :func:`load_state` to fill.

    Raises:
        RefusedError: If ``model`` has no such parameter.
    """
    import torch

    own = dict(model.named_parameters(remove_duplicate=False))
    for layer, parameter in places:
        name = join_name(layer, parameter)
        if name not in own:
            raise RefusedError(
                f"{source} does not fit the model", expected=f"a parameter {name}", found="none"
            )
        put_mask(model.get_submodule(layer), parameter, torch.ones_like(own[name]))
    recompute_before_forward(model)


def load_state(
    model: nn.Module, state: Mapping[str, torch.Tensor], source: str, tied: Mapping[str, str] = {}
) -> None:
    """Copy ``state`` into ``model``; every name and every shape must fit.

    Raises:
        RefusedError: If one does not fit; the error names it.
    """
    own = model.state_dict()
    full = _fill_ties(own, state, tied)
    problems = [f"missing {name}" for name in own.keys() - full.keys()]
    problems += [f"unexpected {name}" for name in full.keys() - own.keys()]
    for name in own.keys() & full.keys():
        problems += _list_misfits(name, own[name], full[name])
    if problems:
        shown = "; ".join(sorted(problems)[:5]) + ("; …" if len(problems) > 5 else "")
        raise RefusedError(
            f"{source} does not fit the model",
            expected=f"the {len(own)} tensors of its state dict",
            found=shown,
        )
    # hooks of spectral_norm look for its own names, which a mask changes: all names fit here
    model.load_state_dict(full, strict=False)
    recompute_masked_weights(model)


def _fill_ties(
    own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor], tied: Mapping[str, str]
) -> dict[str, torch.Tensor]:
    """Return ``state`` with every name of its tied tensors; a file may hold any one of them."""
    full = {**state, **{name: state[owner] for name, owner in tied.items() if owner in state}}
    for name, owner in _find_ties(own).items():
        for missing, present in ((name, owner), (owner, name)):
            if missing not in full and present in full:
                full[missing] = full[present]
    return full


def _list_misfits(name: str, own: torch.Tensor, given: torch.Tensor) -> list[str]:
    """Return the reasons why ``given`` cannot be copied into ``own`` without a change of values."""
    import torch

    if given.shape != own.shape:
        return [f"{name} is {tuple(given.shape)} and not {tuple(own.shape)}"]
    if given.layout != torch.strided or given.is_meta:
        return [f"{name} is {'without data' if given.is_meta else 'sparse'} and not dense"]
    if given.is_floating_point() != own.is_floating_point() and not name.endswith("_mask"):
        return [f"{name} is {given.dtype} and not {own.dtype}"]
    return []


def save_checkpoint(out: Path, model: nn.Module, spec: ModelSpec) -> None:
    """Write ``model``, without masks, as a :class:`Checkpoint`."""
    _save(out / Checkpoint.files[1], out, model, spec.model_copy(update={"pruned": ()}))


def save_masked(out: Path, model: nn.Module, spec: ModelSpec) -> None:
    """Write ``model`` with its masks as a :class:`MaskedCheckpoint`."""
    import torch

    _save(out / MaskedCheckpoint.files[1], out, model, spec)
    torch.save(model.state_dict(), out / "pruned_model.pth")


def _save(weights: Path, out: Path, model: nn.Module, spec: ModelSpec) -> None:
    from safetensors.torch import save_file

    state = model.state_dict()
    tied = _find_ties(state)
    owned = {name: _whole(tensor) for name, tensor in state.items() if name not in tied}
    save_file(owned, weights)
    spec = spec.model_copy(update={"tied": tied})
    (out / "model.json").write_text(spec.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return ``tensor`` contiguous and, if it is a part of a larger one, as a copy."""
    part = tensor.untyped_storage().nbytes() != tensor.nbytes
    return tensor.clone().contiguous() if part else tensor.contiguous()


def _find_ties(state: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Map each further name of a shared tensor to the first one."""
    first: dict[tuple[int, torch.Size, tuple[int, ...]], str] = {}
    tied: dict[str, str] = {}
    for name, tensor in state.items():
        owner = first.setdefault((tensor.data_ptr(), tensor.shape, tensor.stride()), name)
        if owner != name and tensor.numel():
            tied[name] = owner
    return tied


def digest_state(state: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 (hex) of the names, dtypes, shapes and bytes of a state dict."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
